/**
 * Server-Sent Events: 'changed' when anything may answer differently. The page then asks again.
 *
 * Shape   `event: changed` without content; a comment every 25 s, so that proxies and the page know that we live.
 * Errors  Fault 'rate.exceeded' when too many pages listen. A page that reads slowly gets one notice for many changes.
 */
import { Fault } from '../../wire/fault.ts'

const STREAMS_MAX = 256
const PULSE_MS = 25_000

export interface Live {
  /** `stillIn` is asked at each pulse: a session that ended ends its streams. */
  stream(stillIn: () => boolean, signal: AbortSignal): Response
}

export function live(onChange: (listener: () => void) => () => void): Live {
  let streams = 0
  return {
    stream(stillIn, signal) {
      if (streams >= STREAMS_MAX) throw new Fault('rate.exceeded', { todo: 'Close other console pages.' })
      streams++
      let stop = () => {}
      const body = new ReadableStream<Uint8Array>(
        {
          start(controller) {
            const send = (text: string) => {
              // A full queue already holds a notice that the page has not read.
              if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(text))
            }
            const end = () => {
              stop()
              controller.close()
            }
            const unlisten = onChange(() => send('event: changed\ndata: {}\n\n'))
            const pulse = setInterval(() => (stillIn() ? send(': alive\n\n') : end()), PULSE_MS)
            stop = () => {
              stop = () => {}
              streams--
              unlisten()
              clearInterval(pulse)
              signal.removeEventListener('abort', end)
            }
            signal.addEventListener('abort', end, { once: true })
            // Says at once that the stream stands, and how soon to come back when it falls.
            send('retry: 2000\n\n')
          },
          cancel: () => stop(),
        },
        { highWaterMark: 8 },
      )
      return new Response(body, {
        headers: { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' },
      })
    },
  }
}

const encoder = new TextEncoder()
