/** Range lists, the form in which they are stored, and MaxMind databases. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseGeofeed } from '../../../server/addresses/geofeeds.ts'
import { openOwnDatabases } from '../../../server/addresses/own-databases.ts'
import { parseStoredList, storedListText } from '../../../server/addresses/range-list.ts'
import { parseRanges } from '../../../server/addresses/ranges.ts'
import { findRange, isSound, parseAddress } from '../../../server/addresses/table.ts'
import { removeFolder, temporaryFolder } from '../../agent/laptop.ts'
import type { Target } from '../target.ts'

const ADDRESSES = ['0.0.0.0', '8.8.8.8', '81.2.69.142', '255.255.255.255', '::', '2001:218::1', '2a02:d500::1', 'ff::']

export const rangeList: Target = {
  name: 'range-list',
  shape: 'text',
  dictionary: ['/0', '/8', '/32', '/128', '::ffff:', '%eth0', '10.0.0.0/8', '2001:db8::/32', '#', ',', '0x7f.1'],
  open: async () => ({ run: readRanges }),
}

function readRanges(input: Buffer): void {
  const { table, entries, bad, badLines } = parseRanges(input.toString('utf8'))
  assert.ok(isSound(table.v4, 1) && isSound(table.v6, 4), 'the table is sorted and disjoint')
  assert.ok(bad.length <= badLines && (entries > 0 || table.v4.length + table.v6.length === 0))
  for (const text of ADDRESSES) assert.ok(findRange(table, parseAddress(text)!) >= -1)
}

export const geofeed: Target = {
  name: 'geofeed',
  shape: 'text',
  dictionary: ['US', 'US-TX', ',,,', '"', '#', '/24', '/48', '::/0', '2001:db8::/32', '203.0.113.0/24'],
  open: async () => ({
    run(input) {
      const { blocks, lines, bad, badLines } = parseGeofeed(input.toString('utf8'))
      assert.ok(bad.length <= badLines)
      const again = parseGeofeed(lines.join('\n'))
      assert.equal(again.badLines, 0, 'what was understood is understood again')
      assert.deepEqual(again.blocks, blocks)
    },
  }),
}

const FACTS = { name: 'list', class: 'vpn', date: '2026-10-02', importedAt: 0, source: 'a', entries: 1 } as const

export const storedRanges: Target = {
  name: 'stored-ranges',
  shape: 'json',
  dictionary: ['"v4":', '"v6":', '"class":"tor"', '====', 'AAAA', '-_'],
  open: async () => ({
    run(input) {
      let list: ReturnType<typeof parseStoredList>
      try {
        list = parseStoredList(input.toString('utf8'))
      } catch {
        // Any error: whoever reads the file reports it as a problem of this list.
        return
      }
      assert.ok(isSound(list.table.v4, 1) && isSound(list.table.v6, 4), 'the table is sorted and disjoint')
      assert.deepEqual(parseStoredList(storedListText(list)).table, list.table)
      storedListText({ facts: FACTS, table: list.table })
    },
  }),
}

export const mmdb: Target = {
  name: 'mmdb',
  shape: 'bytes',
  dictionary: [
    '\xab\xcd\xefMaxMind.com',
    'node_count',
    'record_size',
    'ip_version',
    'build_epoch',
    'country',
    'iso_code',
  ],
  async open() {
    const folder = temporaryFolder()
    const path = join(folder, 'own.mmdb')
    const files = { cityFile: path, asnFile: path, privacyFile: path }
    return {
      async run(input) {
        writeFileSync(path, input)
        const own = await openOwnDatabases(files)
        for (const text of ADDRESSES) {
          const address = parseAddress(text)!
          own.place(address)
          own.system(address)
          own.privacy(address)
        }
        await own.reload()
        // A file is used, or there is one problem that says why not.
        for (const source of ['geoip.cityFile', 'geoip.asnFile', 'geoip.privacyFile']) {
          const used = own.facts().filter((it) => it.source === source).length
          const problems = own.problems().filter((it) => it.startsWith(source))
          assert.equal(used + problems.length, 1, `${source}: ${used} in use, ${problems.join(' | ')}`)
        }
        JSON.stringify(own.facts())
      },
      close: async () => removeFolder(folder),
    }
  },
}
