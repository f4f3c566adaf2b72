/** Large rosters: they are read in a thread, and other work gets a turn between writes. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contracts } from '../../../server/roster/contracts.ts'
import { Directory } from '../../../server/roster/directory.ts'
import { deliver, takeInbox } from '../../../server/roster/inbox.ts'
import { PART_ROWS, type RosterPart } from '../../../server/roster/parts.ts'
import { type OpenRoster, openRoster, READ_IN_PLACE_CHARACTERS } from '../../../server/roster/reader.ts'
import { MAX_PROBLEMS, parseRoster } from '../../../server/roster/roster.ts'
import { Fault } from '../../../wire/fault.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { T0 } from '../events.ts'

const ROWS = 99_000
const HEADER = 'worker,name,country,region,city,timeZone,start,end,approvedTools,household,device\n'

/** 30 MB of rows. */
function rosterOf(country: (n: number) => string): string {
  const name = 'x'.repeat(190)
  const row = (n: number) =>
    `w${n},"Doe, ${name}",${country(n)},Texas,Austin,America/Chicago,2026-01-05,2026-12-31,ScreenConnect@acme;Zoom,h${n},d${n}\n`
  return HEADER + Array.from({ length: ROWS }, (_, n) => row(n)).join('')
}

const open = (text: string) => openRoster({ text, format: 'csv', fileName: 'r.csv', now: T0 })

async function partsOf(roster: Pick<OpenRoster, 'parts'>): Promise<RosterPart[]> {
  const parts: RosterPart[] = []
  for await (const part of roster.parts()) parts.push(part)
  return parts
}

/** A log and its directory; `crowded` counts writes that followed another one without a turn for other work. */
function office() {
  const directory = new Directory()
  const log: Recorded[] = []
  const writes = { count: 0, largest: 0, crowded: 0 }
  let hadTurn = true
  const { take } = contracts({
    directory,
    append: async (records) => {
      writes.count++
      writes.largest = Math.max(writes.largest, records.length)
      if (!hadTurn) writes.crowded++
      hadTurn = false
      setImmediate(() => {
        hadTurn = true
      })
      for (const record of records) {
        log.push(record)
        directory.take(record)
      }
    },
    audit: () => {},
    now: () => T0,
  })
  return { take, directory, log, writes }
}

describe('reading a roster', () => {
  const sizes = [
    { name: 'is read in place when it is small', characters: READ_IN_PLACE_CHARACTERS, inPlace: true },
    { name: 'is read in a thread when it is not', characters: READ_IN_PLACE_CHARACTERS + 1, inPlace: false },
  ]
  for (const { name, characters, inPlace } of sizes)
    it(name, async () => {
      const text = 'worker,country\nw1,US\nw2,Germny\nw3,DE\n'.padEnd(characters, '\n')
      const roster = await open(text)
      const { problems, omitted, ...whole } = parseRoster(text, { format: 'csv', fileName: 'r.csv', now: T0 })
      assert.equal(roster.thread === 0, inPlace)
      assert.deepEqual([roster.problems, roster.omitted, roster.contracts], [problems, omitted, whole.contracts.length])
      assert.deepEqual(await partsOf(roster), [whole])
      await roster.close()
    })

  it('refuses in a thread what it refuses in place', async () => {
    const text = `name,country\n${'Jane,US\n'.repeat(10_000)}`
    const expected = { code: 'roster.invalid', where: 'r.csv:1', why: 'The column worker is missing.', todo: null }
    await assert.rejects(open(text), (cause) => {
      assert.ok(cause instanceof Fault)
      const { code, where, why, todo } = cause
      assert.deepEqual({ code, where, why, todo }, expected)
      return true
    })
  })

  it('refuses a roster that takes too much memory, and survives', async () => {
    const rows = Array.from({ length: 60_000 }, (_, n) => `worker-${n},${'x'.repeat(200)}`).join('\n')
    const source = { text: `worker,name\n${rows}`, format: 'csv', fileName: 'r.csv', now: T0 } as const
    await assert.rejects(openRoster(source, 24), /memory\. Split it\. \[roster\.invalid\]/)
  })

  it('ends its thread when it is closed, even halfway', async () => {
    const roster = await open(`worker\n${Array.from({ length: 5_000 }, (_, n) => `worker-${n}`).join('\n')}`)
    const parts = roster.parts()[Symbol.asyncIterator]()
    assert.equal((await parts.next()).value?.contracts.length, PART_ROWS)
    await roster.close()
    await assert.rejects(parts.next(), /ended before it was done/)
  })
})

describe('importing 30 MB', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-import-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const inParts = { count: Math.ceil((2 * ROWS) / PART_ROWS), largest: PART_ROWS, crowded: 0 }

  it('of bad rows: read in a thread, 1,000 problems kept, nothing written', async () => {
    const text = rosterOf((n) => `Cuntry${n}`)
    assert.ok(text.length > 30e6)
    const roster = await open(text)
    assert.notEqual(roster.thread, 0)
    assert.deepEqual([roster.omitted, roster.problems.length, roster.contracts], [ROWS, MAX_PROBLEMS, 0])
    const { take, log } = office()
    assert.deepEqual([await take(roster.parts(), null), log.length], [{ contracts: 0, devices: 0 }, 0])
    await roster.close()
  }).timeout(120_000)

  it('of good rows, through the inbox: read in a thread, written in parts', async () => {
    const { contracts: all, devices } = parseRoster(
      rosterOf(() => 'US'),
      { format: 'csv', fileName: 'r.csv', now: T0 },
    )
    const inbox = join(folder, 'inbox')
    await deliver(inbox, { contracts: all, devices }, T0)
    const { take, writes, directory } = office()
    for await (const { roster, done } of takeInbox(inbox)) {
      assert.notEqual(roster.thread, 0)
      assert.deepEqual(await take(roster.parts(), null), { contracts: ROWS, devices: ROWS })
      await done()
    }
    assert.deepEqual([writes, directory.workers().length], [inParts, ROWS])
  }).timeout(120_000)
})
