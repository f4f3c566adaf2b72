import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Reader, type Response } from 'mmdb-lib'
import { placeOf, privacyOf, systemOf } from '../../../server/addresses/database-records.ts'
import { openMmdb } from '../../../server/addresses/mmdb.ts'
import { type GeoipFiles, openOwnDatabases } from '../../../server/addresses/own-databases.ts'
import { parseAddress } from '../../../server/addresses/table.ts'
import { AddressFacts } from '../../../wire/recording.ts'
import { mmdb, Raw, type Value } from './mmdb-writer.ts'

const AUSTIN = { country: 'US', region: 'Texas', city: 'Austin', lat: 30.25, lon: -97.75 }
const maxmind = {
  continent: { code: 'NA', names: { en: 'North America', de: 'Nordamerika' } },
  country: { geoname_id: 6252001, iso_code: 'US', names: { en: 'United States' } },
  registered_country: { iso_code: 'DE' },
  subdivisions: [{ iso_code: 'TX', names: { de: 'Texas (de)', en: 'Texas' } }, { names: { en: 'Travis' } }],
  city: { names: { en: 'Austin' } },
  location: { accuracy_radius: 20, latitude: 30.25, longitude: -97.75, time_zone: 'America/Chicago' },
}
const at = (text: string) => parseAddress(text)!
const MAXMIND = join(import.meta.dirname, '../../fixtures/maxmind')

describe('a record of an address database', () => {
  const places: { name: string; record: unknown; says: unknown }[] = [
    { name: 'MaxMind, nested', record: maxmind, says: { ...AUSTIN, accuracyKm: 20 } },
    {
      name: 'IPinfo, flat, point as text',
      record: { city: 'Austin', country: 'US', lat: '30.25', lng: '-97.75', region: 'Texas', radius: '50' },
      says: { ...AUSTIN, accuracyKm: 50 },
    },
    {
      name: 'IPinfo, flat, `loc`',
      record: { city: 'Austin', country: 'US', loc: '30.25,-97.75', region: 'Texas' },
      says: { ...AUSTIN, accuracyKm: null },
    },
    {
      name: 'IPinfo Lite: the name in `country`',
      record: { country: 'Canada', country_code: 'CA', asn: 'AS174' },
      says: { country: 'CA', region: null, city: null, lat: null, lon: null, accuracyKm: null },
    },
    {
      name: 'ip-location-db, flat',
      record: { country_code: 'US', state1: 'Texas', state2: '', city: 'Austin', latitude: 30.25, longitude: -97.75 },
      says: { ...AUSTIN, accuracyKm: null },
    },
    {
      name: 'wrong types become null one by one',
      record: { ...maxmind, city: 7, subdivisions: { names: 1 }, location: { latitude: 'x', accuracy_radius: -5 } },
      says: { country: 'US', region: null, city: null, lat: null, lon: null, accuracyKm: null },
    },
    {
      name: 'NaN, infinities and points off the globe',
      record: { country_code: 'US', latitude: Number.NaN, longitude: 181, radius: Number.POSITIVE_INFINITY },
      says: { country: 'US', region: null, city: null, lat: null, lon: null, accuracyKm: null },
    },
    {
      name: 'half a point is no point',
      record: { country: { iso_code: 'US' }, location: { latitude: 30.25 } },
      says: { country: 'US', region: null, city: null, lat: null, lon: null, accuracyKm: null },
    },
    { name: 'an empty point is not 0,0', record: { loc: ',', lat: '', lng: ' ' }, says: null },
    {
      name: 'huge strings',
      record: { country: 'U'.repeat(60_000), region: 'R'.repeat(60_000), city: 'Austin', lat: 30.25, lng: -97.75 },
      says: { ...AUSTIN, country: null, region: null, accuracyKm: null },
    },
    { name: 'only the owner of the block', record: { registered_country: { iso_code: 'DE' } }, says: null },
    { name: 'another kind', record: { autonomous_system_number: 64500 }, says: null },
    { name: 'no map', record: ['US'], says: null },
    { name: 'nothing', record: null, says: null },
  ]
  for (const { name, record, says } of places) it(`place: ${name}`, () => assert.deepEqual(placeOf(record), says))

  const systems: { name: string; record: unknown; says: unknown }[] = [
    {
      name: 'MaxMind, ip-location-db',
      record: { autonomous_system_number: 64500, autonomous_system_organization: 'Example' },
      says: { asn: 64500, asName: 'Example' },
    },
    {
      name: 'MaxMind Enterprise',
      record: { traits: { autonomous_system_number: 64500 } },
      says: { asn: 64500, asName: null },
    },
    { name: 'IPinfo', record: { asn: 'AS64500', as_name: 'Example' }, says: { asn: 64500, asName: 'Example' } },
    { name: 'IPinfo ASN', record: { asn: 'AS64500', name: 'Example' }, says: { asn: 64500, asName: 'Example' } },
    { name: 'no number', record: { asn: 'AS', as_name: 'Example' }, says: null },
    { name: 'beyond 32 bits', record: { asn: 'AS4294967296' }, says: null },
    { name: 'half a number', record: { autonomous_system_number: 1.5 }, says: null },
    { name: 'a huge name', record: { asn: 'AS1', as_name: 'x'.repeat(300) }, says: { asn: 1, asName: null } },
  ]
  for (const { name, record, says } of systems) it(`operator: ${name}`, () => assert.deepEqual(systemOf(record), says))

  const privacies: { name: string; record: unknown; says: unknown }[] = [
    {
      name: 'MaxMind VPN',
      record: { is_anonymous: true, is_anonymous_vpn: true, is_hosting_provider: true },
      says: 'vpn',
    },
    {
      name: 'MaxMind Tor',
      record: { is_anonymous: true, is_tor_exit_node: true, is_anonymous_vpn: true },
      says: 'tor',
    },
    { name: 'MaxMind hosting', record: { is_hosting_provider: true }, says: 'hosting' },
    { name: 'MaxMind residential proxy', record: { is_residential_proxy: true }, says: 'vpn' },
    { name: 'in traits', record: { traits: { is_public_proxy: true } }, says: 'vpn' },
    { name: 'IPinfo, text', record: { vpn: 'true', hosting: '', service: 'Example' }, says: 'vpn' },
    { name: 'IPinfo, relay', record: { relay: true, vpn: true, hosting: true }, says: 'private_relay' },
    { name: 'all clear', record: { vpn: false, proxy: false, tor: false, hosting: false }, says: 'nothing' },
    { name: 'anonymous, without details', record: { is_anonymous: true }, says: 'nothing' },
    { name: 'wrong types', record: { vpn: 'yes', tor: {}, hosting: 7 }, says: 'nothing' },
    { name: 'another kind', record: { country: 'US' }, says: null },
  ]
  for (const { name, record, says } of privacies)
    it(`privacy: ${name}`, () => {
      const found = privacyOf(record)
      assert.equal(typeof found === 'object' ? (found?.class ?? null) : found, says)
    })
})

describe('an .mmdb file', () => {
  const bytes = (networks: Record<string, Value>, more = {}) => mmdb({ type: 'Test-City', networks, ...more })

  it('written by the test, can be read by mmdb-lib', () => {
    const networks = { '198.51.100.0/24': maxmind, '2001:db8::/32': { long: 'x'.repeat(300), far: 'y'.repeat(70_000) } }
    const reader = new Reader<Response>(bytes(networks))
    assert.deepEqual(reader.get('198.51.100.7'), maxmind)
    assert.deepEqual(reader.get('2001:db8::1'), networks['2001:db8::/32'])
    assert.equal(reader.get('198.51.101.1'), null)
  })

  it('answers IPv4 and IPv6, and has its date', () => {
    const db = openMmdb(bytes({ '198.51.100.0/24': { country: 'US' }, '2001:db8::/32': { country: 'DE' } }))
    assert.deepEqual(db.get(at('198.51.100.7')), { country: 'US' })
    assert.deepEqual(db.get(at('::ffff:198.51.100.7')), { country: 'US' })
    assert.deepEqual(db.get(at('2001:db8::7')), { country: 'DE' })
    assert.deepEqual([db.type, db.builtAt], ['Test-City', Date.parse('2026-10-02')])
  })

  it('of IPv4 has no answer for IPv6', () => {
    const db = openMmdb(bytes({ '32.0.0.0/3': { country: 'US' } }, { ipVersion: 4 }))
    assert.deepEqual(db.get(at('32.1.13.184')), { country: 'US' })
    assert.equal(db.get(at('2001:db8::1')), null)
  })

  const whole = bytes({ '198.51.100.0/24': { country: 'US' } })
  const refused = [
    { name: 'empty', file: Buffer.alloc(0), says: /not a MaxMind DB file/ },
    { name: 'zeros', file: Buffer.alloc(10_000), says: /not a MaxMind DB file/ },
    { name: 'a page', file: Buffer.from('<html>Sign in</html>'), says: /not a MaxMind DB file/ },
    { name: 'truncated at the end', file: whole.subarray(0, whole.length - 200), says: /cut short/ },
    { name: 'truncated at the start', file: whole.subarray(100), says: /do not fit together/ },
    { name: 'one node more', file: bytes({}, { metadata: { node_count: 2 } }), says: /do not fit together/ },
    { name: 'nodes beyond the file', file: bytes({}, { metadata: { node_count: 1e9 } }), says: /do not fit together/ },
    { name: 'an odd record size', file: bytes({}, { metadata: { record_size: 23 } }), says: /record size/ },
    { name: 'no version', file: bytes({}, { metadata: { ip_version: 5 } }), says: /ipVersion/ },
    { name: 'no type', file: bytes({}, { metadata: { database_type: 5 } }), says: /databaseType/ },
    { name: 'no day', file: bytes({}, { metadata: { build_epoch: 'soon' } }), says: /buildEpoch/ },
  ]
  for (const { name, file, says } of refused) it(`${name}: refused`, () => assert.throws(() => openMmdb(file), says))

  for (const [name, records] of [
    ['MaxMind-DB-test-ipv4-24.mmdb', 4],
    ['MaxMind-DB-test-mixed-24.mmdb', 5],
    ['MaxMind-DB-test-mixed-28.mmdb', 5],
    ['MaxMind-DB-test-mixed-32.mmdb', 5],
  ] as const)
    it(`${name}: samples are its records, from all over the file`, async () => {
      const db = openMmdb(await readFile(join(MAXMIND, name)))
      const sampled = db.sample().map((it) => (it as { ip: string }).ip)
      // Each record contains its address.
      for (const ip of new Set(sampled)) assert.deepEqual(db.get(at(ip)), { ip })
      assert.ok(new Set(sampled).size >= records, `${new Set(sampled).size} different records`)
    })

  it('samples skip undecodable records, and fail when all are undecodable', () => {
    const broken = new Raw(0x20, 40)
    const half = openMmdb(bytes({ '198.51.100.0/24': { country: 'US' }, '203.0.113.0/24': broken }))
    assert.deepEqual(new Set(half.sample().map((it) => JSON.stringify(it))), new Set(['{"country":"US"}']))
    assert.throws(() => openMmdb(bytes({ '203.0.113.0/24': broken })).sample(), /call stack|more than|outside|type/i)
    assert.deepEqual(openMmdb(bytes({})).sample(), [])
  })

  // An array of pointers to an array of pointers …: 20 bytes that expand to 8^n values; a pointer to itself; a
  // truncated map.
  const eight = (to: number) => [0x08, 4, ...Array.from({ length: 8 }, () => [0x20, to]).flat()]
  const bombs = [
    { name: 'pointers that multiply', record: new Raw(...eight(0)), says: /more than 4096 values|call stack/ },
    { name: 'a pointer to itself', record: new Raw(0x20, 0), says: /more than 4096 values|call stack/ },
    { name: 'a pointer out of the file', record: new Raw(0x38, 0x7f, 0xff, 0xff, 0xff), says: /outside the data/ },
    {
      name: 'a map of 16 million',
      record: new Raw(0xff, 0xff, 0xff, 0xff),
      says: /outside the data|more than|NaN|type/,
    },
    { name: 'a text of 70 KB', record: 'x'.repeat(70_000), says: /longer than/ },
  ]
  for (const { name, record, says } of bombs)
    it(`${name}: an error, at once`, () => {
      const db = openMmdb(bytes({ '198.51.100.0/24': record }))
      assert.throws(() => db.get(at('198.51.100.7')), says)
    })
})

describe("the user's own databases", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-geoip-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const NONE: GeoipFiles = { cityFile: null, asnFile: null, privacyFile: null }
  const city = () => join(folder, 'city.mmdb')
  const write = (path: string, record: Value, more: { type?: string; builtAt?: string } = {}) =>
    writeFile(path, mmdb({ type: 'GeoLite2-City', networks: { '8.8.8.0/24': record }, ...more }))
  const countryOf = (own: Awaited<ReturnType<typeof openOwnDatabases>>) => own.place(at('8.8.8.8'))?.country ?? null

  it('answer place with radius and edition, operator, and privacy', async () => {
    const files = { cityFile: city(), asnFile: join(folder, 'asn.mmdb'), privacyFile: join(folder, 'privacy.mmdb') }
    await write(files.cityFile, maxmind)
    await write(files.asnFile, { asn: 'AS64500', name: 'Example' }, { type: 'ipinfo generic_asn.mmdb' })
    await write(files.privacyFile, { vpn: 'true' }, { type: 'ipinfo <privacy>\u001b[31m', builtAt: '2026-09-01' })
    const own = await openOwnDatabases(files)
    assert.deepEqual(own.problems(), [])
    const place = own.place(at('8.8.8.8'))
    assert.deepEqual(place, { ...AUSTIN, accuracyKm: 20, edition: 'GeoLite2-City 2026-10-02' })
    assert.deepEqual(own.system(at('8.8.8.8')), { asn: 64500, asName: 'Example' })
    const privacy = own.privacy(at('8.8.8.8'))
    assert.deepEqual([privacy?.class, privacy?.by], ['vpn', 'ipinfo _privacy_31m 2026-09-01: VPN'])
    assert.deepEqual(
      own.facts().map((it) => [it.source, it.date]),
      [
        ['geoip.cityFile', '2026-10-02'],
        ['geoip.asnFile', '2026-10-02'],
        ['geoip.privacyFile', '2026-09-01'],
      ],
    )
    assert.ok(AddressFacts.partial().safeParse({ ...place, ...privacy }).success)
    assert.deepEqual(
      [own.place(at('9.9.9.9')), own.system(at('9.9.9.9')), own.privacy(at('9.9.9.9'))],
      [null, null, null],
    )
  })

  it('are reloaded when they change', async () => {
    await write(city(), { country: 'US' })
    const own = await openOwnDatabases({ ...NONE, cityFile: city() })
    assert.equal(await own.reload(), false)
    await write(join(folder, 'new'), { country: 'DE' }, { builtAt: '2026-11-01' })
    await rename(join(folder, 'new'), city())
    assert.equal(await own.reload(), true)
    assert.equal(own.place(at('8.8.8.8'))?.edition, 'GeoLite2-City 2026-11-01')
    assert.equal(countryOf(own), 'DE')
    assert.equal(await own.reload(), false)
  })

  it('are not read again while they do not change', async () => {
    await write(city(), { country: 'US' })
    const reads: string[] = []
    const own = await openOwnDatabases({ ...NONE, cityFile: city(), asnFile: city() }, (path) => {
      reads.push(path)
      return readFile(path)
    })
    for (let look = 0; look < 3; look++) assert.equal(await own.reload(), false)
    // The refused file, too, is read once.
    assert.deepEqual([reads.length, own.problems().length], [2, 1])
    await utimes(city(), 1, 1)
    for (let look = 0; look < 3; look++) await own.reload()
    assert.equal(reads.length, 4)
  })

  it('truncated: the old edition stays in use with one problem, until the file is complete', async () => {
    await write(city(), { country: 'US' })
    const own = await openOwnDatabases({ ...NONE, cityFile: city() })
    await write(join(folder, 'new'), { country: 'DE' })
    await copyFile(join(folder, 'new'), city())
    await truncate(city(), 500)
    assert.equal(await own.reload(), true)
    assert.equal(countryOf(own), 'US')
    assert.match(
      own.problems().join(),
      /^geoip\.cityFile \(.*cut short.*edition of 2026-10-02 stays in use; replace it/,
    )
    assert.equal(await own.reload(), false)
    await copyFile(join(folder, 'new'), city())
    await utimes(city(), 1, 1)
    assert.equal(await own.reload(), true)
    assert.deepEqual([countryOf(own), own.problems()], ['DE', []])
  })

  it('removed and restored: a problem only while it is missing', async () => {
    await write(city(), { country: 'US' })
    const own = await openOwnDatabases({ ...NONE, cityFile: city() })
    await rename(city(), join(folder, 'away'))
    assert.equal(await own.reload(), true)
    assert.match(own.problems().join(), /ENOENT.*stays in use/)
    assert.equal(countryOf(own), 'US')
    await rename(join(folder, 'away'), city())
    assert.equal(await own.reload(), true)
    assert.deepEqual([countryOf(own), own.problems()], ['US', []])
  })

  it('missing from the start: one problem, no answers', async () => {
    const own = await openOwnDatabases({ ...NONE, cityFile: city(), asnFile: folder })
    assert.deepEqual([countryOf(own), own.facts()], [null, []])
    assert.equal(own.problems().length, 2)
    assert.match(own.problems()[0]!, /ENOENT.*It is not used; replace it with a complete file/)
    assert.match(own.problems()[1]!, /asnFile .*not a file/)
  })

  it('a damaged record disables the file until it changes', async () => {
    await writeFile(
      city(),
      mmdb({ type: 'City', networks: { '8.8.8.0/24': { country: 'US' }, '9.9.8.0/24': new Raw(0x20, 40) } }),
    )
    const own = await openOwnDatabases({ ...NONE, cityFile: city() })
    assert.equal(countryOf(own), 'US')
    assert.equal(own.place(at('9.9.8.1')), null)
    assert.deepEqual([countryOf(own), own.problems().length], [null, 1])
    assert.match(own.problems()[0]!, /It is not used/)
    assert.deepEqual([await own.reload(), await own.reload()], [true, false])
    await write(city(), { country: 'US' })
    await own.reload()
    assert.deepEqual([countryOf(own), own.problems()], ['US', []])
  })

  const files: { name: string; key: keyof GeoipFiles; refused: RegExp | null }[] = [
    { name: 'GeoIP2-Anonymous-IP-Test', key: 'privacyFile', refused: null },
    { name: 'GeoIP2-Anonymous-IP-Test', key: 'cityFile', refused: /'GeoIP2-Anonymous-IP' and holds no places/ },
    { name: 'GeoIP-Anonymous-Plus-Test', key: 'privacyFile', refused: null },
    { name: 'GeoIP-Anonymous-Plus-Test', key: 'asnFile', refused: /holds no network operators/ },
    { name: 'GeoIP2-ISP-Test', key: 'asnFile', refused: null },
    { name: 'GeoIP2-ISP-Test', key: 'privacyFile', refused: /holds no VPN, Tor or hosting marks/ },
    { name: 'GeoIP2-Country-Test', key: 'cityFile', refused: null },
    { name: 'GeoIP2-Country-Test', key: 'asnFile', refused: /holds no network operators/ },
    { name: 'GeoIP2-Enterprise-Test', key: 'cityFile', refused: null },
    { name: 'GeoIP2-Enterprise-Test', key: 'asnFile', refused: null },
    { name: 'GeoIP2-Connection-Type-Test', key: 'cityFile', refused: /holds no places/ },
    { name: 'GeoIP2-Connection-Type-Test', key: 'asnFile', refused: /holds no network operators/ },
    { name: 'GeoIP2-Connection-Type-Test', key: 'privacyFile', refused: /holds no VPN, Tor or hosting marks/ },
  ]
  for (const { name, key, refused } of files)
    it(`MaxMind's ${name} as geoip.${key} is ${refused ? 'refused' : 'used'}`, async () => {
      const problems = (await openOwnDatabases({ ...NONE, [key]: join(MAXMIND, `${name}.mmdb`) })).problems()
      if (refused) assert.match(problems.join(), refused)
      else assert.deepEqual(problems, [])
    })

  const empty: { type: string; key: keyof GeoipFiles; problems: number }[] = [
    { type: 'GeoIP2-Anonymous-IP', key: 'privacyFile', problems: 0 },
    { type: 'GeoIP2-Anonymous-IP', key: 'cityFile', problems: 1 },
    { type: 'GeoLite2-ASN', key: 'asnFile', problems: 0 },
    { type: 'GeoLite2-City', key: 'asnFile', problems: 1 },
  ]
  for (const { type, key, problems } of empty)
    it(`a file without records is recognised by its type: ${type} as geoip.${key}`, async () => {
      await writeFile(city(), mmdb({ type, networks: {} }))
      assert.equal((await openOwnDatabases({ ...NONE, [key]: city() })).problems().length, problems)
    })

  const swapped: { key: keyof GeoipFiles; record: Value; holds: RegExp }[] = [
    { key: 'cityFile', record: { autonomous_system_number: 64500 }, holds: /holds no places/ },
    { key: 'asnFile', record: maxmind, holds: /holds no network operators/ },
    { key: 'privacyFile', record: maxmind, holds: /holds no VPN, Tor or hosting marks/ },
  ]
  for (const { key, record, holds } of swapped)
    it(`another kind of database as geoip.${key} is reported`, async () => {
      await write(city(), record)
      assert.match((await openOwnDatabases({ ...NONE, [key]: city() })).problems().join(), holds)
    })
})
