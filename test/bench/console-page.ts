/**
 * A console page as the server sees it: receives notices on its event stream, and requests the changed rows.
 *
 * Shape   one request at a time; a notice during a request is answered by the next one.
 */
import type { QueuePage, WorkerRow } from '../../server/views/schema.ts'
import type { ServerChild } from './children.ts'

export interface ConsolePage {
  rows: ReadonlyMap<string, WorkerRow>
  /** The requests and bytes needed to stay up to date. */
  spent(): { questions: number; bytes: number }
  /** Rejects with an error that occurred in the meantime. */
  close(): Promise<void>
}

/** Resolves when it has all rows. `onRow` is called with every later row. */
export async function openPage(
  server: Pick<ServerChild, 'url' | 'cookie'>,
  onRow: (row: WorkerRow) => void = () => {},
): Promise<ConsolePage> {
  const closing = new AbortController()
  const { signal } = closing
  const rows = new Map<string, WorkerRow>()
  const spent = { questions: 0, bytes: 0 }
  let revision: number | null = null
  let isStale = false
  let asking: Promise<void> | null = null

  await catchUp()
  const hearing = hear()
  return {
    rows,
    spent: () => ({ ...spent }),
    async close() {
      closing.abort()
      await hearing
      await asking
    },
  }

  async function hear(): Promise<void> {
    try {
      const answer = await fetch(`${server.url}/api/v1/events`, { headers: { Cookie: server.cookie }, signal })
      for await (const chunk of answer.body!) {
        if (!Buffer.from(chunk).includes('event: changed')) continue
        isStale = true
        asking ??= untilFresh()
      }
    } catch (cause) {
      if (!signal.aborted) throw cause
    }
  }

  async function untilFresh(): Promise<void> {
    try {
      while (isStale && !signal.aborted) {
        isStale = false
        for (const row of await catchUp()) onRow(row)
      }
    } catch (cause) {
      if (!signal.aborted) throw cause
    } finally {
      asking = null
    }
  }

  async function catchUp(): Promise<WorkerRow[]> {
    const all: WorkerRow[] = []
    for (let more = true; more; ) {
      const page = await ask()
      if (page.reset) rows.clear()
      for (const it of page.rows) rows.set(it.worker, it)
      for (const it of page.gone) rows.delete(it)
      all.push(...page.rows)
      revision = page.revision
      more = page.more
    }
    return all
  }

  async function ask(): Promise<QueuePage> {
    const since = revision === null ? '' : `?since=${revision}`
    const answer = await fetch(`${server.url}/api/v1/workers${since}`, { headers: { Cookie: server.cookie }, signal })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`GET /workers: ${answer.status} ${text}`)
    spent.questions++
    spent.bytes += text.length
    return JSON.parse(text) as QueuePage
  }
}
