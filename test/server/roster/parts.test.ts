import assert from 'node:assert/strict'
import { PART_ROWS, partsOf } from '../../../server/roster/parts.ts'
import type { Contract, Device } from '../../../wire/contract.ts'
import { T0 } from '../events.ts'

const contract = (worker: string, from = T0): Contract => ({ worker, from })
const device = (name: string, worker: string | null, from = T0): Device => ({ device: name, worker, from, to: null })

const rosters: { name: string; contracts: Contract[]; devices: Device[]; sizes: number[] }[] = [
  { name: 'nothing', contracts: [], devices: [], sizes: [] },
  { name: 'one worker', contracts: [contract('w1')], devices: [device('d1', 'w1')], sizes: [2] },
  {
    name: 'exactly one full part',
    contracts: Array.from({ length: PART_ROWS }, (_, n) => contract(`w${n}`)),
    devices: [],
    sizes: [PART_ROWS],
  },
  {
    name: 'one worker with many laptops',
    contracts: [contract('w1')],
    devices: Array.from({ length: 3 * PART_ROWS }, (_, n) => device(`d${n}`, 'w1')),
    sizes: [PART_ROWS, PART_ROWS, PART_ROWS, 1],
  },
  {
    name: 'laptops of workers without a contract, and unassigned ones',
    contracts: [contract('w1')],
    devices: [device('d1', 'w2'), device('d2', null), device('d3', 'w1')],
    sizes: [4],
  },
  {
    name: 'several versions of one contract',
    contracts: [contract('w1', T0 + 2), contract('w1', T0), contract('w1', T0 + 1)],
    devices: [device('d1', 'w1', T0 + 2), device('d1', 'w1', T0)],
    sizes: [5],
  },
]

describe('a roster in parts', () => {
  for (const { name, contracts, devices, sizes } of rosters)
    it(`${name}: nothing is lost or doubled, and no part is larger than ${PART_ROWS}`, () => {
      const parts = [...partsOf({ contracts, devices })]
      assert.deepEqual(
        parts.map((it) => it.contracts.length + it.devices.length),
        sizes,
      )
      const key = (it: object) => JSON.stringify(it)
      assert.deepEqual(
        parts
          .flatMap((it) => [...it.contracts, ...it.devices])
          .map(key)
          .toSorted(),
        [...contracts, ...devices].map(key).toSorted(),
      )
    })

  it('is ordered by the beginning of versions, and otherwise as the file is', () => {
    const [part] = partsOf({
      contracts: [contract('w3', T0 + 1), contract('w1'), contract('w2')],
      devices: [device('d1', 'w1', T0 + 1), device('d2', 'w1')],
    })
    assert.deepEqual(
      part?.contracts.map((it) => it.worker),
      ['w1', 'w2', 'w3'],
    )
    assert.deepEqual(
      part?.devices.map((it) => it.device),
      ['d2', 'd1'],
    )
  })
})
