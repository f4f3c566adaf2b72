/** The live stream: the queue's revision, then notices of changes, while the session lasts. */
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { live } from '../../../server/api/live.ts'
import { Notices } from '../../../server/views/notices.ts'
import type { Notice } from '../../../server/views/schema.ts'
import { harness } from './harness.ts'

const PULSE_MS = 25_000

function opened(stillIn = async () => true) {
  const notices = new Notices(0)
  const aborted = new AbortController()
  const source = { revision: 7, onNotice: notices.listen.bind(notices) }
  const reader = live(source).stream(stillIn, aborted.signal).body!.getReader()
  const decoder = new TextDecoder()
  const next = async (): Promise<string | null> => {
    const { value } = await reader.read()
    return value === undefined ? null : decoder.decode(value)
  }
  return {
    ...{ notices, aborted, reader, next },
    send: (workers: string[], revision = 8) => notices.send({ revision, workers, clusters: false, laptops: false }),
    notice: async () => {
      const text = (await next()) ?? ''
      const [, data] = /^event: changed\ndata: (.*)\n\n$/.exec(text) ?? []
      return JSON.parse(data ?? 'null') as Notice | null
    },
  }
}

describe('server/api: the live stream', () => {
  it('sends the revision of the queue, and then each notice once', async () => {
    const { next, notice, send } = opened()
    assert.equal(await next(), 'retry: 2000\n\n')
    assert.deepEqual(await notice(), { revision: 7, workers: [], clusters: false, laptops: false })
    send(['w1'])
    assert.deepEqual(await notice(), { revision: 8, workers: ['w1'], clusters: false, laptops: false })
    send(['w2'], 9)
    assert.deepEqual(await notice(), { revision: 9, workers: ['w2'], clusters: false, laptops: false })
  })

  it('a page that does not read gets one merged notice', async () => {
    const { next, notice, send } = opened()
    for (let n = 0; n < 50; n++) send([`w${n}`], 100 + n)
    await next()
    const heard: string[] = []
    let last: Notice | null = null
    for (let read = 0; read < 8; read++) {
      last = await notice()
      heard.push(...(last?.workers ?? []))
    }
    assert.equal(last?.revision, 149)
    assert.deepEqual(heard.sort(), Array.from({ length: 50 }, (_, n) => `w${n}`).sort())
  })

  it('ends when its reader or its request ends', async () => {
    const { reader, notices } = opened()
    assert.equal(notices.listeners, 1)
    await reader.cancel()
    assert.equal(notices.listeners, 0)
    const other = opened()
    other.aborted.abort()
    assert.equal(other.notices.listeners, 0)
  })

  it('sends comments as pulses, and ends with the session', async () => {
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      let isIn = true
      const { next, notices } = opened(async () => isIn)
      await next()
      await next()
      mock.timers.tick(PULSE_MS)
      assert.equal(await next(), ': alive\n\n')
      isIn = false
      mock.timers.tick(PULSE_MS)
      assert.equal(await next(), null)
      assert.equal(notices.listeners, 0)
    } finally {
      mock.timers.reset()
    }
  })

  it('through the API: as an event stream, for a limited number of pages', async () => {
    const { signedIn, stage } = await harness()
    const person = await signedIn('viewer')
    const open = []
    for (let i = 0; i < 256; i++) open.push(await person.get('/api/v1/events'))
    assert.equal(open[0]?.headers.get('Content-Type'), 'text/event-stream')
    assert.equal(stage.queue.listeners, 256)
    assert.equal((await person.get('/api/v1/events')).status, 429)
    await open[0]?.body?.cancel()
    const next = await person.get('/api/v1/events')
    assert.equal(next.status, 200)
    await Promise.all([next, ...open.slice(1)].map((it) => it.body?.cancel()))
    assert.equal(stage.queue.listeners, 0)
  })
})
