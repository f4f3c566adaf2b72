/**
 * The system's service manager: systemd, launchd, or Windows' service control manager, by their own commands.
 *
 * Errors  Fault 'usage' when a command fails, with what it said. Only installation, upgrade and removal call these; the
 *         running agent starts none of them. launchd's and Windows' have not run on a real system.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { AgentProduct } from '../../wire/common.ts'
import { Fault } from '../../wire/fault.ts'
import { LAUNCHD_LABEL, LAUNCHD_UPGRADE_LABEL, SERVICE, UPGRADE, windowsServiceArguments } from './definitions.ts'

export interface Service {
  /** Where its definitions are, by file name; null where the system keeps them itself. */
  definitions: string | null
  /** Makes it start with the system. */
  enable(versionFolder: string): void
  /** Removes it from what starts with the system. The upgrade's watcher stops; the service must have stopped. */
  disable(): void
  start(): void
  /** Returns when it has stopped; no failure if it does not run. */
  stop(): void
  /** Where the service starts a version's program itself: names the version's folder. */
  pointTo?(versionFolder: string): void
}

export function serviceOf(product: AgentProduct, root = ''): Service {
  return { linux: systemd, macos: launchd, windows: windowsService }[product](root)
}

const WATCHERS = [`${UPGRADE}.path`, `${UPGRADE}.service`]

function systemd(root: string): Service {
  const runs = existsSync(`${root}/run/systemd/system`)
  return {
    definitions: `${root}/etc/systemd/system`,
    enable() {
      if (runs) command('systemctl', 'daemon-reload')
      command('systemctl', 'enable', '--quiet', SERVICE, ...WATCHERS)
      if (runs) command('systemctl', 'start', `${UPGRADE}.path`)
    },
    disable() {
      attempt('systemctl', 'disable', '--quiet', SERVICE, ...WATCHERS)
      // Not the upgrade itself: it may be what runs this.
      if (runs) attempt('systemctl', 'stop', `${UPGRADE}.path`)
    },
    start: () => {
      if (runs) command('systemctl', 'start', SERVICE)
    },
    stop: () => {
      if (runs) command('systemctl', 'stop', SERVICE)
    },
  }
}

function launchd(root: string): Service {
  const definitions = `${root}/Library/LaunchDaemons`
  return {
    definitions,
    enable() {
      command('launchctl', 'enable', `system/${LAUNCHD_LABEL}`)
      attempt('launchctl', 'bootstrap', 'system', `${definitions}/${LAUNCHD_UPGRADE_LABEL}.plist`)
    },
    disable() {
      attempt('launchctl', 'bootout', `system/${LAUNCHD_LABEL}`)
      attempt('launchctl', 'bootout', `system/${LAUNCHD_UPGRADE_LABEL}`)
    },
    start: () => command('launchctl', 'bootstrap', 'system', `${definitions}/${LAUNCHD_LABEL}.plist`),
    stop: () => attempt('launchctl', 'bootout', `system/${LAUNCHD_LABEL}`),
  }
}

function windowsService(): Service {
  const path = (versionFolder: string) => `"${versionFolder}\\node.exe" ${windowsServiceArguments(versionFolder)}`
  return {
    definitions: null,
    enable(versionFolder) {
      command('sc.exe', 'create', SERVICE, 'start=', 'auto', 'binPath=', path(versionFolder))
      command('sc.exe', 'failure', SERVICE, 'reset=', '86400', 'actions=', 'restart/5000/restart/60000/restart/600000')
    },
    disable: () => attempt('sc.exe', 'delete', SERVICE),
    start: () => command('sc.exe', 'start', SERVICE),
    // `net stop` waits, `sc stop` does not.
    stop: () => attempt('net.exe', 'stop', SERVICE),
    pointTo: (versionFolder) => command('sc.exe', 'config', SERVICE, 'binPath=', path(versionFolder)),
  }
}

function command(program: string, ...args: string[]): void {
  const { status, error, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 })
  if (status === 0) return
  throw new Fault('usage', {
    where: [program, ...args].join(' '),
    why: error?.message ?? `${stderr}${stdout}`.trim().slice(-500),
    todo: 'Run this as an administrator.',
  })
}

function attempt(program: string, ...args: string[]): void {
  spawnSync(program, args, { stdio: 'ignore', timeout: 60_000 })
}
