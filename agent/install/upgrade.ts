/**
 * Takes a version into force, with a way back.
 *
 *   staged ─▶ checked ─▶ trial ─▶ in force
 *                │         └────▶ the version before it, which runs again
 *                └──────────────▶ never started
 *
 * Shape   versions lie side by side, so that going back needs no network and no package. What happens next is decided
 *         by files alone: after a power failure during a trial, the same command goes on with it (`resume`). While
 *         `trial` exists, the launcher runs this command with the version before.
 * Errors  Fault 'upgrade.failed' with the reason, after going back; 'upgrade.waiting' when the server's policy does not
 *         allow the version for this laptop's ring; 'package.invalid'.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import { Fault } from '../../wire/fault.ts'
import type { Policy } from '../../wire/messages.ts'
import { attempt } from '../attempt.ts'
import { agentPaths, readJson, writeFileAtomically } from '../config.ts'
import { Contact } from '../contact.ts'
import { lockHolder } from '../lock.ts'
import { type GateOptions, gate } from './gate.ts'
import { sayGoodbye, sayUpgradeFailed } from './goodbye.ts'
import { managedSettings } from './managed.ts'
import type { Places } from './places.ts'
import { compareVersions, parseFileName, sha256Of, trustedKeysIn, verifyPackage, versionIn } from './release.ts'
import type { Service } from './service.ts'
import { unpack } from './unpack.ts'
import { readWord, writeWord } from './word.ts'

const CHECK_MS = 60_000
export const DEADLINE_MS = 10 * 60_000
const NEXT_MS = 250
/** One has some 50 MB. */
const MAX_PACKAGE = 268_435_456
const folderName = z.string().regex(/^\d+\.\d+\.\d+(\.kept)?$/)

export interface UpgradeDeps {
  places: Places
  /** The agent's own folder: key, spool, policy. */
  folder: string
  service: Service
  /** As in `linux-x64`. */
  system: string
  /** Its id and the policy in force; null: not enrolled, or it cannot be read. */
  enrolled: { device: string; policy: Policy } | null
  clock: Pick<GateOptions, 'awakeMs' | 'sleep'>
  deadlineMs: number
  say(line: string): void
}

/** Verifies and unpacks a package, and takes it into force. Resolves when it works. */
export async function upgradeFrom(file: string, deps: UpgradeDeps): Promise<string> {
  const { places, system } = deps
  const found = parseFileName(basename(file))
  const refuse = (why: string, todo: string) => new Fault('package.invalid', { where: file, why, todo })
  if (found === null)
    throw refuse(
      'Its name is not one of ours.',
      `Use the file tellwire-agent-VERSION-${system}.tar.gz as it was built.`,
    )
  if (found.system !== system) throw refuse(`It is for ${found.system}.`, `Use the one for ${system}.`)
  const current = inForce(places)
  const folder = join(places.versions, found.version)
  if (found.version === current) throw refuse('This version is already in force.', 'Nothing has to be done.')
  const draft = `${folder}.new`
  const own = `${folder}.package`
  try {
    const copy = copyOf(file, own, refuse)
    await verifyPackage(copy, trustedKeysIn(join(places.versions, current)))
    refuseUnsuitable(found.version, current, deps)
    rmSync(draft, { recursive: true, force: true })
    await unpack(copy, draft)
    await shareRuntime(join(places.versions, current, places.node), join(draft, places.node))
  } catch (cause) {
    // Of a disk that is full, 130 MB must not stay.
    rmSync(draft, { recursive: true, force: true })
    throw cause
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
  rmSync(folder, { recursive: true, force: true })
  renameSync(draft, folder)
  writeWord(places.staged, found.version)
  return await takeStaged(deps)
}

/**
 * The package in a folder of root's: in a user's, it could be exchanged between the check of its signature and its use.
 */
function copyOf(file: string, to: string, refuse: (why: string, todo: string) => Fault): string {
  if (statSync(file).size > MAX_PACKAGE) throw refuse('It is larger than any of ours.', 'Get it again.')
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true, mode: 0o700 })
  const copy = join(to, basename(file))
  copyFileSync(file, copy)
  // Without a signature the check says so.
  attempt(() => copyFileSync(`${file}.sig`, `${copy}.sig`))
  return copy
}

/** Takes the staged version into force, or goes on with a trial that was interrupted. Null: there is nothing to do. */
export async function upgradeStaged(deps: UpgradeDeps): Promise<string | null> {
  const { places } = deps
  if (existsSync(places.trial)) return await resume(deps)
  const staged = readWord(places.staged)
  if (staged === null) return null
  const current = inForce(places)
  if (compareVersions(versionIn(staged), versionIn(current)) < 0) {
    rmSync(places.staged, { force: true })
    throw older(staged, current)
  }
  refuseUnsuitable(staged, current, deps)
  return await takeStaged(deps)
}

/**
 * Before Windows Installer removes this version for the next one: its files get a second name, under which it judges
 * that one and takes over again if need be. The name.
 */
export function keepForNext(places: Places): string {
  const current = inForce(places)
  const kept = `${versionIn(current)}.kept`
  if (kept !== current) {
    const to = join(places.versions, kept)
    rmSync(to, { recursive: true, force: true })
    linkFolder(join(places.versions, current), to)
  }
  writeWord(places.previous, kept)
  return kept
}

/**
 * Run by a kept version, while Windows Installer puts the next one into force: judges that. Null: none came, and this
 * one was neither removed nor restored by the installer, so it is in force again.
 */
export async function judgeNext(deps: UpgradeDeps): Promise<string | null> {
  const { places, folder, service, deadlineMs, clock } = deps
  const kept = folderName.parse(readWord(places.previous))
  const next = () => {
    const found = folderName.safeParse(readWord(places.current)).data
    return found === undefined || versionIn(found) === versionIn(kept) ? null : found
  }
  const start = clock.awakeMs()
  while (next() === null && clock.awakeMs() - start < deadlineMs) await clock.sleep(NEXT_MS)
  const version = next()
  if (version !== null) {
    writeWord(places.trial, version)
    return await judge(version, kept, deps)
  }
  // Somebody removed the agent.
  if (readWord(places.previous) !== kept) return null
  // The installer went back by itself.
  const current = inForce(places)
  if (current !== kept && existsSync(join(places.versions, current, 'agent.mjs'))) return null
  rmSync(agentPaths(folder).goodbye, { force: true })
  writeWord(places.current, kept)
  service.enable(join(places.versions, kept))
  service.start()
  return null
}

async function takeStaged(deps: UpgradeDeps): Promise<string> {
  const { places, say } = deps
  const version = folderName.parse(readWord(places.staged))
  const current = inForce(places)
  say(`Checking ${version} …`)
  const trouble = await check(version, deps)
  if (trouble !== null) {
    giveUp(version, trouble, deps)
    throw new Fault('upgrade.failed', { where: version, why: trouble, todo: `Version ${current} was not stopped.` })
  }
  writeWord(places.previous, current)
  writeWord(places.trial, version)
  switchTo(version, 'upgrade', deps)
  return await judge(version, current, deps)
}

/**
 * After a power failure: the trial began, and nobody watched its end. If `current` was not written yet, nothing was
 * tried.
 */
async function resume(deps: UpgradeDeps): Promise<string> {
  const { places, say } = deps
  const version = folderName.parse(readWord(places.trial))
  const previous = folderName.parse(readWord(places.previous))
  if (inForce(places) !== version) switchTo(version, 'upgrade', deps)
  else deps.service.start()
  say(`Going on with the trial of ${version} …`)
  return await judge(version, previous, deps)
}

async function judge(version: string, previous: string, deps: UpgradeDeps): Promise<string> {
  const { places, folder, deadlineMs, clock, say } = deps
  const paths = agentPaths(folder)
  say(`Waiting until the server has acknowledged a batch of ${version} …`)
  const verdict = await gate({
    version: versionIn(version),
    deadlineMs,
    ...clock,
    contact: () => attempt(() => readJson(paths.contact, Contact)),
    agentPid: () => lockHolder(paths.lock),
  })
  if (verdict.works) {
    rmSync(places.staged, { force: true })
    rmSync(places.failed, { force: true })
    rmSync(places.trial, { force: true })
    removeOthers(places, [version, previous])
    return version
  }
  giveUp(version, verdict.why, deps)
  switchTo(previous, 'upgrade', deps)
  rmSync(places.trial, { force: true })
  const todo = `Version ${versionIn(previous)} runs again.`
  throw new Fault('upgrade.failed', { where: version, why: verdict.why, todo })
}

/** Stops the agent, which says why, and starts it as `version`. */
function switchTo(version: string, reason: 'upgrade', { places, folder, service }: UpgradeDeps): void {
  sayGoodbye(folder, reason)
  service.stop()
  rmSync(agentPaths(folder).contact, { force: true })
  writeWord(places.current, version)
  service.pointTo?.(join(places.versions, version))
  service.start()
}

/** For whoever looks here, and for the server, which may halt the roll-out: the agent tells it. */
function giveUp(version: string, why: string, { places, folder, enrolled }: UpgradeDeps): void {
  rmSync(places.staged, { force: true })
  const failed = { version: versionIn(version), why }
  writeFileAtomically(places.failed, `${JSON.stringify(failed)}\n`)
  if (enrolled !== null) sayUpgradeFailed(folder, failed)
}

/** Starts the version for a moment, beside the running one. Null: it works as far as that can tell. */
async function check(version: string, { places, folder }: UpgradeDeps): Promise<string | null> {
  const at = join(places.versions, version)
  const args = [join(at, 'agent.mjs'), 'agent', 'check', '--folder', folder]
  const child = spawn(join(at, places.node), args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: CHECK_MS })
  const failed = new Promise<string>((resolve) => child.once('error', (cause) => resolve(cause.message)))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const code = await Promise.race([ended, failed])
  if (typeof code === 'string') return `It cannot be started: ${code}.`
  const [said, errors] = await output
  if (code !== 0) return `Its own check failed: ${errors.trim().slice(-300) || `exit code ${code}`}.`
  return said.trim() === versionIn(version) ? null : `It calls itself '${said.trim().slice(0, 40)}'.`
}

function refuseUnsuitable(version: string, current: string, { enrolled, places }: UpgradeDeps): void {
  if (compareVersions(versionIn(version), versionIn(current)) < 0) throw older(version, current)
  const why = enrolled && whyNot(versionIn(version), ringOf(places), enrolled)
  if (why === null) return
  throw new Fault('upgrade.waiting', {
    where: version,
    why,
    todo: "Change `agents` in the server's configuration; laptops follow by themselves.",
  })
}

const NONE = '0.0.0'

/**
 * Why this laptop must not take the version yet; null: it may.
 *
 * Shape   a ring that the policy does not name is in 'default'; without that, it waits. Which laptops are in a share is
 *         decided by a hash of laptop and version, so that it is the same at every look, a larger share contains the
 *         smaller one, and other laptops come first with the next version.
 */
export function whyNot(
  version: string,
  ownRing: string | null,
  { device, policy }: { device: string; policy: Policy },
): string | null {
  if (policy.halted?.includes(version))
    return 'The policy has halted this version: other laptops had to go back from it.'
  const { versions = null, shares = {} } = policy
  const asked = policy.ring ?? ownRing ?? DEFAULT
  const ring = versions === null || Object.hasOwn(versions, asked) ? asked : DEFAULT
  const allowed = versions === null ? null : (Object.hasOwn(versions, ring) && versions[ring]) || NONE
  if (allowed !== null && compareVersions(version, allowed) > 0)
    return `The policy allows ring '${asked}' ${allowed === NONE ? 'no version' : `versions up to ${allowed}`}.`
  const share = Object.hasOwn(shares, ring) ? shares[ring]! : 100
  if (placeOf(device, version) < share) return null
  return `The policy allows it to ${share} % of ring '${ring}', and this laptop is not among them yet.`
}

const DEFAULT = 'default'

/** 0 <= place < 100, evenly spread. */
function placeOf(device: string, version: string): number {
  const hash = createHash('sha256').update(`tellwire roll-out\n${version}\n${device}`).digest()
  return (hash.readUInt32BE(0) / 2 ** 32) * 100
}

function older(version: string, current: string): Fault {
  return new Fault('package.invalid', {
    where: version,
    why: `It is older than ${versionIn(current)}, which is in force.`,
    todo: 'Build a version with a higher number.',
  })
}

/** Null: it is in no ring of its own. A profile of the company goes before a file. */
export function ringOf({ ring, managed }: Pick<Places, 'ring' | 'managed'>): string | null {
  return managedSettings(managed).ring ?? readWord(ring)
}

/** The folder of the version in force. Errors  Fault 'usage' if the agent was not installed. */
export function inForce({ current, program }: Pick<Places, 'current' | 'program'>): string {
  const found = folderName.safeParse(readWord(current))
  if (found.success) return found.data
  throw new Fault('usage', {
    where: program,
    why: 'No version is in force here.',
    todo: 'Install the agent first: tellwire agent install.',
  })
}

/** Each file with a second name; a copy, where the file system has no such names. */
function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [old, fresh] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) linkFolder(old, fresh)
    else
      try {
        linkSync(old, fresh)
      } catch {
        copyFileSync(old, fresh)
      }
  }
}

/** Node is 100 MB and rarely changes: one file with two names. */
async function shareRuntime(old: string, fresh: string): Promise<void> {
  try {
    if ((await sha256Of(old)) !== (await sha256Of(fresh))) return
    linkSync(old, `${fresh}.old`)
    renameSync(`${fresh}.old`, fresh)
  } catch {
    // Another file system, or no links there: two files.
  }
}

function removeOthers({ versions }: Places, keep: readonly string[]): void {
  for (const name of readdirSync(versions))
    if (!keep.includes(name)) rmSync(join(versions, name), { recursive: true, force: true })
}
