/** `tellwire import`: into a folder of its own, and into a running server's log. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Finding } from '../../../server/model/finding.ts'
import type { Standing } from '../../../server/model/standing.ts'
import { openStore } from '../../../server/store/open.ts'
import type { LaptopPage, QueuePage } from '../../../server/views/schema.ts'
import { startServer } from '../../bench/children.ts'
import { tellwire } from './process.ts'

interface Summary {
  state: string
  stored: number
  known: number
  laptops: number
  rejected: number
  unknownWords: { field: string; word: string; events: number }[]
}

describe('tellwire import', function () {
  this.timeout(180_000)
  let root: string
  let recording: string
  const at = (...names: string[]) => join(root, ...names)

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-import-'))
    const { code, out, err } = await tellwire(['simulate', 'P1', 'N9', '--workers', '4', '--days', '14'])
    assert.equal(code, 0, err)
    recording = out
    writeFileSync(at('fleet.ndjson.gz'), gzipSync(out))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  async function imported(args: readonly string[], input?: string): Promise<Summary> {
    const { code, out, err } = await tellwire(['import', '--json', ...args], input === undefined ? {} : { input })
    assert.equal(code, 0, err)
    assert.equal(err, '')
    return JSON.parse(out)
  }

  it('stores, judges and lists the laptops; an export imported elsewhere gives the same findings', async () => {
    const records = recording.split('\n').filter((it) => it !== '' && !it.startsWith('{"type":"label"'))
    const first = await imported([at('fleet.ndjson.gz'), '--data-folder', at('one')])
    assert.equal(first.state, 'judged')
    assert.equal(first.stored + first.known, records.length)
    assert.equal(first.laptops, 4)
    const one = await judged(at('one'))
    assert.ok(one.findings.length > 5, `${one.findings.length} findings`)

    const { out: exported } = await tellwire(['export', '--data-folder', at('one')])
    assert.ok(!exported.includes('"type":"label"'), 'a label was stored')
    await imported(['-', '--data-folder', at('two')], exported)
    assert.deepEqual(await judged(at('two')), one)

    const { out: replayed } = await tellwire(['replay', '--json', '-'], { input: exported })
    const answer: { workers: { findings: { id: string }[] }[] } = JSON.parse(replayed)
    assert.deepEqual(
      answer.workers.flatMap((it) => it.findings.map(({ id }) => id)).sort(),
      one.findings.map((it) => it.id).sort(),
    )
  })

  it('exports one worker, and refuses one that does not exist', async () => {
    const known = await tellwire(['export', '--worker', 'w1', '--data-folder', at('one')])
    assert.equal(known.code, 0, known.err)
    const records: { type: string; worker?: string | null }[] = known.out
      .trim()
      .split('\n')
      .map((it) => JSON.parse(it))
    const others = records.filter(({ worker = 'w1' }) => worker !== 'w1')
    assert.ok(records.some(({ type }) => type === 'contract') && records.some(({ type }) => type === 'event'))
    assert.deepEqual(others, [])
    const nobody = await tellwire(['export', '--worker', 'nobody', '--data-folder', at('one')])
    assert.equal(nobody.code, 1)
    assert.match(nobody.err, /^tellwire: nobody: .*does not exist.*workers --band none/)
  })

  it('counts records that are imported again once', async () => {
    const again = await imported([at('fleet.ndjson.gz'), '--data-folder', at('one')])
    assert.equal(again.stored, 0)
    assert.equal(again.laptops, 0)
  })

  it('hands over to a running server, and waits until it has judged', async () => {
    const server = await startServer(at('live'))
    try {
      const first = await imported([at('fleet.ndjson.gz'), '--data-folder', at('live')])
      assert.equal(first.state, 'judged')
      const { rows } = await server.get<QueuePage>('/workers')
      const one = await judged(at('one'))
      for (const { worker, assessment } of one.standings) {
        const row = rows.find((it) => it.worker === worker)
        assert.deepEqual([row?.band, row?.points], [assessment.band, assessment.points], worker)
      }
      assert.equal((await server.get<LaptopPage>('/laptops')).total, 4)
      const again = await imported([at('fleet.ndjson.gz'), '--data-folder', at('live')])
      assert.equal(again.stored, 0)
      assert.deepEqual(readdirSync(at('live', 'inbox')), ['answers'])
      assert.deepEqual(readdirSync(at('live', 'inbox', 'answers')), [])
    } finally {
      await server.stop()
    }
  })

  it('reports lines that are not records by number, and takes the others', async () => {
    const lines = recording
      .split('\n')
      .filter((it) => !it.includes('"label"'))
      .slice(0, 20)
    lines.splice(2, 0, 'not json', '{"type":"event"}')
    const { code, out, err } = await tellwire(['import', '-', '--json', '--data-folder', at('bad')], {
      input: lines.join('\n'),
    })
    assert.equal(code, 1)
    const summary: Summary = JSON.parse(out)
    assert.equal(summary.rejected, 2)
    assert.equal(summary.stored, 20)
    assert.match(
      err,
      /^standard input:3: It is not JSON\. The line is skipped\.\nstandard input:4: .*\. The line is skipped\.\n$/,
    )
  })

  /** Logins with a result that no table has; each word as often as it is long. */
  const misspelt = ['sucessfull', 'gutt', 'lgin', 'odd', 'no-se'].flatMap((Result) =>
    Array.from({ length: Result.length }, (_, n) =>
      JSON.stringify({
        type: 'feed',
        worker: 'w1',
        time: 1_790_000_000_000 + n,
        event: { category: 'idp_login', Result },
      }),
    ),
  )
  const WARNINGS = [
    "warning: idp_login.Result 'sucessfull' is a word that Tellwire does not know (10 events).",
    "warning: idp_login.Result 'no-se' is a word that Tellwire does not know (5 events).",
    "warning: idp_login.Result 'gutt' is a word that Tellwire does not know (4 events).",
    'warning: and 2 more unknown words.',
  ]

  it('names the commonest words of feeds that it does not know, and takes their events', async () => {
    const { code, out, err } = await tellwire(['import', '-', '--json', '--data-folder', at('words')], {
      input: misspelt.join('\n'),
    })
    assert.equal(code, 0, err)
    const { stored, unknownWords }: Summary = JSON.parse(out)
    assert.deepEqual([stored, unknownWords.length, unknownWords[0]?.events], [misspelt.length, 5, 10])
    assert.deepEqual(err.trim().split('\n'), WARNINGS)
  })

  it('names keys of contracts that nothing reads, and takes the line', async () => {
    const line = { type: 'contract', worker: 'w1', from: 1_790_000_000_000, rols: ['developer'] }
    for (const args of [
      ['import', '-', '--data-folder', at('keys')],
      ['replay', '-'],
    ]) {
      const { code, err } = await tellwire(args, { input: JSON.stringify(line) })
      assert.equal(code, 0, err)
      assert.match(err, /^warning: contract\.rols is a key that nothing reads \(1 record\); did you mean roles\?\n$/)
    }
  })

  it('names them when a running server takes the file, too', async () => {
    const server = await startServer(at('words'))
    try {
      const args = ['import', '-', '--data-folder', at('words')]
      const { code, err } = await tellwire(args, { input: misspelt.join('\n') })
      assert.equal(code, 0, err)
      assert.deepEqual(err.trim().split('\n'), WARNINGS)
    } finally {
      await server.stop()
    }
  })

  it('makes no data folder for a file that does not exist', async () => {
    const { code, err } = await tellwire(['import', at('none.ndjson'), '--data-folder', at('nowhere')])
    assert.equal(code, 1)
    assert.match(err, /^tellwire: .*none\.ndjson: .*There is no such file\..*\n$/)
    assert.ok(!readdirSync(root).includes('nowhere'))
  })

  it('adds laptops without a key, in whose name nobody can connect', async () => {
    const store = await openStore({ engine: 'sqlite', folder: at('one') }, { run: 'inline', readOnly: true })
    try {
      const laptops = await store.devices.list()
      assert.equal(laptops.length, 4)
      for (const it of laptops) assert.equal(it.publicKey, '')
    } finally {
      await store.close()
    }
  })
})

async function judged(folder: string): Promise<{ findings: Finding[]; standings: Standing[] }> {
  const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline', readOnly: true })
  try {
    const active = await store.evaluations.active()
    assert.ok(active, 'nothing was judged')
    const findings: Finding[] = []
    for await (const block of store.evaluations.findings(active.id)) findings.push(...block)
    const { standings } = await store.evaluations.standingsSince(active.id, 0)
    const byWorker = standings.map((it) => ({ ...it, revision: 0 })).sort((a, b) => (a.worker < b.worker ? -1 : 1))
    return { findings: findings.sort((a, b) => (a.id < b.id ? -1 : 1)), standings: byWorker }
  } finally {
    await store.close()
  }
}
