/** What the fleet has in common, of which roles it is, and for whom it is offered. */
import assert from 'node:assert/strict'
import { Census } from '../../../server/derive/kit/census.ts'
import { allRows } from '../../../server/derive/kit/kept.ts'
import { learning } from '../../../server/views/learning.ts'
import type { LearningView } from '../../../server/views/schema.ts'
import type { CatalogueFacts } from '../../../wire/recording.ts'
import { approval, contract, event, processStart, T0 } from '../events.ts'
import { stage } from './stage.ts'

const DESIGNERS = 6
const tool = (id: string): CatalogueFacts => ({
  tools: [{ id, name: id, category: 'rmm-agent', by: 'name', renamed: false, unattended: null }],
})
const dock: CatalogueFacts = { hardware: [{ id: 'ms2109', name: 'MS2109', kind: 'capture', by: 'usb_id' }] }
const usb = event('usb_device', {
  ...{ VendorId: '534d', ProductId: '2109', ProductName: 'Dock', Action: 'present' },
} as Parameters<typeof event<'usb_device'>>[1])

/** Thirty people, six of them designers. `having`: who has what. */
async function fleet(having: readonly (readonly [facts: CatalogueFacts, workers: readonly number[]])[]) {
  const all = await stage({ now: () => T0 })
  const census = new Census()
  const take = (n: number, facts: CatalogueFacts | undefined) =>
    census.take({
      ...{ worker: `w${n}`, device: `d${n}`, connection: null, peer: null, facts, conflict: false },
      ...{ event: facts?.hardware ? usb : processStart('/x', T0), time: T0, receivedAt: T0 },
    })
  for (let n = 0; n < 30; n++) {
    await all.records(contract(`w${n}`, { roles: [n < DESIGNERS ? 'Designer' : 'developer'] }))
    take(n, undefined)
  }
  for (const [facts, workers] of having) for (const n of workers) take(n, facts)
  const parts = Object.fromEntries(Object.entries(census.kept).map(([name, it]) => [`world.census.${name}`, it]))
  for (const it of allRows(parts)) all.keep(it)
  await all.judge()
  return all
}
const first = (count: number) => Array.from({ length: count }, (_, n) => n)
const found = ({ candidates }: LearningView, value: string) => candidates.find((it) => it.value === value)!

describe('learning: roles and hardware', () => {
  it('what a role has, and hardly anybody else, is offered for that role', async () => {
    const { reader } = await fleet([[tool('parsec'), first(DESIGNERS)]])
    const { roles, role, offered, approved } = found(await learning(reader), 'parsec')
    assert.deepEqual(
      [roles, role, offered, approved],
      [[{ role: 'designer', workers: 6, of: 6 }], 'designer', true, null],
    )
  })
  it('what everybody has is offered for the company, with the share of each role', async () => {
    const { reader } = await fleet([[tool('ninjaone'), first(30)]])
    const { roles, role, offered } = found(await learning(reader), 'ninjaone')
    assert.deepEqual([role, offered], [null, true])
    assert.deepEqual(roles, [
      { role: 'developer', workers: 24, of: 24 },
      { role: 'designer', workers: 6, of: 6 },
    ])
  })
  it('two of a role are too few', async () => {
    const { reader } = await fleet([[tool('anydesk'), [0, 1]]])
    assert.equal(found(await learning(reader), 'anydesk').offered, false)
  })
  it("an approval for the role covers what is the role's, and not what is the company's", async () => {
    const { reader, records } = await fleet([
      [tool('parsec'), first(DESIGNERS)],
      [tool('ninjaone'), first(30)],
    ])
    for (const it of ['parsec', 'ninjaone'])
      await records(approval({ id: it, kind: 'tool', tool: it, level: 'role', role: 'designer' }))
    const view = await learning(reader)
    assert.deepEqual([found(view, 'parsec').approved, found(view, 'ninjaone').approved], ['parsec', null])
  })
  it('a dock that looks like a capture card is offered, and its approval covers it by kind and ids', async () => {
    const { reader, records } = await fleet([[dock, first(12)]])
    assert.equal(found(await learning(reader), 'capture 534d:2109').offered, true)
    const one = { kind: 'hardware', vendorId: '534D', productId: '2109' } as const
    await records(approval({ ...one, id: 'other', deviceKind: 'ip_kvm' }))
    assert.equal(found(await learning(reader), 'capture 534d:2109').approved, null)
    await records(approval({ ...one, id: 'dock', deviceKind: 'capture' }))
    assert.equal(found(await learning(reader), 'capture 534d:2109').approved, 'dock')
  })
})
