import assert from 'node:assert/strict'
import { Directory } from '../../../server/roster/directory.ts'
import type { Contract, Device } from '../../../wire/contract.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { DAY, T0 } from '../events.ts'

const contract = (worker: string, from: number, about: Partial<Contract> = {}): Recorded => ({
  type: 'contract',
  worker,
  from,
  receivedAt: T0,
  ...about,
})
const holding = (device: string, worker: string | null, from: number, about: Partial<Device> = {}): Recorded => ({
  type: 'device',
  device,
  worker,
  from,
  to: null,
  receivedAt: T0,
  ...about,
})

const STREAM: readonly Recorded[] = [
  contract('w1', T0, { country: 'US', approvedTools: [{ tool: 'Zoom', to: T0 + DAY }] }),
  { type: 'clock', time: T0 },
  holding('d1', 'w1', T0),
  holding('d1', 'w2', T0 + 2 * DAY, { to: T0 + 3 * DAY }),
  contract('w1', T0 + 2 * DAY, { country: 'DE' }),
  contract('w1', T0 + DAY, { country: 'FR' }),
  // One with the same `from` replaces the other.
  contract('w1', T0 + DAY, { country: 'CA' }),
  { type: 'label', worker: 'w8', truth: 'benign', scenario: 'none', from: T0 },
  holding('d2', null, T0),
  { type: 'revocation', device: 'd1', from: T0, to: null },
  { type: 'revocation', device: 'd1', from: T0, to: T0 + DAY },
  { type: 'revocation', device: 'd1', from: T0 + 2 * DAY, to: null },
]

function fed(records: readonly Recorded[], directory = new Directory()): Directory {
  for (const it of records) directory.take(it)
  return directory
}

/** All answers of the directory. */
function answers(directory: Directory) {
  const times = [T0 - DAY, T0, T0 + DAY, T0 + 2 * DAY, T0 + 4 * DAY]
  return {
    workers: directory.workers().toSorted(),
    versions: directory.versions('w1').map((it) => [it.from, it.country]),
    latest: directory.latestContract('w1')?.country,
    inForce: times.map((it) => directory.contractAt('w1', it)),
    holdings: directory.holdings('d1'),
    holders: times.map((it) => directory.holderAt('d1', it)),
    devices: directory.devicesOf('w1'),
    revocations: directory.openRevocations(),
  }
}

/** The state to save, as rows of JSON. */
const rows = (directory: Directory) =>
  Object.entries(directory.kept).flatMap(([part, kept]) =>
    [...kept.changed()].map(([subject, state]) => ({ part, subject, state: JSON.stringify(state) })),
  )

function restored(written: ReturnType<typeof rows>): Directory {
  const directory = new Directory()
  for (const { part, subject, state } of written)
    directory.kept[part as keyof Directory['kept']].restore(subject, JSON.parse(state))
  return directory
}

describe('the directory', () => {
  it('answers with the latest records of the stream', () => {
    const directory = fed(STREAM)
    assert.deepEqual(answers(directory).versions, [
      [T0, 'US'],
      [T0 + DAY, 'CA'],
      [T0 + 2 * DAY, 'DE'],
    ])
    assert.deepEqual(answers(directory).holders, ['w1', 'w1', 'w1', 'w2', null])
    assert.deepEqual(answers(directory).workers, ['w1', 'w2'])
    assert.deepEqual(directory.contractAt('w1', T0)?.approvedTools?.length, 1)
    assert.equal(answers(directory).latest, 'DE')
    assert.deepEqual(answers(directory).revocations, [{ device: 'd1', from: T0 + 2 * DAY, to: null }])
  })

  it('knows nothing about unknown workers and devices', () => {
    const directory = fed(STREAM)
    assert.deepEqual([directory.versions('w9'), directory.holdings('d9'), directory.devicesOf('w9')], [[], [], []])
    assert.deepEqual(
      [directory.holderAt('d9', T0), directory.contractAt('w9', T0), directory.latestContract('w9')],
      [null, null, null],
    )
    assert.equal(directory.contractAt(null, T0), null)
  })

  it('returns copies of its lists', () => {
    const directory = fed(STREAM)
    directory.versions('w1').length = 0
    directory.holdings('d1').length = 0
    assert.deepEqual(answers(directory), answers(fed(STREAM)))
  })

  it('increases its revision by one for each contract and assignment', () => {
    const directory = fed(STREAM)
    assert.equal(directory.revision, 7)
    fed([{ type: 'clock', time: T0 + DAY }], directory)
    assert.equal(directory.revision, 7)
  })

  it('is restored from its rows as it was', () => {
    const directory = fed(STREAM)
    const before = answers(directory)
    assert.deepEqual(answers(restored(rows(directory))), before)
  })

  it('hands over each change once', () => {
    const directory = fed(STREAM)
    assert.deepEqual(
      rows(directory).map((it) => `${it.part} ${it.subject}`),
      ['contracts w1', 'devices d1', 'devices d2', 'revocations d1'],
    )
    assert.deepEqual(rows(directory), [])
    fed([contract('w1', T0 + 9 * DAY), { type: 'clock', time: T0 }], directory)
    assert.deepEqual(
      rows(directory).map((it) => `${it.part} ${it.subject}`),
      ['contracts w1'],
    )
    assert.deepEqual(rows(restored(rows(fed(STREAM)))), [])
  })

  for (const from of STREAM.keys())
    it(`restored at the end and fed again from position ${from}, it is the same`, () => {
      const directory = restored(rows(fed(STREAM)))
      assert.deepEqual(answers(fed(STREAM.slice(from), directory)), answers(fed(STREAM)))
    })
})
