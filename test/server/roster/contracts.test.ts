import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { AuditEntry } from '../../../server/model/user.ts'
import { contracts } from '../../../server/roster/contracts.ts'
import { Directory } from '../../../server/roster/directory.ts'
import type { RosterPart } from '../../../server/roster/parts.ts'
import type { Contract } from '../../../wire/contract.ts'
import { Recorded } from '../../../wire/recording.ts'
import { DAY, T0 } from '../events.ts'

/** A log and the directory that follows it. Writes fail after `failsAfter` of them. */
function office({ failsAfter = Number.POSITIVE_INFINITY } = {}) {
  const clock = { at: T0 }
  const directory = new Directory()
  const log: Recorded[] = []
  /** How many records each write had. */
  const writes: number[] = []
  const trail: AuditEntry[] = []
  const disk = { writesLeft: failsAfter }
  const it = contracts({
    directory,
    append: async (records) => {
      await setImmediate()
      if (disk.writesLeft-- <= 0) throw new Error('the disk is full')
      writes.push(records.length)
      for (const record of records) {
        log.push(record)
        directory.take(record)
      }
    },
    audit: (entry) => void trail.push(entry),
    now: () => clock.at,
  })
  const take = (roster: RosterPart, by: string | null = 'ann') => it.take([roster], by)
  const version = (...versions: Contract[]) => take({ contracts: versions, devices: [] })
  return { versions: it.versions, take, version, clock, log, trail, writes, disk, directory }
}

const base: Contract = { worker: 'w1', from: T0, country: 'US', region: 'Texas', city: 'Austin' }
const later = (about: Partial<Contract>): Contract => ({ ...base, from: T0 + DAY, ...about })

describe('contracts', () => {
  it('a roster without changes is neither written nor audited', async () => {
    const { version, log, trail, versions } = office()
    assert.deepEqual(await version(base), { contracts: 1, devices: 0 })
    assert.deepEqual(await version(later({ name: null })), { contracts: 0, devices: 0 })
    assert.deepEqual([log.length, trail.length, versions('w1').length], [1, 1, 1])
    assert.deepEqual(trail[0], {
      at: T0,
      user: 'ann',
      action: 'contracts.taken',
      about: 'w1',
      detail: 'contracts 1, laptops 0',
    })
  })

  it('a reassigned laptop is written with the time of receipt', async () => {
    const { take, log, trail } = office()
    const device = { device: 'd1', worker: 'w1', from: T0, to: null }
    await take({ contracts: [base], devices: [device] }, null)
    await take({ contracts: [base], devices: [{ ...device, worker: 'w2', from: T0 + 1 }] }, null)
    assert.deepEqual(log[2], { ...device, worker: 'w2', from: T0 + 1, type: 'device', receivedAt: T0 })
    assert.deepEqual(
      trail.map((it) => [it.user, it.about]),
      [
        [null, 'w1'],
        [null, 'w2'],
      ],
    )
  })

  const changes: { name: string; before?: Partial<Contract>; after: Partial<Contract>; events: unknown[] }[] = [
    { name: 'a move', after: { city: 'Dallas' }, events: [['address_changed', null, null]] },
    { name: 'another spelling is not a move', after: { city: 'AUSTIN' }, events: [] },
    { name: 'a city that was unknown before is not a move', before: { city: null }, after: {}, events: [] },
    { name: 'a city that becomes unknown is not a move', after: { city: null }, events: [] },
    {
      name: 'another ship-to',
      before: { shipTo: { country: 'US', city: 'Austin' } },
      after: { shipTo: { country: 'US', city: 'Reno' } },
      events: [['ship_to_changed', null, null]],
    },
    { name: 'a first ship-to', after: { shipTo: { country: 'US' } }, events: [] },
    { name: 'an end', after: { end: T0 + 9 * DAY }, events: [['ending', T0 + 9 * DAY, null]] },
    { name: 'an end that is removed', before: { end: T0 + 9 * DAY }, after: { end: null }, events: [] },
    { name: 'a referral', after: { referredBy: 'w3' }, events: [['referral', null, 'w3']] },
    { name: 'another role', after: { roles: ['designer'] }, events: [] },
  ]
  for (const { name, before, after, events } of changes)
    it(`${name}: ${events.length} events`, async () => {
      const { version, log, clock } = office()
      await version({ ...base, ...before })
      clock.at = T0 + 2 * DAY
      await version(later({ ...before, ...after, roles: after.roles ?? ['developer'] }))
      const told = log.slice(2).map((it) => {
        assert.ok(it.type === 'feed' && it.event.category === 'contract_event')
        assert.deepEqual([it.worker, it.time, it.receivedAt], ['w1', T0 + DAY, T0 + 2 * DAY])
        assert.deepEqual(Recorded.parse(JSON.parse(JSON.stringify(it))), it)
        return [it.event.Action, it.event.EffectiveAt, it.event.Relation]
      })
      assert.deepEqual(told, events)
    })

  it('two versions in one roster: the second one is compared with the first', async () => {
    const { version, log } = office()
    await version(base, later({ country: 'DE', region: null, city: null }))
    assert.deepEqual(
      log.map((it) => it.type),
      ['contract', 'contract', 'feed'],
    )
  })

  const many = (count: number, about: Partial<Contract> = {}): RosterPart => ({
    contracts: Array.from({ length: count }, (_, n) => ({ ...base, worker: `w${n}`, ...about })),
    devices: Array.from({ length: count }, (_, n) => ({ device: `d${n}`, worker: `w${n}`, from: T0, to: null })),
  })
  /** The contents of the log without repetitions; it must not have any. */
  const distinct = (log: readonly Recorded[]) => new Set(log.map((it) => JSON.stringify({ ...it, receivedAt: 0 }))).size

  it('a large roster is written in parts, a contract with its laptop', async () => {
    const { take, log, writes } = office()
    assert.deepEqual(await take(many(1_000)), { contracts: 1_000, devices: 1_000 })
    assert.deepEqual(writes, Array(8).fill(250))
    const first = log.slice(0, 250).flatMap((it) => (it.type === 'device' ? it.worker : []))
    assert.deepEqual([first.length, first[0], first.at(-1)], [125, 'w0', 'w124'])
  })

  it('other work gets a turn between parts', async () => {
    const { take, version, log } = office()
    const importing = take(many(2_000))
    assert.deepEqual(await version({ ...base, worker: 'urgent' }), { contracts: 1, devices: 0 })
    assert.ok(log.length <= 501, `after ${log.length} records of the import`)
    await importing
    assert.equal(log.length, 4_001)
  })

  it('two imports of one roster at once add it once', async () => {
    const { take, log, trail } = office()
    const taken = await Promise.all([take(many(600)), take(many(600)), take(many(600, { from: T0 + 1 }))])
    assert.deepEqual(
      [taken.reduce((sum, it) => sum + it.contracts, 0), taken.reduce((sum, it) => sum + it.devices, 0)],
      [600, 600],
    )
    assert.deepEqual([log.length, distinct(log)], [1_200, 1_200])
    assert.equal(
      trail.reduce((sum, it) => sum + Number(/contracts (\d+)/.exec(it.detail ?? '')?.[1]), 0),
      600,
    )
  })

  it('two different rosters at once: changes are recorded once', async () => {
    const { take, log, versions } = office()
    await take(many(300))
    const moved = many(300, { city: 'Dallas', from: T0 + DAY })
    await Promise.all([take(moved), take(moved)])
    assert.equal(log.filter((it) => it.type === 'feed').length, 300)
    assert.deepEqual(
      versions('w7').map((it) => it.city),
      ['Austin', 'Dallas'],
    )
  })

  it('an import that fails halfway is audited as far as it got, and completed by the next attempt', async () => {
    const { take, log, trail, disk } = office({ failsAfter: 3 })
    await assert.rejects(take(many(1_000)), /the disk is full/)
    assert.equal(log.length, 750)
    assert.deepEqual(
      trail.map((it) => it.detail),
      ['contracts 375, laptops 375'],
    )
    disk.writesLeft = Number.POSITIVE_INFINITY
    assert.deepEqual(await take(many(1_000)), { contracts: 625, devices: 625 })
    assert.deepEqual([log.length, distinct(log)], [2_000, 2_000])
  })

  it('a failed write does not block later ones', async () => {
    const { take, version, log, disk } = office({ failsAfter: 0 })
    await assert.rejects(take(many(1)), /the disk is full/)
    disk.writesLeft = 1
    assert.deepEqual(await version(base), { contracts: 1, devices: 0 })
    assert.equal(log.length, 1)
  })

  it('a roster that cannot be read to its end is imported as far as it was read', async () => {
    const { log, directory, trail } = office()
    const it = contracts({
      directory,
      append: async (records) => {
        for (const record of records) {
          log.push(record)
          directory.take(record)
        }
      },
      audit: (entry) => void trail.push(entry),
      now: () => T0,
    })
    async function* parts() {
      yield many(1)
      throw new Error('the reader is gone')
    }
    await assert.rejects(it.take(parts(), null), /the reader is gone/)
    assert.deepEqual([log.length, trail.length], [2, 1])
  })
})
