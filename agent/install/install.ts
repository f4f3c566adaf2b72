/**
 * Installs the version that runs this, from its own folder: the unpacked .tar.gz.
 *
 * Shape   copies the folder to `versions/<version>`, writes launcher, service definitions and what the installer was
 *         given, and starts the service. Everything is written again by a second run. Packages (.deb, .rpm, .msi) bring
 *         the same files themselves.
 * Errors  Fault 'usage' when another version is in force, or the folder is none that can be installed; node:fs's.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AgentProduct } from '../../wire/common.ts'
import { Fault } from '../../wire/fault.ts'
import { ringName } from '../../wire/messages.ts'
import { writeFileAtomically } from '../config.ts'
import { parseToken } from '../enroll.ts'
import { launchdJobs, SERVICE, systemdUnit, systemdUpgradeUnits, unixLauncher, windowsLauncher } from './definitions.ts'
import type { Places } from './places.ts'
import type { Service } from './service.ts'
import { readWord, writeWord } from './word.ts'

/** What an installer was given, by whatever way: command line, package property, or a file that IT put there. */
export interface Settings {
  token: string | null
  /** A PEM file, which is copied. */
  caFile: string | null
  ring: string | null
}

export interface InstallDeps {
  places: Places
  product: AgentProduct
  service: Service
  version: string
  /** The folder of the program that runs. */
  from: string
  settings: Settings
}

export function install({ places, product, service, version, from, settings }: InstallDeps): void {
  if (!existsSync(join(from, places.node)) || !existsSync(join(from, 'agent.mjs')))
    throw new Fault('usage', {
      where: from,
      why: 'There is no program with its runtime here.',
      todo: 'Unpack tellwire-agent-VERSION-SYSTEM.tar.gz, and run its own `install`.',
    })
  const found = readWord(places.current)
  if (found !== null && found !== version)
    throw new Fault('usage', {
      where: places.program,
      why: `Version ${found} is installed.`,
      todo: 'Use `tellwire agent upgrade FILE`, which can go back.',
    })
  const target = join(places.versions, version)
  if (from !== target) {
    const draft = `${target}.new`
    rmSync(draft, { recursive: true, force: true })
    cpSync(from, draft, { recursive: true, errorOnExist: true })
    rmSync(target, { recursive: true, force: true })
    renameSync(draft, target)
  }
  saveSettings(places, settings)
  write(places.launcher, product === 'windows' ? windowsLauncher() : unixLauncher(places), 0o755)
  writeWord(places.current, version)
  chmodSync(places.program, 0o755)
  chmodSync(places.versions, 0o755)
  if (places.link !== null) {
    mkdirSync(dirname(places.link), { recursive: true })
    rmSync(places.link, { force: true })
    symlinkSync(places.launcher, places.link)
  }
  if (service.definitions !== null)
    for (const [name, text] of Object.entries(definitionsOf(product, places)))
      write(join(service.definitions, name), text, 0o644)
  service.enable(target)
  service.start()
}

/** Errors  Fault 'enroll.token' or 'usage' for a value that cannot be right: better now than on a thousand laptops. */
export function saveSettings(places: Places, { token, caFile, ring }: Settings): void {
  if (token !== null) parseToken(token)
  if (ring !== null && !ringName.safeParse(ring).success)
    throw new Fault('usage', { where: '--ring', todo: 'Use lower-case letters, digits and hyphens.' })
  mkdirSync(places.settings, { recursive: true, mode: 0o700 })
  if (token !== null) writeFileAtomically(places.enrollment, `${token}\n`)
  if (ring !== null) writeFileAtomically(places.ring, `${ring}\n`)
  if (caFile !== null) writeFileAtomically(places.ca, readFileSync(caFile, 'utf8'))
}

/** The service's definitions by file name; none on Windows, whose service manager keeps them. */
export function definitionsOf(product: AgentProduct, places: Places): Record<string, string> {
  if (product === 'linux') return { [`${SERVICE}.service`]: systemdUnit(places), ...systemdUpgradeUnits(places) }
  return product === 'macos' ? launchdJobs(places) : {}
}

function write(path: string, text: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  writeFileAtomically(path, text)
  chmodSync(path, mode)
}
