/**
 * The texts that make the agent a service: launcher, systemd units, launchd job. Pure, because packages are built with
 * them and `tellwire agent install` writes the same.
 *
 * Source  systemd.exec(5), systemd.resource-control(5), systemd.path(5); launchd.plist(5), of which nothing has run here.
 */
import { LEAN } from '../../bin/lean.js'
import type { Places } from './places.ts'

export const SERVICE = 'tellwire-agent'
export const UPGRADE = 'tellwire-upgrade'
export const LAUNCHD_LABEL = 'com.tellwire.agent'
export const LAUNCHD_UPGRADE_LABEL = 'com.tellwire.upgrade'

/** What the service runs. Without an enrollment it waits for one: a supervisor would restart it all the time. */
export const RUN = ['agent', 'run', '--wait-for-enrollment'] as const

/**
 * The launcher of Linux and macOS. The flags that save memory can be set at the start of a process only: 113 MB
 * resident without them, 80 with them.
 *
 * Shape   starts the version that `current` names. During a trial `agent upgrade` is run by the version before it,
 *         because the new one may not run at all. A `current` that is a path is refused.
 */
export function unixLauncher({ program }: Pick<Places, 'program'>): string {
  return `#!/bin/sh
# Starts the Tellwire version in force, with the flags that keep its memory small.
root='${program}'
which=current
if [ "$1 $2" = 'agent upgrade' ] && [ -f "$root/trial" ]; then which=previous; fi
read -r version <"$root/$which" || [ -n "$version" ] || { echo "tellwire: $root/$which cannot be read" >&2; exit 1; }
case $version in
'' | .* | */*) echo "tellwire: $root/$which names no version" >&2; exit 1 ;;
esac
at="$root/versions/$version"
if [ "$1 $2" = 'agent run' ]; then
  ${Object.entries(LEAN.env)
    .map(([name, value]) => `export ${name}=${value}`)
    .join('; ')}
  exec "$at/node" ${LEAN.flags.join(' ')} "$at/agent.mjs" "$@"
fi
exec "$at/node" "$at/agent.mjs" "$@"
`
}

/** For people at a terminal; the service starts node.exe itself. */
export function windowsLauncher(): string {
  return [
    '@echo off',
    'setlocal',
    'set /p version=<"%~dp0..\\current"',
    'set at=%~dp0..\\versions\\%version%',
    `if "%1 %2"=="agent run" ("%at%\\node.exe" ${LEAN.flags.join(' ')} "%at%\\agent.mjs" %*) else ("%at%\\node.exe" "%at%\\agent.mjs" %*)`,
    'exit /b %errorlevel%',
    '',
  ].join('\r\n')
}

/**
 * The agent under systemd.
 *
 * Shape   root, without what root does not need to look: it reads every file and process (CAP_DAC_READ_SEARCH,
 *         CAP_SYS_PTRACE), hears of program starts (CAP_NET_ADMIN; tracefs, which another unit mounts), and writes its
 *         own state only. Not set, because it would blind a collector or stop Node: PrivateTmp, PrivateDevices,
 *         PrivateNetwork, ProtectKernelTunables (tracefs is below /sys), ProtectProc, MemoryDenyWriteExecute.
 * Units   the limits are for the service with all its processes: at most a fifth of a core, 160 MB.
 */
export function systemdUnit({ launcher, settings }: Pick<Places, 'launcher' | 'settings'>): string {
  return `[Unit]
Description=Tellwire agent
After=network.target sys-kernel-tracing.mount
Wants=sys-kernel-tracing.mount
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${launcher} ${RUN.join(' ')}
Restart=always
RestartSec=5
KillMode=mixed
TimeoutStopSec=15
CPUQuota=20%
MemoryHigh=96M
MemoryMax=160M
TasksMax=64
Nice=10
IOSchedulingClass=idle
UMask=0077
StateDirectory=tellwire
StateDirectoryMode=0700
ReadWritePaths=-${settings}
ProtectSystem=strict
ProtectHome=read-only
ProtectKernelModules=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_NET_ADMIN
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`
}

/** Takes a staged version into force, at the start of the system and when the policy changes. */
export function systemdUpgradeUnits({
  launcher,
  staged,
  trial,
  state,
}: Pick<Places, 'launcher' | 'staged' | 'trial' | 'state'>): Record<string, string> {
  return {
    [`${UPGRADE}.service`]: `[Unit]
Description=Tellwire agent: upgrade, with the way back
After=${SERVICE}.service
ConditionPathExists=|${staged}
ConditionPathExists=|${trial}

[Service]
Type=exec
ExecStart=${launcher} agent upgrade --staged
Nice=10

[Install]
WantedBy=multi-user.target
`,
    [`${UPGRADE}.path`]: `[Unit]
Description=Tellwire agent: the server may allow a version

[Path]
PathChanged=${state}/agent/policy.json

[Install]
WantedBy=multi-user.target
`,
  }
}

/** launchd.plist(5). It has no limit for memory or CPU; Background and LowPriorityIO are what it has. Has not run here. */
export function launchdJobs({
  launcher,
  staged,
  state,
}: Pick<Places, 'launcher' | 'staged' | 'state'>): Record<string, string> {
  const log = '/Library/Logs/Tellwire.log'
  return {
    [`${LAUNCHD_LABEL}.plist`]: plist({
      Label: LAUNCHD_LABEL,
      ProgramArguments: [launcher, ...RUN],
      RunAtLoad: true,
      KeepAlive: true,
      ThrottleInterval: 60,
      ProcessType: 'Background',
      LowPriorityIO: true,
      Nice: 10,
      Umask: 0o077,
      StandardErrorPath: log,
    }),
    [`${LAUNCHD_UPGRADE_LABEL}.plist`]: plist({
      Label: LAUNCHD_UPGRADE_LABEL,
      ProgramArguments: [launcher, 'agent', 'upgrade', '--staged'],
      RunAtLoad: true,
      WatchPaths: [staged, `${state}/agent/policy.json`],
      ProcessType: 'Background',
      StandardErrorPath: log,
    }),
  }
}

type PlistValue = string | number | boolean | readonly string[]

function plist(values: Record<string, PlistValue>): string {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const written = (value: PlistValue): string =>
    typeof value === 'string'
      ? `<string>${escaped(value)}</string>`
      : typeof value === 'number'
        ? `<integer>${value}</integer>`
        : typeof value === 'boolean'
          ? `<${value}/>`
          : `<array>${value.map((it) => `<string>${escaped(it)}</string>`).join('')}</array>`
  const rows = Object.entries(values).map(([key, value]) => `  <key>${key}</key>${written(value)}`)
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
${rows.join('\n')}
</dict>
</plist>
`
}

/**
 * The service's command line behind node.exe on Windows. The service manager cannot set MALLOC_ARENA_MAX, which Windows
 * does not read either. `--service`: it has to be told by calls that the program runs, and it stops it by calls.
 */
export function windowsServiceArguments(versionFolder: string): string {
  return `${LEAN.flags.join(' ')} "${versionFolder}\\agent.mjs" ${RUN.join(' ')} --service`
}
