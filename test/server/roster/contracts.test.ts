import assert from 'node:assert/strict'
import { World } from '../../../server/derive/kit/world.ts'
import type { AuditEntry } from '../../../server/model/user.ts'
import { contracts } from '../../../server/roster/contracts.ts'
import type { Contract } from '../../../wire/contract.ts'
import { Recorded } from '../../../wire/recording.ts'
import { DAY, T0 } from '../events.ts'

/** A log and a world behind it, as the server has them. */
function office() {
  const clock = { at: T0 }
  const world = new World()
  const log: Recorded[] = []
  const trail: AuditEntry[] = []
  const it = contracts({
    world: () => world,
    append: async (records) => {
      for (const record of records) {
        log.push(record)
        if (record.type === 'contract') world.addContract(record)
        if (record.type === 'device') world.addDevice(record)
      }
    },
    audit: (entry) => trail.push(entry),
    now: () => clock.at,
  })
  const take = (...versions: Contract[]) => it.take({ contracts: versions, devices: [] }, 'ann')
  return { ...it, take: it.take, version: take, clock, log, trail }
}

const base: Contract = { worker: 'w1', from: T0, country: 'US', region: 'Texas', city: 'Austin' }
const later = (about: Partial<Contract>): Contract => ({ ...base, from: T0 + DAY, ...about })

describe('contracts', () => {
  it('what says nothing new is neither written nor audited', async () => {
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

  it('a laptop that changed hands is written with when we learnt of it', async () => {
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
    { name: 'a spelling is no move', after: { city: 'AUSTIN' }, events: [] },
    { name: 'a city that was not known is no move', before: { city: null }, after: {}, events: [] },
    { name: 'a city that is not known any more is no move', after: { city: null }, events: [] },
    {
      name: 'another ship-to',
      before: { shipTo: { country: 'US', city: 'Austin' } },
      after: { shipTo: { country: 'US', city: 'Reno' } },
      events: [['ship_to_changed', null, null]],
    },
    { name: 'a first ship-to', after: { shipTo: { country: 'US' } }, events: [] },
    { name: 'an end', after: { end: T0 + 9 * DAY }, events: [['ending', T0 + 9 * DAY, null]] },
    { name: 'no end any more', before: { end: T0 + 9 * DAY }, after: { end: null }, events: [] },
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
})
