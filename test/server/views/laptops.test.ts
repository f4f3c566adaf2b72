/** The list of laptops in pages, and one laptop in full. */
import assert from 'node:assert/strict'
import type { LaptopQuery } from '../../../server/views/fleet.ts'
import { laptopOf, laptopPage } from '../../../server/views/laptops.ts'
import { contract, HOUR, holding, T0 } from '../events.ts'
import { stage } from './stage.ts'

const GAP = { about: '/dev/input', reason: 'denied', count: null, detail: null, time: T0, categories: ['usb_device'] }

async function running() {
  const all = await stage({ now: () => T0 + HOUR })
  for (const device of ['d1', 'd2', 'd3']) await all.enroll(device)
  const held = (device: string) => ({ ...holding(device, ''), worker: null })
  await all.records(contract('w1', { name: 'Ada Byron' }), holding('d1', 'w1'), held('d2'), held('d3'))
  all.book('d2', { gaps: [GAP] })
  all.book('d1', { ...{ events: 7, holes: 5, dropped: 1, lastSeen: T0, place: 'Austin', version: '9' }, gaps: [GAP] })
  await all.judge()
  await all.connect('d1')
  await all.reject(
    [1, 2].map((seq) => ({ device: 'd1', receivedAt: T0, seq, code: 'event.malformed', where: 'x', raw: '{}' })),
  )
  const page = (after: string | null, limit: number, about: Partial<LaptopQuery> = {}) =>
    laptopPage(all.reader, all.queue.laptops, { after, limit, search: '', troubled: false, ...about })
  const one = (device: string) => laptopOf(all.reader, all.queue.laptops, device)
  return { ...all, page, one }
}

describe('laptops', () => {
  it('come in pages by id, with totals of all laptops', async () => {
    const { page } = await running()
    const first = await page(null, 2)
    assert.deepEqual(
      [first.laptops.map((it) => it.device), first.next, first.total, first.online],
      [['d1', 'd2'], 'd2', 3, 1],
    )
    const second = await page(first.next, 2)
    assert.deepEqual([second.laptops.map((it) => it.device), second.next], [['d3'], null])
  })

  const searches: { name: string; query: Partial<LaptopQuery>; devices: string[] }[] = [
    { name: 'by id', query: { search: 'D2' }, devices: ['d2'] },
    { name: 'by worker', query: { search: 'w1' }, devices: ['d1'] },
    { name: 'by name and place, in any order', query: { search: 'austin ada' }, devices: ['d1'] },
    { name: 'a word without a match', query: { search: 'd1 berlin' }, devices: [] },
    { name: 'offline, or with gaps', query: { troubled: true }, devices: ['d1', 'd2', 'd3'] },
    { name: 'both', query: { troubled: true, search: 'd3' }, devices: ['d3'] },
  ]
  for (const { name, query, devices } of searches)
    it(`can be found: ${name}`, async () => {
      const { page } = await running()
      assert.deepEqual(
        (await page(null, 10, query)).laptops.map((it) => it.device),
        devices,
      )
    })

  it('a laptop online and without gaps is not troubled', async () => {
    const { page, connect } = await running()
    await connect('d3')
    const found = (await page(null, 10, { troubled: true })).laptops
    assert.deepEqual(
      found.map((it) => it.device),
      ['d1', 'd2'],
    )
  })

  it('the list has counts without details', async () => {
    const { page } = await running()
    const { laptops } = await page(null, 1)
    const { worker, version, online, lastSeen, place, events, missing, rejected, gaps, visible } = laptops[0]!
    assert.deepEqual(
      [worker, version, online, lastSeen, place, events, missing, rejected, gaps],
      ['w1', '9', true, T0, 'Austin', 7, 2, 2, 1],
    )
    assert.deepEqual([visible.impaired, visible.wanted - visible.seen], [1, 1])
    assert.deepEqual(
      Object.keys(laptops[0]!).filter((it) => it === 'coverage' || it === 'spoolBytes'),
      [],
    )
  })

  it('a single laptop has its coverage by category', async () => {
    const { one } = await running()
    const laptop = await one('d1')
    assert.deepEqual(laptop?.gaps, [{ about: '/dev/input', reason: 'denied', count: null, detail: null, time: T0 }])
    const usb = laptop?.coverage.find((it) => it.category === 'usb_device')
    assert.deepEqual([usb?.state, usb?.detail], ['blind', 'denied: /dev/input'])
    const quiet = await one('d3')
    assert.deepEqual([quiet?.worker, quiet?.lastSeen, quiet?.events, quiet?.version], [null, null, 0, '0.1.0'])
    assert.equal(await one('d99'), null)
  })

  it('categories switched off by the policy do not count as wanted', async () => {
    const { page, policy } = await running()
    const wanted = async () => (await page(null, 1)).laptops[0]!.visible.wanted
    const before = await wanted()
    policy.off = ['usb_device']
    assert.equal(await wanted(), before - 1)
  })

  it('rejected events are counted with one query per page', async () => {
    const { page, reader } = await running()
    const asked: (readonly string[])[] = []
    const { rejectedTotals } = reader.history
    reader.history = {
      ...reader.history,
      rejectedTotals: (devices) => {
        asked.push(devices)
        return rejectedTotals(devices)
      },
    }
    await page(null, 10)
    assert.deepEqual(asked, [['d1', 'd2', 'd3']])
  })
})
