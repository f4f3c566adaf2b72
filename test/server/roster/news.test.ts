import assert from 'node:assert/strict'
import { Directory } from '../../../server/roster/directory.ts'
import { newsOf } from '../../../server/roster/news.ts'
import type { RosterPart } from '../../../server/roster/parts.ts'
import { parseRoster } from '../../../server/roster/roster.ts'
import type { Contract, Device } from '../../../wire/contract.ts'
import { DAY, T0 } from '../events.ts'

const csv = (text: string, now: number) => parseRoster(text, { format: 'csv', fileName: 'r.csv', now })

function directoryOf({ contracts, devices }: RosterPart): Directory {
  const directory = new Directory()
  for (const it of contracts) directory.take({ ...it, type: 'contract', receivedAt: T0 })
  for (const it of devices) directory.take({ ...it, type: 'device', receivedAt: T0 })
  return directory
}

const names = ({ contracts, devices }: RosterPart) => ({
  contracts: contracts.map((it) => it.worker),
  devices: devices.map((it) => it.device),
})

describe('a repeated roster', () => {
  const same = 'worker,country,device\nw1,US,d1\nw2,DE,d2'
  const cases = [
    { name: 'has nothing new', text: same, contracts: [], devices: [] },
    { name: 'a moved worker', text: same.replace('w1,US', 'w1,FR'), contracts: ['w1'], devices: [] },
    {
      name: 'a reassigned laptop',
      text: 'worker,country,device\nw1,US,d2\nw2,DE,',
      contracts: [],
      devices: ['d2'],
    },
    { name: 'a new worker', text: `${same}\nw3,US,d3`, contracts: ['w3'], devices: ['d3'] },
    {
      name: 'a version from before the known one',
      text: 'worker,from,country,device\nw1,2026-01-01,US,',
      contracts: ['w1'],
      devices: [],
    },
  ]
  for (const { name, text, ...expected } of cases)
    it(name, () => {
      const news = newsOf(csv(text, T0 + DAY), directoryOf(csv(same, T0)), T0 + DAY)
      assert.deepEqual(names(news), expected)
      assert.equal(news.records.filter((it) => it.type !== 'feed').length, news.contracts.length + news.devices.length)
    })
})

describe('what is new about a contract', () => {
  const known: Contract = {
    worker: 'w1',
    from: T0,
    country: 'US',
    roles: ['developer', 'lead'],
    shipTo: { country: 'US', city: 'Reno' },
    approvedTools: [{ tool: 'Zoom', tenant: null, type: 'help desk' }],
  }
  const versions: { name: string; about: Partial<Contract>; isNew: boolean }[] = [
    { name: 'another beginning', about: {}, isNew: false },
    { name: 'null instead of a missing key', about: { name: null, ticket: null }, isNew: false },
    {
      name: 'a missing key instead of null',
      about: { approvedTools: [{ tool: 'Zoom', type: 'help desk' }] },
      isNew: false,
    },
    { name: 'keys in another order', about: { shipTo: { city: 'Reno', country: 'US' } }, isNew: false },
    { name: 'one field less', about: { country: undefined }, isNew: true },
    { name: 'one field more', about: { city: 'Austin' }, isNew: true },
    { name: 'an inner field', about: { shipTo: { country: 'US', city: 'Elko' } }, isNew: true },
    { name: 'an inner field less', about: { shipTo: { country: 'US' } }, isNew: true },
    { name: 'the order of a list', about: { roles: ['lead', 'developer'] }, isNew: true },
    { name: 'an item less', about: { roles: ['developer'] }, isNew: true },
    { name: 'an empty list', about: { roles: [] }, isNew: true },
    { name: 'a key that also names a record', about: { approvedTools: [{ tool: 'Zoom', type: 'own' }] }, isNew: true },
    { name: 'a key that every object inherits', about: { toString: 'x' } as Partial<Contract>, isNew: true },
    {
      name: 'a list for an object',
      about: { shipTo: null, roles: { 0: 'developer', 1: 'lead' } as never },
      isNew: true,
    },
  ]
  for (const { name, about, isNew } of versions)
    it(`${name}: ${isNew ? 'new' : 'nothing'}`, () => {
      const next = { ...known, from: T0 + DAY, ...about }
      const { contracts } = newsOf(
        { contracts: [next], devices: [] },
        directoryOf({ contracts: [known], devices: [] }),
        T0,
      )
      assert.deepEqual(contracts, isNew ? [next] : [])
    })

  it('a version is compared with an earlier one of the same part', () => {
    const [first, again, later] = [known, { ...known, from: T0 + 1 }, { ...known, from: T0 + 2, country: 'DE' }]
    const news = newsOf({ contracts: [first, again, later], devices: [] }, new Directory(), T0 + DAY)
    assert.deepEqual(news.contracts, [first, later])
    assert.deepEqual(
      news.records.map((it) => it.type),
      ['contract', 'contract', 'feed'],
    )
  })

  it('a different version with the same beginning replaces the known one', () => {
    const other = { ...known, country: 'DE' }
    const directory = directoryOf({ contracts: [known], devices: [] })
    for (const record of newsOf({ contracts: [other], devices: [] }, directory, T0).records) directory.take(record)
    assert.deepEqual(newsOf({ contracts: [other], devices: [] }, directory, T0).records, [])
    assert.deepEqual(
      directory.versions('w1').map((it) => it.country),
      ['DE'],
    )
  })
})

describe('what is new about a laptop', () => {
  const known: Device = { device: 'd1', worker: 'w1', from: T0, to: null, serial: 'SN9' }
  const holdings: { name: string; about: Partial<Device>; isNew: boolean }[] = [
    { name: 'another begin', about: {}, isNew: false },
    { name: 'a first boot that a roster cannot know', about: { firstBoot: T0 }, isNew: false },
    { name: 'another worker', about: { worker: 'w2' }, isNew: true },
    { name: 'no worker', about: { worker: null }, isNew: true },
    { name: 'a return', about: { to: T0 + DAY }, isNew: true },
    { name: 'another serial', about: { serial: 'SN8' }, isNew: true },
  ]
  for (const { name, about, isNew } of holdings)
    it(`${name}: ${isNew ? 'new' : 'nothing'}`, () => {
      const next = { ...known, from: T0 + 1, ...about }
      const part = { contracts: [], devices: [next, next] }
      assert.deepEqual(newsOf(part, directoryOf({ contracts: [], devices: [known] }), T0).devices, isNew ? [next] : [])
    })
})
