/**
 * Whether the agent's own files are as the agent left them.
 *
 * Shape   the program's files are hashed at the first look, and again when one of them has another size, time or inode.
 *         own-files.json has what the last run knew, so that a change between two runs of one version is noticed, too.
 *         The policy is compared with the server's signature, the enrollment with what the last run knew.
 * Errors  null for a program that runs from its sources, or whose files cannot be read. What cannot be written is
 *         forgotten. Whoever may change these files can change this one, too: see SECURITY.md.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import * as z from 'zod'
import type { ObservationOf } from '../wire/event.ts'
import { attempt } from './attempt.ts'
import { agentPaths, Config, readJson, writeFileAtomically } from './config.ts'
import { isForeignPolicy } from './policy.ts'

export type Changed = NonNullable<ObservationOf<'agent_state'>['Changed']>

/** A version's folder has 60 files. */
const MAX_FILES = 1_000

const Known = z.object({
  version: z.string(),
  program: z.string().nullable(),
  device: z.string(),
  config: z.string(),
})

export interface OwnFiles {
  /** Lower-case hex; null: not looked yet, or not known. */
  readonly programHash: string | null
  /** What has changed since the previous call, or since the last run. */
  look(): Promise<Changed[]>
}

/** `program`: the folder of the program's files; null: it runs from its sources. */
export function ownFiles(folder: string, version: string, program: string | null): OwnFiles {
  const paths = agentPaths(folder)
  let programHash: string | null = null
  let facts = ''
  let isForeign = false
  return {
    get programHash() {
      return programHash
    },
    look,
  }

  async function look(): Promise<Changed[]> {
    const found: Changed[] = []
    const config = attempt(() => readJson(paths.config, Config))
    if (!config) return found
    const current = program === null ? null : attempt(() => factsOf(program))
    if (program !== null && current !== null && current !== facts) {
      facts = current
      programHash = await hashOf(program).catch(() => null)
    }
    const now = { version, program: programHash, device: config.device, config: sha256(readFileSync(paths.config)) }
    const known = attempt(() => readJson(paths.ownFiles, Known))
    if (known?.version === version && known.program !== null && programHash !== null && known.program !== programHash)
      found.push('program')
    if (known?.device === now.device && known.config !== now.config) found.push('config')
    const wasForeign = isForeign
    isForeign = isForeignPolicy(paths.policy, config.serverKey)
    if (isForeign && !wasForeign) found.push('policy')
    if (JSON.stringify(known) !== JSON.stringify(now))
      attempt(() => writeFileAtomically(paths.ownFiles, JSON.stringify(now)))
    return found
  }
}

/** The folder of a bundled agent; null: this file is a source. */
export function programFolder(): string | null {
  return import.meta.filename.endsWith('.mjs') ? dirname(import.meta.filename) : null
}

/** Of all files, without reading them. Errors  throws for more than `MAX_FILES`. */
function factsOf(folder: string): string {
  return filesIn(folder)
    .map((path) => {
      const { size, mtimeMs, ctimeMs, ino } = statSync(path)
      return [path, size, mtimeMs, ctimeMs, ino].join(' ')
    })
    .join('\n')
}

async function hashOf(folder: string): Promise<string> {
  const all = createHash('sha256')
  for (const path of filesIn(folder)) {
    const one = createHash('sha256')
    await addFile(one, path)
    all.update(`${relative(folder, path).replaceAll('\\', '/')}\n${one.digest('hex')}\n`)
  }
  return all.digest('hex')
}

/** A part at a time: the runtime has 100 MB. */
async function addFile(hash: Hash, path: string): Promise<void> {
  for await (const part of createReadStream(path)) hash.update(part as Buffer)
}

function filesIn(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((it) => it.isFile())
  if (found.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} files in ${folder}`)
  return found.map((it) => join(it.parentPath, it.name)).sort()
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
