/** Console pages in a process of their own, so that their CPU time is not counted as the server's. */
import { type ConsolePage, openPage } from './console-page.ts'

export type ToWatchers = { type: 'open'; url: string; cookie: string; pages: number } | { type: 'report' }
export interface Watched {
  /** The number of rows on each page. */
  rows: number[]
  questions: number
  /** When each page got its last row, epoch ms; 0 for none. */
  lastRowAt: number
}
export type FromWatchers = { type: 'open' } | { type: 'report'; watched: Watched }

const pages: ConsolePage[] = []
let lastRowAt = 0

process.on('message', (message: ToWatchers) => {
  if (message.type === 'report') say({ type: 'report', watched: report() })
  else void open(message)
})
// The bench has ended, so nothing else would stop this process.
process.on('disconnect', () => process.exit())

async function open({ url, cookie, pages: count }: Extract<ToWatchers, { type: 'open' }>): Promise<void> {
  const seen = () => {
    lastRowAt = Date.now()
  }
  // One after another, because five at once cost more than five times one.
  for (let n = 0; n < count; n++) pages.push(await openPage({ url, cookie }, seen))
  say({ type: 'open' })
}

function report(): Watched {
  const questions = pages.reduce((sum, it) => sum + it.spent().questions, 0)
  return { rows: pages.map((it) => it.rows.size), questions, lastRowAt }
}

function say(message: FromWatchers): void {
  process.send!(message)
}
