import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { ageGauges, databaseAge, feedAges, staleWarnings } from '../../../server/addresses/ages.ts'
import { ASN_PACKAGE } from '../../../server/addresses/installed.ts'
import {
  feedChangeGauge,
  feedChangeWarning,
  keepFeedChanges,
  keptFeedChanges,
} from '../../../server/addresses/moved.ts'
import type { RangeListFacts } from '../../../server/addresses/range-list.ts'
import { openStore } from '../../../server/store/open.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const list: RangeListFacts = {
  name: 'exits',
  class: 'vpn',
  date: '2026-10-01',
  importedAt: NOW,
  source: 'exits.txt',
  entries: 3,
}
const known = {
  lists: () => [list],
  databases: () => [
    { source: 'geoip.cityFile', name: 'GeoLite2-City', date: '2026-11-20' },
    { source: ASN_PACKAGE, name: 'asn', date: '2026-06-17' },
    { source: 'geoip.asnFile', name: 'Own', date: null },
  ],
}

describe('the age of feeds', () => {
  it('is known for each, with a limit by kind', () => {
    assert.deepEqual(
      feedAges(known, '2026-08-20', NOW).map((it) => [it.kind, it.name, it.days, it.staleAfterDays, it.stale]),
      [
        ['list', 'exits', 52, 45, true],
        ['database', 'GeoLite2-City', 2, 90, false],
        ['database', 'asn', 158, 90, true],
        ['database', 'Own', null, 90, false],
        ['catalogue', 'catalogue', 94, 90, true],
      ],
    )
  })

  const edges = [
    { date: '2026-08-24', stale: false },
    { date: '2026-08-23', stale: true },
    { date: '2026-12-24', stale: false },
  ]
  for (const { date, stale } of edges)
    it(`a database of ${date} is ${stale ? 'stale' : 'fresh'}`, () =>
      assert.equal(databaseAge({ source: 'geoip.cityFile', name: 'x', date }, NOW).stale, stale))

  it('each warning says what to do', () => {
    const [ours, theirs, ...more] = staleWarnings(feedAges(known, '2026-11-22', NOW))
    assert.match(
      ours ?? '',
      /list 'exits' was made on 2026-10-01, 52 days ago\. Import a newer one: .*--class vpn --name exits/,
    )
    assert.match(theirs ?? '', /database 'asn' .*158 days ago\. .*npm install --no-save @ip-location-db\/asn@latest/)
    assert.deepEqual(more, [])
  })

  it('is measured at each scrape, and drops removed lists', async () => {
    const registry = new Registry()
    let lists = [list]
    ageGauges(registry, () => feedAges({ ...known, lists: () => lists }, '2026-11-22', NOW))
    const first = await registry.metrics()
    assert.match(first, /tellwire_feed_age_days\{kind="list",name="exits"\} 52/)
    assert.match(first, /tellwire_feed_stale\{kind="database",name="asn"\} 1/)
    assert.doesNotMatch(first, /age_days\{kind="database",name="Own"\}/)
    lists = []
    assert.doesNotMatch(await registry.metrics(), /exits/)
  })
})

describe('networks moved by databases', () => {
  const change = {
    edition: 'dbip-city 2026-11-05',
    asn: 64500,
    from: 'US',
    to: 'DE',
    networks: 4,
    since: NOW,
    until: NOW + 86_400_000,
  }
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-moved-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('is stored for the command line until it expires', async () => {
    await assert.rejects(() => keptFeedChanges(folder, NOW), /store\.missing/)
    const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline' })
    assert.deepEqual(await keptFeedChanges(folder, NOW), [])
    await keepFeedChanges(store, [change])
    assert.deepEqual(await keptFeedChanges(folder, NOW), [change])
    assert.deepEqual(await keptFeedChanges(folder, change.until), [])
    await store.values.set('feedChanges', '[{"edition":7}]')
    assert.deepEqual(await keptFeedChanges(folder, NOW), [])
    await store.close()
  })

  it('has a metric', async () => {
    const registry = new Registry()
    feedChangeGauge(registry, () => 4)
    assert.match(await registry.metrics(), /^tellwire_feed_moved_networks 4$/m)
  })

  const sentences = [
    {
      says: /^dbip-city 2026-11-05 put 4 networks of AS64500 elsewhere, from US to DE\. The workers did not move.*2026-11-23/,
      change,
    },
    { says: /put 1 network of AS64500 elsewhere, within US\./, change: { ...change, to: 'US', networks: 1 } },
    { says: /^A database put 4 networks elsewhere/, change: { ...change, edition: null, asn: null } },
  ]
  for (const { says, change } of sentences)
    it(`says ${says.source}`, () => assert.match(feedChangeWarning(change), says))
})
