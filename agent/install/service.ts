/**
 * The system's service manager: systemd and launchd by their own commands, Windows' by its calls.
 *
 * Errors  Fault 'usage' when a command fails, with what it said. Only installation, upgrade and removal call these; the
 *         running agent starts none of them. launchd's have not run, Windows' calls under Wine only.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { AgentProduct } from '../../wire/common.ts'
import { Fault } from '../../wire/fault.ts'
import { attempt } from '../attempt.ts'
import { installService, quoted, removeService, startService, stopService } from '../host/windows/service.ts'
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

const ADMINISTRATOR = 'Run this as an administrator.'
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
      quietly('systemctl', 'disable', '--quiet', SERVICE, ...WATCHERS)
      // Not the upgrade itself: it may be what runs this.
      if (runs) quietly('systemctl', 'stop', `${UPGRADE}.path`)
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
      quietly('launchctl', 'bootstrap', 'system', `${definitions}/${LAUNCHD_UPGRADE_LABEL}.plist`)
    },
    disable() {
      quietly('launchctl', 'bootout', `system/${LAUNCHD_LABEL}`)
      quietly('launchctl', 'bootout', `system/${LAUNCHD_UPGRADE_LABEL}`)
    },
    start: () => command('launchctl', 'bootstrap', 'system', `${definitions}/${LAUNCHD_LABEL}.plist`),
    stop: () => quietly('launchctl', 'bootout', `system/${LAUNCHD_LABEL}`),
  }
}

function windowsService(): Service {
  const path = (versionFolder: string) =>
    `${quoted(`${versionFolder}\\node.exe`)} ${windowsServiceArguments(versionFolder)}`
  const enable = (versionFolder: string) => called(() => installService(SERVICE, path(versionFolder)))
  return {
    definitions: null,
    disable: () => attempt(() => removeService(SERVICE)),
    start: () => called(() => startService(SERVICE)),
    stop: () => attempt(() => stopService(SERVICE)),
    enable,
    pointTo: enable,
  }
}

function called(act: () => void): void {
  try {
    act()
  } catch (cause) {
    throw new Fault('usage', { where: SERVICE, why: (cause as Error).message, todo: ADMINISTRATOR })
  }
}

function command(program: string, ...args: string[]): void {
  const { status, error, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 })
  if (status === 0) return
  throw new Fault('usage', {
    where: [program, ...args].join(' '),
    why: error?.message ?? `${stderr}${stdout}`.trim().slice(-500),
    todo: ADMINISTRATOR,
  })
}

function quietly(program: string, ...args: string[]): void {
  spawnSync(program, args, { stdio: 'ignore', timeout: 60_000 })
}
