/**
 * Server-Sent Events: tells pages what may have changed; each page then requests what concerns it.
 *
 * Shape   `event: changed` with a `Notice` as JSON; the first has the queue's current revision. A comment every 25 s
 *         shows proxies and the page that the stream is alive.
 * Errors  Fault 'rate.exceeded' when too many pages listen. For a page that reads slowly, notices are merged.
 */
import { Fault } from '../../wire/fault.ts'
import { type Listener, merged } from '../views/notices.ts'
import type { Notice } from '../views/schema.ts'

const STREAMS_MAX = 256
const PULSE_MS = 25_000
/** Notices that a page has not read yet; beyond this number they are merged. */
const UNREAD_MAX = 8

/** Source of the notices. */
export interface Source {
  readonly revision: number
  onNotice(listener: Listener): () => void
}

export interface Live {
  /** `stillIn` is called every 25 s: when a session ends, its streams end. */
  stream(stillIn: () => Promise<boolean>, signal: AbortSignal): Response
}

export function live(source: Source): Live {
  let streams = 0
  return {
    stream(stillIn, signal) {
      if (streams >= STREAMS_MAX) throw new Fault('rate.exceeded', { todo: 'Close other console pages.' })
      streams++
      const body = streamOf({ source, stillIn, signal, ended: () => void streams-- })
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' } })
    },
  }
}

interface StreamOf {
  source: Source
  stillIn: () => Promise<boolean>
  signal: AbortSignal
  ended: () => void
}

function streamOf({ source, stillIn, signal, ended }: StreamOf): ReadableStream<Uint8Array> {
  let isOpen = true
  let stop = () => {}
  /** The merged notices for which the queue had no room. */
  let unsent: Notice | null = null
  const hasRoom = (controller: ReadableStreamDefaultController<Uint8Array>) => (controller.desiredSize ?? 0) > 0
  const flush = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (!unsent || !hasRoom(controller)) return
    const notice = unsent
    // Cleared before sending: `enqueue` may ask for the next notice right away.
    unsent = null
    controller.enqueue(written(notice))
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = () => {
          stop()
          controller.close()
        }
        const unlisten = source.onNotice((notice) => {
          unsent = unsent ? merged(unsent, notice) : notice
          flush(controller)
        })
        const pulse = setInterval(() => {
          stillIn().then(
            (isIn) => {
              if (!isOpen) return
              if (!isIn) end()
              else if (hasRoom(controller)) controller.enqueue(ALIVE)
            },
            // The store does not answer: a stream stays open until it does.
            () => {},
          )
        }, PULSE_MS)
        stop = () => {
          stop = () => {}
          isOpen = false
          ended()
          unlisten()
          clearInterval(pulse)
          signal.removeEventListener('abort', end)
        }
        signal.addEventListener('abort', end, { once: true })
        // The reconnect delay, and the queue's current revision.
        controller.enqueue(encoder.encode('retry: 2000\n\n'))
        controller.enqueue(written({ revision: source.revision, workers: [], clusters: false, laptops: false }))
      },
      pull: flush,
      cancel: () => stop(),
    },
    { highWaterMark: UNREAD_MAX },
  )
}

const encoder = new TextEncoder()
const ALIVE = encoder.encode(': alive\n\n')
const texts = new WeakMap<Notice, Uint8Array>()

/** A notice goes to every page, so it is encoded once. */
function written(notice: Notice): Uint8Array {
  const known = texts.get(notice)
  if (known) return known
  const text = encoder.encode(`event: changed\ndata: ${JSON.stringify(notice)}\n\n`)
  texts.set(notice, text)
  return text
}
