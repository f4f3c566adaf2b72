/** A log of the events sent last, for the laptop's user: two files; when the newer is full, it replaces the older. */
import { appendFileSync, readFileSync, renameSync, statSync } from 'node:fs'
import type { Leased } from './spool.ts'

const FILE_BYTES = 131_072

export function sentLog(path: string): (events: readonly Leased[]) => void {
  const found = statSync(path, { throwIfNoEntry: false })
  // Opening a pipe would wait for its reader.
  if (found && !found.isFile()) return () => {}
  let bytes = found?.size ?? 0
  return (events) => {
    // Of a long backlog, only the end is written.
    const lines: string[] = []
    for (let at = events.length - 1, left = FILE_BYTES; at >= 0; at--) {
      left -= events[at]!.text.length + 1
      if (left < 0) break
      lines.unshift(`${events[at]!.text.toString('utf8')}\n`)
    }
    const text = lines.join('')
    try {
      if (bytes + text.length > FILE_BYTES && bytes > 0) {
        renameSync(path, `${path}.before`)
        bytes = 0
      }
      appendFileSync(path, text, { mode: 0o600 })
      bytes += text.length
    } catch {
      // On a full disk this log is incomplete, but sending goes on.
    }
  }
}

/** The last `limit` events, newest first. Incomplete lines are omitted. */
export function lastSent(path: string, limit: number): Record<string, unknown>[] {
  const isFile = (it: string) => statSync(it, { throwIfNoEntry: false })?.isFile()
  const text = [`${path}.before`, path].map((it) => (isFile(it) ? readFileSync(it, 'utf8') : '')).join('')
  const found: Record<string, unknown>[] = []
  for (const line of text.split('\n').reverse()) {
    if (found.length >= limit) break
    try {
      if (line !== '') found.push(JSON.parse(line) as Record<string, unknown>)
    } catch {
      // an incomplete line
    }
  }
  return found
}
