/** The agent's folder: where each thing lies, and the few that are read and written whole. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { epochMs, identifier, name } from '../wire/common.ts'
import { Fault } from '../wire/fault.ts'
import type { System } from './host/host.ts'

export function layout(folder: string) {
  return {
    config: join(folder, 'agent.json'),
    key: join(folder, 'key.pem'),
    policy: join(folder, 'policy.json'),
    /** When the agent first ran here, and which version ran last. */
    laptop: join(folder, 'laptop.json'),
    /** There while the agent runs; a clean stop removes it. */
    running: join(folder, 'running.json'),
    status: join(folder, 'status.json'),
    sent: join(folder, 'sent.ndjson'),
    spool: join(folder, 'spool'),
    lock: join(folder, 'spool', 'lock'),
    memory: join(folder, 'memory'),
  }
}

/** `--folder`, then TELLWIRE_AGENT_FOLDER, then where the system keeps such things. */
export function agentFolder(
  given: string | undefined,
  env: NodeJS.ProcessEnv,
  uid: number | undefined,
  system: Pick<System, 'agentFolder'>,
): string {
  const folder = given || env.TELLWIRE_AGENT_FOLDER || system.agentFolder(env, uid)
  if (!folder) throw new Fault('usage', { todo: 'HOME is not set: name a folder with --folder.' })
  return folder
}

/** Who this laptop is, and for whom. `ca` PEM of the authority that signed the server's certificate, null: the system's. */
export const Config = z.strictObject({
  url: z.string().max(512),
  serverKey: z.string().max(64),
  device: identifier,
  ca: z.string().max(262_144).nullable(),
})
export type Config = z.infer<typeof Config>

/** Errors: Fault 'agent.not_enrolled' when there is none, 'config.invalid' when it cannot be read. */
export function loadConfig(folder: string): Config {
  const { config } = layout(folder)
  const found = readJson(config, Config)
  if (found === null)
    throw new Fault('agent.not_enrolled', {
      where: config,
      todo: 'Ask the security team for a token, then run: tellwire agent enroll TOKEN',
    })
  return found
}

export function saveConfig(folder: string, config: Config): void {
  writeWhole(layout(folder).config, JSON.stringify(config, null, 2))
}

const Laptop = z.strictObject({ firstBoot: epochMs, version: name })

/** The moment the agent first ran on this laptop, noted at the first call; and the version of its last run. */
export function laptop(folder: string, now: number, version: string): { firstBoot: number; versionBefore: string } {
  const path = layout(folder).laptop
  let found: z.infer<typeof Laptop> | null = null
  try {
    found = readJson(path, Laptop)
  } catch {
    // Unreadable: it is written anew. The server keeps the moment it was told at enrolment.
  }
  const firstBoot = found?.firstBoot ?? now
  if (found?.version !== version) writeWhole(path, JSON.stringify({ firstBoot, version }))
  return { firstBoot, versionBefore: found?.version ?? version }
}

/** Null when there is no such file. Errors: Fault 'config.invalid' with the field. */
export function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    const { code } = cause as NodeJS.ErrnoException
    throw new Fault('config.invalid', { where: path, todo: `It cannot be read (${code}).`, cause })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Fault('config.invalid', { where: path, todo: 'It is no JSON; enrol again with a new token.', cause })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Fault('config.invalid', { where: `${path}: ${issue?.path.join('.')}`, todo: `${issue?.message}.` })
}

/** Written beside, synced, renamed: whoever reads finds the old one or the new one, also after a power cut. */
export function writeWhole(path: string, text: string, options: { sync: boolean } = { sync: true }): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.new`
  const fd = openSync(draft, 'w', 0o600)
  try {
    writeSync(fd, text)
    if (options.sync) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
}
