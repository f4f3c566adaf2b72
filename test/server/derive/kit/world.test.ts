import assert from 'node:assert/strict'
import { allRows, restoreRows } from '../../../../server/derive/kit/kept.ts'
import { World } from '../../../../server/derive/kit/world.ts'
import type { Contract } from '../../../../wire/contract.ts'
import { contract, DAY, holding, T0 } from '../../events.ts'

function worldOf(...contracts: Contract[]): World {
  const world = new World()
  for (const it of contracts) world.addContract(it)
  return world
}

describe('the contract in force', () => {
  const rows: { name: string; field: keyof Contract; entry: object }[] = [
    { name: 'an approved tool', field: 'approvedTools', entry: { tool: 'ScreenConnect', tenant: 'acme' } },
    { name: 'an approved exit', field: 'approvedEgress', entry: { asn: 64_500 } },
    { name: 'a travel notice', field: 'travelNotices', entry: { country: 'DE' } },
    { name: 'declared hardware', field: 'peripherals', entry: { kind: 'ip_kvm' } },
    { name: 'declared hours', field: 'declaredHours', entry: { days: [1], start: '22:00', end: '06:00' } },
  ]
  for (const { name, field, entry } of rows)
    it(`${name} is in force from its start to its end, in any order of queries`, () => {
      const limited = { ...entry, from: T0, to: T0 + DAY }
      const world = worldOf(contract('w1', { [field]: [limited] }))
      const at = (time: number) => world.contractAt('w1', time)?.[field]
      for (const time of [T0 + DAY, T0, T0 - 1, T0 + DAY - 1, T0 + DAY])
        assert.deepEqual(at(time), time >= T0 && time < T0 + DAY ? [limited] : [], `${time - T0}`)
    })

  it('a contract without time limits is not copied', () => {
    const forever = contract('w1', { approvedTools: [{ tool: 'Zoom', to: null }], household: ['w7'] })
    assert.equal(worldOf(forever).contractAt('w1', T0 + 9_999 * DAY), forever)
  })

  it('household members are ids, without those who moved out', () => {
    const household = ['w7', { worker: 'w8', to: T0 + DAY }, { worker: 'w9', from: T0 + DAY }]
    const world = worldOf(contract('w1', { household }))
    assert.deepEqual(world.contractAt('w1', T0)?.household, ['w7', 'w8'])
    assert.deepEqual(world.contractAt('w1', T0 + DAY)?.household, ['w7', 'w9'])
  })

  it('versions are kept as recorded, each for its own time', () => {
    const first = contract('w1', { from: T0, approvedTools: [{ tool: 'Zoom', to: T0 + 1 }] })
    const second = contract('w1', { from: T0 + DAY, country: 'DE' })
    const world = worldOf(second, first)
    assert.deepEqual(world.versionsOf('w1'), [first, second])
    assert.equal(world.contractAt('w1', T0 - 1), null)
    assert.equal(world.contractAt('w1', T0 + DAY - 1)?.country, 'US')
    assert.equal(world.contractAt('w1', T0 + DAY)?.country, 'DE')
    assert.equal(world.contractAt('nobody', T0), null)
    assert.equal(world.contractAt(null, T0), null)
  })

  it('is the same after a restart', () => {
    const world = worldOf(contract('w1', { household: [{ worker: 'w8', to: T0 + DAY }] }))
    world.addDevice(holding('d1', 'w1'))
    world.contractAt('w1', T0 + 2 * DAY)
    const again = new World()
    restoreRows(again.kept, allRows(world.kept).reverse())
    assert.deepEqual(again.contractAt('w1', T0), world.contractAt('w1', T0))
    assert.deepEqual(again.holdingsOf('d1'), world.holdingsOf('d1'))
    assert.deepEqual(again.holdingsOf('d2'), [])
  })
})
