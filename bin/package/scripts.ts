/**
 * What the package managers of Linux run, for .deb and .rpm alike.
 *
 * Shape   an upgrade does not replace the version in force: before the package manager removes its files, they get a
 *         second name (hard links), and stay in force until the new version has shown that it works. `tellwire agent
 *         upgrade --staged`, which systemd runs, decides that; the package manager does not wait for it.
 */
import { SERVICE, UPGRADE } from '../../agent/install/definitions.ts'
import { placesOf } from '../../agent/install/places.ts'

const { program, versions, current, staged, state, settings, launcher } = placesOf('linux')
const UNITS = `${SERVICE}.service ${UPGRADE}.service ${UPGRADE}.path`
const ON_SYSTEMD = '[ -d /run/systemd/system ]'

/** Before the files of a new version replace those of an old one. */
export const keepVersionInForce = `if [ -f ${current} ]; then
  kept=$(cat ${current})
  case $kept in
  *.kept) ;;
  *)
    if [ -d "${versions}/$kept" ]; then
      rm -rf "${versions}/$kept.kept"
      cp -al "${versions}/$kept" "${versions}/$kept.kept"
      echo "$kept.kept" >${current}.new
      mv -f ${current}.new ${current}
    fi
    ;;
  esac
fi`

export const afterInstall = (version: string) => `mkdir -p -m 700 ${state} ${settings}
if [ ! -f ${current} ]; then
  echo '${version}' >${current}
  if command -v systemctl >/dev/null; then systemctl enable --quiet ${UNITS} || true; fi
  if ${ON_SYSTEMD}; then
    systemctl daemon-reload
    systemctl start ${SERVICE}.service ${UPGRADE}.path || true
  fi
else
  echo '${version}' >${staged}
  if ${ON_SYSTEMD}; then
    systemctl daemon-reload
    systemctl restart --no-block ${UPGRADE}.service || true
  fi
fi`

/** Fails, and with it the removal, when the server demands a token. */
export const beforeRemoval = `if [ -f ${current} ]; then ${launcher} agent uninstall --packaged; fi`

export const afterRemoval = `rm -rf ${program}
if ${ON_SYSTEMD}; then systemctl daemon-reload || true; fi`

export const forgetAll = `rm -rf ${state} ${settings}`
