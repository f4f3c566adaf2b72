import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAddresses } from '../../../server/addresses/addresses.ts'
import { Geofeeds, importGeofeed, parseGeofeed, removeGeofeed } from '../../../server/addresses/geofeeds.ts'
import { importRanges } from '../../../server/addresses/ranges.ts'
import { parseAddress } from '../../../server/addresses/table.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const FEED = `# places of Example Cable
8.8.8.0/24,US,US-TX,Austin,
8.8.8.128/25,us,US-NM,"Santa Fe",87501
2606:4700::/32,MX,,,
9.9.9.0/24,,,,
1.1.1.1,DE,,Berlin,
`

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tellwire-geofeeds-'))
})
after(() => rm(folder, { recursive: true }))

async function imported(text: string, name: string, date = '2026-11-01', into = folder): Promise<Geofeeds> {
  const file = join(folder, `${name}.csv`)
  await writeFile(file, text)
  await importGeofeed({ folder: into, file, name, date, now: NOW })
  const feeds = new Geofeeds(into)
  await feeds.reload()
  return feeds
}

describe('geofeeds (RFC 8805)', () => {
  const rows: [name: string, address: string, place: unknown][] = [
    ['a block', '8.8.8.9', { country: 'US', region: 'US-TX', city: 'Austin' }],
    ['the smaller of two blocks', '8.8.8.200', { country: 'US', region: 'US-NM', city: 'Santa Fe' }],
    ['IPv6, a country alone', '2606:4700::9', { country: 'MX', region: null, city: null }],
    ['a block that is left open', '9.9.9.9', { country: null, region: null, city: null }],
    ['one address', '1.1.1.1', { country: 'DE', region: null, city: 'Berlin' }],
    ['its neighbour', '1.1.1.2', null],
    ['nothing near it', '203.0.112.1', null],
  ]
  for (const [name, address, place] of rows)
    it(name, async () => assert.deepEqual((await imported(FEED, 'feed')).find(parseAddress(address)!), place))

  it('skips bad lines, and says which', () => {
    const { lines, bad, badLines } = parseGeofeed(`${FEED}8.8.4.4/33,US,,,\nnonsense\n8.8.4.0/24,USA,,,\n`)
    assert.equal(lines.length, 5)
    assert.equal(badLines, 3)
    assert.deepEqual(
      bad.map((it) => [it.line, it.why]),
      [
        [7, 'the prefix length must be a number up to 32'],
        [8, 'not an IPv4 or IPv6 address or CIDR block'],
        [9, 'the country is not a code of two letters'],
      ],
    )
  })
  it('refuses a file of something else', async () => {
    await assert.rejects(imported('name,age\nanna,7\n', 'people'), /feed.invalid/)
  })
  it('prefers the newer of two', async () => {
    const both = join(folder, 'both')
    await imported('8.8.8.0/24,US,,,\n', 'older', '2026-01-01', both)
    const feeds = await imported('8.8.0.0/16,CA,,,\n', 'newer', '2026-11-01', both)
    assert.equal(feeds.find(parseAddress('8.8.8.8')!)?.country, 'CA')
    assert.equal(await removeGeofeed(both, 'newer'), true)
    assert.equal(await removeGeofeed(both, 'newer'), false)
    assert.equal(await feeds.reload(), true)
    assert.equal(feeds.find(parseAddress('8.8.8.8')!)?.country, 'US')
  })
  it('reports a damaged file, and keeps what it knew', async () => {
    const damaged = join(folder, 'damaged')
    const feeds = await imported('8.8.8.0/24,US,,,\n', 'feed', '2026-01-01', damaged)
    await writeFile(join(damaged, 'feed.geofeed'), 'not a geofeed')
    await feeds.reload()
    assert.equal(feeds.problems().length, 1)
    assert.equal(feeds.find(parseAddress('8.8.8.8')!)?.country, 'US')
  })
})

describe('addresses with a geofeed', () => {
  const open = async (rangesFolder: string) =>
    openAddresses({ rangesFolder, catalogueAsnClass: () => null, packageFolder: () => null })

  it('have its place beside the database', async () => {
    const into = join(folder, 'beside')
    await imported(FEED, 'feed', '2026-11-01', into)
    const addresses = await open(into)
    assert.deepEqual(addresses.lookup('8.8.8.9', NOW).geofeed, { country: 'US', region: 'US-TX', city: 'Austin' })
    assert.equal(addresses.lookup('8.8.8.9', NOW).country, null)
    assert.equal(addresses.lookup('203.0.112.1', NOW).geofeed, undefined)
    assert.deepEqual(
      addresses.lists().map((it) => [it.name, it.class, it.entries]),
      [['feed', 'geofeed', 5]],
    )
  })
  it('of a satellite provider have its country, and no city (N32)', async () => {
    const into = join(folder, 'satellite')
    const file = join(folder, 'satellite.txt')
    await writeFile(file, '8.8.0.0/16\n')
    await importRanges({ folder: into, file, class: 'satellite', name: 'starlink', date: '2026-11-01', now: NOW })
    await imported(FEED, 'feed', '2026-11-01', into)
    const { country, region, city, lat, class: kind } = (await open(into)).lookup('8.8.8.9', NOW)
    assert.deepEqual([country, region, city, lat, kind], ['US', null, null, null, 'satellite'])
  })
})
