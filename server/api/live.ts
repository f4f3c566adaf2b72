/**
 * Server-Sent Events: a notice whenever somebody may read differently; the page then asks for what concerns it.
 *
 * Shape   `event: changed` with a `Notice` as JSON; the first one says where the queue stands. A comment every 25 s, so
 *         that proxies and the page know that the stream lives.
 * Errors  Fault 'rate.exceeded' when too many pages listen. A page that reads slowly gets many notices as one.
 */
import { Fault } from '../../wire/fault.ts'
import { type Listener, merged } from '../views/notices.ts'
import type { Notice } from '../views/schema.ts'

const STREAMS_MAX = 256
const PULSE_MS = 25_000
/** Notices that a page has not read yet; more are merged. */
const UNREAD_MAX = 8

/** Where notices come from. */
export interface Source {
  readonly revision: number
  onNotice(listener: Listener): () => void
}

export interface Live {
  /** `stillIn` is asked at each pulse: the end of a session ends its streams. */
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
  /** What a full queue had no room for. */
  let unsent: Notice | null = null
  const hasRoom = (controller: ReadableStreamDefaultController<Uint8Array>) => (controller.desiredSize ?? 0) > 0
  const flush = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (!unsent || !hasRoom(controller)) return
    const notice = unsent
    // Before it is sent: while it takes it, the stream may already ask for the next.
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
            // The store does not answer: whoever is in stays in until it does.
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
        // How soon to come back when the stream falls, and where the queue stands.
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

/** A notice goes to every page: it is written once. */
function written(notice: Notice): Uint8Array {
  const known = texts.get(notice)
  if (known) return known
  const text = encoder.encode(`event: changed\ndata: ${JSON.stringify(notice)}\n\n`)
  texts.set(notice, text)
  return text
}
