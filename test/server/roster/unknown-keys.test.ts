import assert from 'node:assert/strict'
import { type UnknownKey, UnknownKeys } from '../../../server/roster/unknown-keys.ts'
import { contract, holding } from '../events.ts'

const odd = (fields: object, type: 'contract' | 'device' = 'contract') => {
  const keys = new UnknownKeys()
  keys.add({ ...(type === 'contract' ? contract('w1') : holding('d1', 'w1')), ...fields } as ReturnType<
    typeof contract
  >)
  return keys.list().map(({ key, near }: UnknownKey) => `${key} ${near}`)
}

describe('keys of contracts that nothing reads', () => {
  const rows: { name: string; fields: object; type?: 'device'; found: string[] }[] = [
    { name: 'none', fields: { roles: ['developer'], shipTo: { city: 'Austin' }, receivedAt: 1 }, found: [] },
    { name: 'a list', fields: { aprovedTools: [] }, found: ['contract.aprovedTools approvedTools'] },
    {
      name: 'in an entry of a list',
      fields: {
        approvedTools: [
          { tool: 'AnyDesk', tennant: 'acme' },
          { tool: 'x', tennant: 'b' },
        ],
      },
      found: ['contract.approvedTools.tennant tenant'],
    },
    { name: 'in an object', fields: { shipTo: { citty: 'Austin' } }, found: ['contract.shipTo.citty city'] },
    {
      name: 'beside a worker by name alone',
      fields: { household: ['w2', { worker: 'w3', until: 1 }] },
      found: ['contract.household.until null'],
    },
    { name: 'like nothing', fields: { costCentre: 7 }, found: ['contract.costCentre null'] },
    { name: 'of a laptop', fields: { serail: 'X' }, type: 'device', found: ['device.serail serial'] },
    { name: 'a name of every object', fields: { toString: 1 }, found: ['contract.toString null'] },
  ]
  for (const { name, fields, type, found } of rows) it(name, () => assert.deepEqual(odd(fields, type), found))

  it('are counted by record, and bounded', () => {
    const keys = new UnknownKeys()
    for (let n = 0; n < 2_000; n++)
      keys.add({ ...contract('w1'), [`k-${n}-x`]: 1, rols: [] } as ReturnType<typeof contract>)
    const all = keys.list()
    assert.deepEqual([all[0], all.length], [{ key: 'contract.rols', near: 'roles', records: 2_000 }, 1_001])
    assert.deepEqual(all[1], { key: '…', near: null, records: 1_001 })
  })
})
