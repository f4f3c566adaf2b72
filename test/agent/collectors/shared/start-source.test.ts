import assert from 'node:assert/strict'
import { bestSource } from '../../../../agent/collectors/shared/start-source.ts'
import type { Start, StartSourceKind } from '../../../../agent/host/host.ts'
import { fakeHost } from '../../fake-host.ts'

const start = (pid: number): Start => ({ pid, file: '/x', parents: [], caught: null })

/** A source that does what `act` says, and what has been called of it. */
function kind(name: StartSourceKind['name'], calls: string[], act: { open?: Error | null; read?: Error | null }) {
  return {
    name,
    open: () => {
      calls.push(`open ${name}`)
      if (act.open) throw act.open
      return {
        name,
        read: () => {
          if (act.read) throw act.read
          return { starts: [start(1)], lost: 2 }
        },
        close: () => void calls.push(`close ${name}`),
      }
    },
  }
}
const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })

describe('agent/collectors/shared/start-source', () => {
  it('uses the best that opens, and tells of the others once', () => {
    const calls: string[] = []
    const best = bestSource(
      [kind('tracefs', calls, { open: denied }), kind('connector', calls, {}), kind('connector', calls, {})],
      fakeHost({}),
    )
    const { gaps, ...read } = best.read('processes')
    assert.deepEqual(read, { starts: [start(1)], lost: 2, opened: true })
    assert.deepEqual(
      gaps.map((it) => [it.About, it.Reason, it.Categories]),
      [['program starts by tracefs', 'denied', ['agent_state']]],
    )
    assert.deepEqual(best.read('processes'), { starts: [start(1)], lost: 2, gaps: [], opened: false })
    assert.equal(best.name, 'connector')
    assert.deepEqual(calls, ['open tracefs', 'open connector'])
  })

  it('falls back while running, and returns to the better one later', () => {
    const calls: string[] = []
    const host = fakeHost({})
    const first = { read: null as Error | null }
    const best = bestSource([kind('tracefs', calls, first), kind('connector', calls, {})], host)
    best.read('processes')
    first.read = new Error('EBADF: gone')
    const { gaps, starts, opened } = best.read('processes')
    assert.deepEqual([gaps.map((it) => it.About), starts.length], [['program starts by tracefs'], 1])
    assert.deepEqual([best.name, opened], ['connector', true])
    first.read = null
    best.read('processes')
    host.clock += 600_000
    assert.equal(best.read('processes').opened, true)
    assert.equal(best.name, 'tracefs')
    best.close()
    assert.deepEqual(calls, [
      ...['open tracefs', 'close tracefs', 'open connector'],
      ...['open tracefs', 'close connector', 'close tracefs'],
    ])
  })

  it('without any: no starts, a gap for each, and none left open', () => {
    const calls: string[] = []
    const best = bestSource([kind('tracefs', calls, { read: new Error('broken: now') })], fakeHost({}))
    const { gaps, starts } = best.read('processes')
    assert.deepEqual([gaps.length, starts, best.name], [1, [], null])
    assert.deepEqual(calls, ['open tracefs', 'close tracefs'])
    assert.deepEqual(best.read('processes').gaps, [])
  })
})
