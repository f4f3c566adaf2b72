/** The agent's folder: its files, and functions to read and write the small ones. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { epochMs, identifier, name } from '../wire/common.ts'
import { Fault } from '../wire/fault.ts'
import type { System } from './host/host.ts'

export function agentPaths(folder: string) {
  return {
    config: join(folder, 'agent.json'),
    key: join(folder, 'key.pem'),
    policy: join(folder, 'policy.json'),
    /** When the agent first ran on this laptop, and which version ran last. */
    runs: join(folder, 'laptop.json'),
    /** Exists while the agent runs; a clean stop removes it. */
    running: join(folder, 'running.json'),
    /** The collectors at work, after a death; those that do not run for a day. */
    looks: join(folder, 'looks.json'),
    bans: join(folder, 'bans.json'),
    /** Whether this run was acknowledged: see contact.ts. */
    contact: join(folder, 'contact.json'),
    /** What was known of the agent's own files: see own-files.ts. */
    ownFiles: join(folder, 'own-files.json'),
    /** When and why it stopped in good order: see stopped.ts. */
    stopped: join(folder, 'stopped.json'),
    /** Why it is about to be stopped: see install/goodbye.ts. */
    goodbye: join(folder, 'goodbye.json'),
    status: join(folder, 'status.json'),
    sent: join(folder, 'sent.ndjson'),
    spool: join(folder, 'spool'),
    lock: join(folder, 'spool', 'lock'),
    state: join(folder, 'memory'),
  }
}

/** `--folder`, else TELLWIRE_AGENT_FOLDER, else the default of the operating system. */
export function agentFolder(
  given: string | undefined,
  env: NodeJS.ProcessEnv,
  uid: number | undefined,
  system: Pick<System, 'agentFolder'>,
): string {
  const folder = given || env.TELLWIRE_AGENT_FOLDER || system.agentFolder(env, uid)
  if (!folder) throw new Fault('usage', { why: 'HOME is not set.', todo: 'Name a folder with --folder.' })
  return folder
}

/** The enrollment. `ca`: PEM of the authority that signed the server's certificate; null: the system's authorities. */
export const Config = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(512),
  serverKey: z.string().max(64),
  device: identifier,
  ca: z.string().max(262_144).nullable(),
})
export type Config = z.infer<typeof Config>

/** Errors  Fault 'agent.not_enrolled' if there is none, 'config.invalid' if it cannot be read. */
export function loadConfig(folder: string): Config {
  const { config } = agentPaths(folder)
  const found = readJson(config, Config)
  if (found === null)
    throw new Fault('agent.not_enrolled', {
      where: config,
      todo:
        'Ask the security team for a token, then run: tellwire agent enroll TOKEN. ' +
        'If it is enrolled, name its folder with --folder: `tellwire up` prints the one it uses.',
    })
  return found
}

export function saveConfig(folder: string, config: Config): void {
  writeFileAtomically(agentPaths(folder).config, JSON.stringify(config, null, 2))
}

const Runs = z.strictObject({ firstBoot: epochMs, version: name })

/**
 * Records this run. `firstBoot`: when the agent first ran on this laptop; `previousVersion`: the version that ran last.
 */
export function recordRun(
  folder: string,
  now: number,
  version: string,
): { firstBoot: number; previousVersion: string } {
  const path = agentPaths(folder).runs
  let found: z.infer<typeof Runs> | null = null
  try {
    found = readJson(path, Runs)
  } catch {
    // Unreadable: write it again. The server keeps the `firstBoot` that it received at enrollment.
  }
  const firstBoot = found?.firstBoot ?? now
  if (found?.version !== version) writeFileAtomically(path, JSON.stringify({ firstBoot, version }))
  return { firstBoot, previousVersion: found?.version ?? version }
}

const REPAIR = 'Delete this file. If it is agent.json, enroll again with a new token.'

/** Null if there is no such file. Errors  Fault 'config.invalid' with the field. */
export function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    const { code } = cause as NodeJS.ErrnoException
    throw new Fault('config.invalid', {
      where: path,
      why: `It cannot be read (${code}).`,
      todo: 'Check the permissions of the file, and the user that runs the agent.',
      cause,
    })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Fault('config.invalid', { where: path, why: 'It is not JSON.', todo: REPAIR, cause })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Fault('config.invalid', {
    where: `${path}: ${issue?.path.join('.')}`,
    why: issue?.message ?? null,
    todo: REPAIR,
  })
}

/**
 * Writes a draft, syncs and renames it: readers see the old file or the new one, even after a power failure.
 *
 * Errors  node:fs's; the old file is as it was.
 */
export function writeFileAtomically(path: string, text: string, options: { sync: boolean } = { sync: true }): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.new`
  try {
    const fd = openSync(draft, 'w', 0o600)
    try {
      // Not `writeSync`, which on a nearly full disk writes a part and reports no error.
      writeFileSync(fd, text)
      if (options.sync) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(draft, path)
  } catch (cause) {
    rmSync(draft, { force: true })
    throw cause
  }
}
