#!/usr/bin/env bash
# The machine on which the Linux packages are tested: Debian with systemd in a folder, made once and kept. As root.
#
#   linux-machine.sh              makes it if it is missing, and prints its folder
#   linux-machine.sh check        prints the folder if it is there, else fails
#   linux-machine.sh boot         starts systemd on a copy of it that is thrown away, prints "pid N", and waits for its end
#
# The folder is TELLWIRE_LINUX_MACHINE, by default ~/.cache/tellwire/linux. The network is this machine's own.
set -euo pipefail
release=bookworm
recipe=1
folder=${TELLWIRE_LINUX_MACHINE:-$HOME/.cache/tellwire/linux}
root=$folder/root-$recipe

make() {
  [ -e "$root/.ready" ] && return
  [ "$(id -u)" = 0 ] || { echo "the Linux machine is made by root" >&2; return 1; }
  mkdir -p "$folder"
  rm -rf "$folder"/root-*
  # The mirror that this machine's own apt uses.
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    grep -v security | sort -u | head -n 1)
  debootstrap --variant=minbase --include=systemd,dbus "$release" "$root" ${mirror:+"$mirror"} >"$folder/make.log" 2>&1
  touch "$root/.ready"
}

boot() {
  local work cgroup
  work=$(mktemp -d)
  # A control group of its own, that can be removed when everything in it has ended.
  mkdir "$work/cgroup" "$work/disk"
  mount --make-rprivate /
  mount -t cgroup2 none "$work/cgroup"
  cgroup=$work/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/tellwire-test-$$
  mkdir "$cgroup"
  mount -t tmpfs tmpfs "$work/disk"
  mkdir "$work/disk/upper" "$work/disk/work" "$work/root"
  mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/disk/upper,workdir=$work/disk/work" "$work/root"
  sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$cgroup" \
    unshare --mount --pid --uts --ipc --cgroup --fork --kill-child bash -euc '
      cd "$1"
      mount -t proc proc proc
      mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
      mount -t sysfs -o ro sysfs sys
      mount -t cgroup2 cgroup2 sys/fs/cgroup
      mount -t tmpfs -o mode=755 tmpfs dev
      for it in null zero full random urandom tty; do cp -a "/dev/$it" dev/; done
      mkdir dev/shm dev/pts && mount -t tmpfs tmpfs dev/shm
      mount -t tmpfs -o mode=755 tmpfs run
      mount -t tmpfs tmpfs tmp
      ln -sf /dev/null etc/systemd/system/getty.target
      exec env -i container=tellwire PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --log-target=null
    ' - "$work/root" </dev/null >/dev/null 2>&1 &
  local launched=$! child=
  while [ -z "$child" ] && kill -0 "$launched" 2>/dev/null; do
    child=$(pgrep -P "$launched" || true)
    [ -n "$child" ] || sleep 0.05
  done
  echo "pid $child"
  wait "$launched" || true
  find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
  umount -l "$work/root" "$work/disk" "$work/cgroup"
  rm -rf "$work"
}

case ${1:-} in
check) [ -e "$root/.ready" ] || { echo "there is no Linux machine in $folder" >&2; exit 1; } ;;
boot)
  [ -n "${IN_NAMESPACE:-}" ] || exec env IN_NAMESPACE=1 unshare --mount "$0" boot
  boot
  exit
  ;;
*) make ;;
esac
echo "$root"
