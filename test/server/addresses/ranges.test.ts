import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import {
  importRanges,
  LOAD_IN_PLACE_BYTES,
  loadList,
  parseRanges,
  Ranges,
  removeRanges,
} from '../../../server/addresses/ranges.ts'
import { findRange, isSound, parseAddress, type RangeTable } from '../../../server/addresses/table.ts'
import { Fault } from '../../../wire/fault.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')

const holds = (table: RangeTable, text: string) => findRange(table, parseAddress(text)!) !== -1

describe('a list of ranges', () => {
  const lines = [
    { line: '198.51.100.0/24', holds: ['198.51.100.0', '198.51.100.255'], not: ['198.51.99.255', '198.51.101.0'] },
    { line: '198.51.100.7', holds: ['198.51.100.7', '::ffff:198.51.100.7'], not: ['198.51.100.8', '198.51.100.6'] },
    { line: '198.51.100.77/24', holds: ['198.51.100.1'], not: ['198.51.101.1'] },
    { line: '  198.51.100.0/31\t# office', holds: ['198.51.100.1'], not: ['198.51.100.2'] },
    { line: '198.51.100.0/31,US,US-CA,Los Angeles,', holds: ['198.51.100.0'], not: ['198.51.100.2'] },
    { line: '2001:DB8::/32\r', holds: ['2001:db8::1', '2001:db8:ffff:ffff::'], not: ['2001:db9::', '2001:db7:ffff::'] },
    { line: '2001:db8::1/128', holds: ['2001:db8::1'], not: ['2001:db8::', '2001:db8::2', '32.1.13.184'] },
    { line: '255.255.255.255', holds: ['255.255.255.255'], not: ['0.0.0.0', '::'] },
    { line: '\uFEFF0.0.0.0/8', holds: ['0.0.0.0', '0.255.255.255'], not: ['1.0.0.0'] },
  ]
  for (const { line, ...expected } of lines)
    it(`reads ${JSON.stringify(line)}`, () => {
      const { table, entries, badLines } = parseRanges(`${line}\n`)
      assert.deepEqual({ entries, badLines }, { entries: 1, badLines: 0 })
      assert.deepEqual(
        [...expected.holds, ...expected.not].filter((address) => holds(table, address)),
        expected.holds,
      )
    })

  const refused = [
    '0.0.0.0/0',
    '10.0.0.0/7',
    '::/0',
    '2000::/3',
    '1.2.3',
    '010.1.2.3',
    '0x7f.1.2.3',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/+8',
    '1.2.3.4/8/8',
    '2001:db8::/129',
    'fe80::1%eth0',
    '::ffff:1.2.3.4',
    '1.2.3.4-1.2.3.9',
    'example.com',
    '<script>',
  ]
  for (const line of refused)
    it(`refuses ${line} and keeps its neighbour`, () => {
      const { entries, bad, badLines } = parseRanges(`# head\n${line}\n198.51.100.7`)
      assert.deepEqual([entries, badLines, bad[0]?.line, bad[0]?.text], [1, 1, 2, line])
    })

  it('joins overlapping and adjacent ranges', () => {
    const { table, entries } = parseRanges('198.51.100.128/25\n198.51.100.0/25\n198.51.100.9\n203.0.113.9\n203.0.113.9')
    assert.deepEqual([entries, table.v4.length], [5, 4])
    assert.ok(isSound(table.v4, 1))
  })

  it('finds the same in a large list as a linear search', () => {
    const blocks = Array.from(
      { length: 3_000 },
      (_, n) => `${(n * 37) % 223}.${(n * 101) % 256}.${n % 256}.0/${20 + (n % 13)}`,
    )
    const { table } = parseRanges(blocks.join('\n'))
    const walked = (word: number) =>
      table.v4.some((start, at) => at % 2 === 0 && start <= word && word <= table.v4[at + 1]!)
    for (let n = 0; n < 2_000; n++) {
      const address = parseAddress(`${(n * 37) % 223}.${(n * 101) % 256}.${(n * 7) % 256}.${(n * 13) % 256}`)!
      assert.equal(findRange(table, address) !== -1, walked(address.words[0]!))
    }
  })

  it('shows the first ten bad lines and counts the rest', () => {
    const { bad, badLines } = parseRanges(Array.from({ length: 25 }, () => 'nonsense').join('\n'))
    assert.deepEqual([bad.length, badLines], [10, 25])
  })
})

describe('imported lists', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-ranges-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const source = async (text: string, name = 'list.txt') => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const feeds = () => join(folder, 'feeds')
  const imported = async (
    text: string,
    about: { name: string; class?: 'vpn' | 'private_relay' | 'corporate'; date?: string },
  ) =>
    importRanges({
      folder: feeds(),
      file: await source(text),
      class: about.class ?? 'vpn',
      name: about.name,
      date: about.date ?? '2026-08-22',
      now: NOW,
    })
  const whoHas = (ranges: Ranges, address: string) => ranges.classOf(parseAddress(address)!)?.name ?? null

  it('answers from what was stored, IPv4 and IPv6', async () => {
    await imported('198.51.100.0/24\n2001:db8::/32\n', { name: 'exits' })
    const ranges = await Ranges.open(feeds())
    assert.equal(whoHas(ranges, '198.51.100.9'), 'exits')
    assert.equal(whoHas(ranges, '2001:db8:1::'), 'exits')
    assert.equal(whoHas(ranges, '203.0.113.9'), null)
    assert.deepEqual(
      ranges.lists().map(({ importedAt, ...facts }) => facts),
      [{ name: 'exits', class: 'vpn', date: '2026-08-22', source: 'list.txt', entries: 2 }],
    )
  })

  it('prefers Private Relay to VPN, and newer lists to older ones', async () => {
    await imported('198.51.100.0/24\n203.0.113.0/24', { name: 'a-vpn', date: '2026-01-01' })
    await imported('203.0.113.0/24', { name: 'b-vpn', date: '2026-09-01' })
    await imported('198.51.100.0/25', { name: 'relay', class: 'private_relay' })
    const ranges = await Ranges.open(feeds())
    assert.equal(whoHas(ranges, '198.51.100.1'), 'relay')
    assert.equal(whoHas(ranges, '198.51.100.200'), 'a-vpn')
    assert.equal(whoHas(ranges, '203.0.113.1'), 'b-vpn')
  })

  it('notices added, changed and removed lists', async () => {
    const ranges = await Ranges.open(feeds())
    assert.equal(await ranges.reload(), false)
    await imported('198.51.100.1', { name: 'exits' })
    assert.equal(await ranges.reload(), true)
    assert.equal(whoHas(ranges, '198.51.100.1'), 'exits')
    await imported('198.51.100.2', { name: 'exits' })
    assert.equal(await ranges.reload(), true)
    assert.equal(whoHas(ranges, '198.51.100.1'), null)
    assert.equal(whoHas(ranges, '198.51.100.2'), 'exits')
    assert.equal(await ranges.reload(), false)
    await removeRanges(feeds(), 'exits')
    assert.equal(await ranges.reload(), true)
    assert.equal(whoHas(ranges, '198.51.100.2'), null)
  })

  it('reads a list only when it is new or changed', async () => {
    await imported('198.51.100.1', { name: 'exits' })
    await imported('203.0.113.1', { name: 'others' })
    const reads: string[] = []
    const ranges = await Ranges.open(feeds(), (path) => {
      reads.push(basename(path))
      return loadList(path)
    })
    for (let look = 0; look < 3; look++) assert.equal(await ranges.reload(), false)
    assert.deepEqual(reads, ['exits.json', 'others.json'])
    await imported('198.51.100.2', { name: 'exits' })
    await writeFile(join(feeds(), 'others.json'), 'damaged')
    for (let look = 0; look < 3; look++) await ranges.reload()
    assert.deepEqual(reads.slice(2), ['exits.json', 'others.json'])
    await removeRanges(feeds(), 'exits')
    await ranges.reload()
    assert.equal(reads.length, 4)
  })

  it('reads a large list in a thread, with the same result', async () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, n) => `2001:db8:${n.toString(16)}::/49\n198.${n >> 8}.${n & 255}.7`,
    )
    const { facts, table } = await imported(lines.join('\n'), { name: 'large' })
    const path = join(feeds(), 'large.json')
    assert.ok((await stat(path)).size > LOAD_IN_PLACE_BYTES)
    assert.deepEqual(await loadList(path), { facts, table })
    const ranges = await Ranges.open(feeds())
    assert.equal(whoHas(ranges, '2001:db8:4e1f::1'), 'large')
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -100))
    await ranges.reload()
    assert.match(ranges.problems().join(), /large\.json: .*JSON.*Import the list again/s)
    assert.equal(whoHas(ranges, '2001:db8:4e1f::1'), 'large')
  })

  const damage = [
    { name: 'cut', damaged: (text: string) => text.slice(0, 60) },
    { name: 'of another shape', damaged: () => '{"name":"exits"}' },
    {
      name: 'with ranges out of order',
      damaged: (text: string) => text.replace(/"v4":"[^"]+"/, '"v4":"BQAAAAQAAAA="'),
    },
    { name: 'with half a range', damaged: (text: string) => text.replace(/"v4":"[^"]+"/, '"v4":"BQAAAA=="') },
  ]
  for (const { name, damaged } of damage)
    it(`a stored list ${name} keeps its last good state, is reported, and does not affect others`, async () => {
      await imported('198.51.100.1', { name: 'exits' })
      await imported('203.0.113.1', { name: 'others' })
      const ranges = await Ranges.open(feeds())
      const path = join(feeds(), 'exits.json')
      await writeFile(path, damaged(await readFile(path, 'utf8')))
      await utimes(path, 1, 1)
      await ranges.reload()
      assert.equal(whoHas(ranges, '198.51.100.1'), 'exits')
      assert.match(ranges.problems()[0] ?? '', /exits\.json: .*Import the list again/s)
      const fresh = await Ranges.open(feeds())
      assert.equal(whoHas(fresh, '198.51.100.1'), null)
      assert.equal(whoHas(fresh, '203.0.113.1'), 'others')
      assert.equal(fresh.problems().length, 1)
    })

  const refused = [
    {
      name: 'more than a tenth of bad lines',
      text: `${'198.51.100.1\n'.repeat(8)}no\n`,
      says: /list\.txt:9: .*1 of 9 lines/,
    },
    { name: 'no address', text: '# nothing\n', says: /contains no address/ },
    { name: 'a date in the future', text: '198.51.100.1', date: '2027-01-01', says: /not a day up to today/ },
    { name: 'an invalid date', text: '198.51.100.1', date: '2026-13-01', says: /not a day up to today/ },
  ]
  for (const { name, text, date, says } of refused)
    it(`refuses ${name}, and stores nothing`, async () => {
      await assert.rejects(imported(text, { name: 'exits', ...(date ? { date } : {}) }), (cause) => {
        assert.ok(cause instanceof Fault && cause.code === 'feed.invalid')
        assert.match(cause.message, says)
        return true
      })
      assert.deepEqual(await readdir(feeds()).catch(() => []), [])
    })

  it('imports a file with one bad line in twenty', async () => {
    const result = await imported(`${'198.51.100.1\n'.repeat(19)}no\n`, { name: 'exits' })
    assert.deepEqual([result.entries, result.badLines, result.bad[0]?.line], [19, 1, 20])
  })

  it('dates a list by its file when no date is given', async () => {
    const file = await source('198.51.100.1')
    await utimes(file, NOW / 1_000, Date.parse('2026-10-05T12:00:00Z') / 1_000)
    const { facts } = await importRanges({ folder: feeds(), file, class: 'vpn', name: 'exits', date: null, now: NOW })
    assert.equal(facts.date, '2026-10-05')
  })

  for (const name of ['../exits', 'nothing', ''])
    it(`does not remove '${name}'`, async () => {
      await writeFile(join(folder, 'exits.json'), '{}')
      await assert.rejects(removeRanges(feeds(), name), /no such list/)
      assert.ok((await readdir(folder)).includes('exits.json'))
    })
})
