import assert from 'node:assert/strict'
import { allRows, restoreRows } from '../../../../server/derive/kit/kept.ts'
import { type PlacedRecord, PlaceGate } from '../../../../server/derive/kit/place-gate.ts'
import { DAY, HOUR, T0 } from '../../events.ts'

function record(device: string, hours: number, country: string, more: { edition?: string; address?: string } = {}) {
  const { edition = null, address = `203.0.113.${device}` } = more
  const place = { country, region: null, city: null, lat: null, lon: null }
  const geo = { ...place, asn: 64500, class: 'unknown' as const, edition }
  return { type: 'connection', device, time: T0 + hours * HOUR, remoteAddress: address, geo } satisfies PlacedRecord
}
const shown = (records: PlacedRecord[]) => records.map((it) => `${it.device} ${it.geo.country}`)

describe('the gate for places', () => {
  it('passes unchanged places at once', () => {
    const gate = new PlaceGate()
    for (const it of [record('1', 0, 'US'), record('2', 1, 'DE'), record('1', 30, 'US')])
      assert.deepEqual(gate.take(it, 'w'), [it])
  })

  it('removes only the place when another edition changed it', () => {
    const gate = new PlaceGate()
    gate.take(record('1', 0, 'US', { edition: 'E1' }), 'w')
    const moved = record('1', 30, 'DE', { edition: 'E2' })
    const [passed] = gate.take(moved, 'w')
    assert.deepEqual(passed, { ...moved, geo: { ...moved.geo, country: null, accuracyKm: null } })
    assert.deepEqual(
      gate.changes(T0 + 2 * DAY).map((it) => [it.from, it.to, it.networks]),
      [['US', 'DE', 1]],
    )
  })

  const begin = () => {
    const gate = new PlaceGate()
    for (const device of ['1', '2', '3']) gate.take(record(device, 0, 'US'), `w${device}`)
    return gate
  }

  it('holds the first changes of a day until there are enough', () => {
    const gate = begin()
    assert.deepEqual(gate.take(record('1', 24, 'DE'), 'w1'), [])
    assert.deepEqual(gate.take(record('2', 25, 'DE'), 'w2'), [])
    assert.deepEqual(shown(gate.take(record('3', 26, 'DE'), 'w3')), ['3 null'])
    assert.deepEqual(shown(gate.advance(T0 + 26 * HOUR)), ['1 null', '2 null'])
    assert.deepEqual(gate.advance(T0 + 9 * DAY), [])
  })

  it('releases them after a day when no others follow, also after a restart', () => {
    const gate = begin()
    assert.deepEqual(gate.take(record('1', 24, 'DE'), 'w1'), [])
    const resumed = new PlaceGate()
    restoreRows(resumed.kept, allRows(gate.kept).reverse())
    for (const it of [gate, resumed]) {
      assert.deepEqual(it.advance(T0 + 47 * HOUR), [])
      assert.deepEqual(shown(it.advance(T0 + 48 * HOUR)), ['1 DE'])
      assert.deepEqual(it.advance(T0 + 49 * HOUR), [])
    }
  })

  it('a laptop with too many held records releases its own only', () => {
    const gate = begin()
    assert.deepEqual(gate.take(record('2', 23, 'DE'), 'w2'), [])
    const passed = Array.from({ length: 80 }, (_, minute) =>
      gate.take(record('1', 24 + minute / 60, 'DE'), 'w1'),
    ).flat()
    assert.deepEqual(
      passed.map((it) => [it.device, (it.time - T0) / HOUR]),
      Array.from({ length: 16 }, (_, minute) => ['1', 24 + minute / 60]),
    )
    // The third of the night frees all that still wait, in order of time.
    gate.take(record('3', 26, 'DE'), 'w3')
    const freed = gate.advance(T0 + 26 * HOUR)
    assert.deepEqual([freed.length, freed[0]?.device, freed.every((it) => it.geo.country === null)], [65, '2', true])
  })
})
