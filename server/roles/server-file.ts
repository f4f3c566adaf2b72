/** `<data folder>/server.json`: process id and address of the running server, for other commands. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ServerFile {
  pid: number
  url: string
}

const fileOf = (folder: string) => join(folder, 'server.json')

export function writeServerFile(folder: string, facts: ServerFile): void {
  writeFileSync(fileOf(folder), JSON.stringify(facts), { mode: 0o600 })
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
    return { pid: facts.pid, url: facts.url }
  } catch {
    return null
  }
}
