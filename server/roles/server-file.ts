/** `<data folder>/server.json`: process id and addresses of the running server, for other commands. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../../wire/fault.ts'

export interface ServerFile {
  pid: number
  /** Where it listens. */
  url: string
  /** How others reach it: `publicUrl` of its configuration, else `url`. For every link that is printed. */
  publicUrl: string
}

const fileOf = (folder: string) => join(folder, 'server.json')

/** Errors  Fault 'store.unwritable'. */
export function writeServerFile(folder: string, facts: ServerFile): void {
  const file = fileOf(folder)
  try {
    writeFileSync(file, JSON.stringify(facts), { mode: 0o600 })
  } catch (cause) {
    const why = `The system says ${(cause as NodeJS.ErrnoException).code}.`
    throw new Fault('store.unwritable', { where: file, why, cause })
  }
}

export function removeServerFile(folder: string): void {
  rmSync(fileOf(folder), { force: true })
}

/** Null when no server is running on this folder: there is no file, or a killed server left it behind. */
export function readServerFile(folder: string): ServerFile | null {
  try {
    const facts: unknown = JSON.parse(readFileSync(fileOf(folder), 'utf8'))
    if (typeof facts !== 'object' || facts === null || !('pid' in facts) || !('url' in facts)) return null
    if (typeof facts.pid !== 'number' || typeof facts.url !== 'string') return null
    process.kill(facts.pid, 0)
    const { pid, url } = facts
    // A server of an older version wrote no public address.
    return { pid, url, publicUrl: 'publicUrl' in facts && typeof facts.publicUrl === 'string' ? facts.publicUrl : url }
  } catch {
    return null
  }
}
