/** What would be missed, from what laptops cannot report. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Coverage } from '../../../server/model/coverage.ts'
import { FAMILIES, MISSED, unseen } from '../../../server/views/unseen.ts'
import { AGENT_CATEGORIES, type Category } from '../../../wire/event.ts'

const all = (but: Partial<Record<Category, Coverage['state']>> = {}): Coverage[] =>
  AGENT_CATEGORIES.map((category) => ({ category, state: but[category] ?? 'seen', detail: null, lastEvent: null }))
const missedBy = (...laptops: Coverage[][]) =>
  unseen(laptops.map((coverage, index) => ({ device: `d${index + 1}`, platform: 'linux', coverage }))).flatMap(
    ({ family, missed }) =>
      missed.map(({ category, state, devices }) => `${family}: ${category} ${state} on ${devices.join(' ')}`),
  )
const blankOn = (...laptops: [platform: string, coverage: Coverage[]][]) =>
  unseen(laptops.map(([platform, coverage], index) => ({ device: `d${index + 1}`, platform, coverage }))).flatMap(
    ({ family, blank }) => blank.map((it) => ({ family, ...it })),
  )

describe('server/assess: what we would not see', () => {
  it('has texts for all categories of agents', () => {
    for (const category of AGENT_CATEGORIES) assert.ok(Object.keys(MISSED[category]).length > 0, category)
  })

  it('has the families of the rules that read events of laptops', () => {
    const folders = readdirSync(join(import.meta.dirname, '../../../rules/content'))
    for (const family of FAMILIES) assert.ok(folders.includes(family), family)
  })

  const cases: { name: string; laptops: Coverage[][]; says: string[] }[] = [
    { name: 'everything is seen', laptops: [all()], says: [] },
    { name: 'quiet is not blind', laptops: [all({ usb_device: 'quiet' })], says: [] },
    {
      name: 'no USB',
      laptops: [all({ usb_device: 'blind' })],
      says: ['hardware: usb_device blind on d1'],
    },
    {
      name: 'a category of two families is in both',
      laptops: [all({ input_pattern: 'off' })],
      says: ['hardware: input_pattern off on d1', 'presence: input_pattern off on d1'],
    },
    {
      name: 'some laptops, with the worst state of those that cannot see it',
      laptops: [all(), all({ egress: 'partial' }), all({ egress: 'blind' })],
      says: ['exfiltration: egress blind on d3 d2'],
    },
  ]
  for (const { name, laptops, says } of cases) it(name, () => assert.deepEqual(missedBy(...laptops), says))

  it('without a laptop, every family is missed', () => {
    const families = unseen([])
    assert.deepEqual(
      families.map((it) => it.family),
      [...FAMILIES],
    )
    assert.ok(families.every(({ missed }) => missed.every((it) => it.state === 'unknown' && it.devices.length === 0)))
  })

  it('a field that a system never fills is missed by the families that need it', () => {
    const hosts = blankOn(['linux', all()]).filter((it) => it.field === 'network_connection.DestinationHostname')
    assert.deepEqual(
      hosts.map((it) => it.family),
      ['remote-access', 'network', 'exfiltration', 'tampering'],
    )
    assert.ok(hosts.every((it) => it.tools > 30 && it.devices.join() === 'd1'))
  })

  it('names the rules that cannot fire without it', () => {
    const [address] = blankOn(['windows', all()], ['linux', all()], ['windows', all()]).filter(
      (it) => it.field === 'egress.DestinationIp',
    )
    assert.equal(address?.family, 'exfiltration')
    assert.ok(address.silent.includes('Much data went to file shares or chats'))
    assert.deepEqual([address.weaker, address.devices], [[], ['d1', 'd3']])
  })

  it('names the rules that see less without it', () => {
    const [access] = blankOn(['windows', all()]).filter((it) => it.field === 'network_place.BssidHash')
    assert.deepEqual(
      [access?.silent, access?.weaker],
      [[], ["Several workers' laptops behind one router or access point"]],
    )
  })

  it('says nothing of the fields of a category that is not seen at all, nor of a system that is not known', () => {
    const fields = (found: { field: string }[]) => found.filter((it) => it.field.startsWith('repository.'))
    assert.deepEqual(fields(blankOn(['linux', all({ repository: 'blind' })])), [])
    assert.deepEqual(blankOn(['beos', all()]), [])
  })

  it('a category missing from the coverage is unknown', () => {
    assert.ok(missedBy([]).includes('hardware: display unknown on d1'))
  })
})
