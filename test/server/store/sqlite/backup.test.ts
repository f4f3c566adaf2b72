/** A backup made while a server writes is restored completely, and laptops send again what came after it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { writeArchive } from '../../../../server/store/sqlite/archive.ts'
import { makeBackup, restoreBackup } from '../../../../server/store/sqlite/backup.ts'
import { openSqliteStore } from '../../../../server/store/sqlite/store.ts'
import { openTelemetry, type Telemetry } from '../../../../server/store/sqlite/telemetry.ts'
import type { Store } from '../../../../server/store/store.ts'
import { notTested } from '../../../not-tested.ts'
import { temporaryFolder } from '../folder.ts'
import { batch, gather, mixed, T0 } from '../samples.ts'

const DEVICES = ['d1', 'd2', 'd3']

describe('a backup', function () {
  this.timeout(120_000)
  let root: string
  let remove: () => void
  beforeEach(() => {
    ;({ folder: root, remove } = temporaryFolder())
  })
  afterEach(() => remove())
  const at = (name: string) => join(root, name)

  for (const name of ['backup', 'backup.tar']) {
    it(`the whole procedure: copied under load, everything lost, restored, sent again: ${name}`, async () => {
      const load = await loaded(at('data'))
      await load.until(1_500)
      const copying = makeBackup({ folder: at('data'), to: at(name), now: T0 })
      const { manifest, checked } = await copying
      assert.deepEqual([checked.lost, checked.unreadable], [[], []])
      await load.until(manifest.last + 500)
      const sent = await load.stop()
      rmSync(at('data'), { recursive: true })

      const restored = await restoreBackup({ from: at(name), folder: at('data'), force: false, now: T0 })
      assert.deepEqual([restored.aside, restored.manifest], [null, manifest])
      const telemetry = await openTelemetry({ folder: at('data') })
      const { stream } = telemetry
      assert.deepEqual([stream.id, stream.missing, await stream.last()], [manifest.stream, null, manifest.last])
      // The state never refers to records that the stream lacks.
      const store = await openSqliteStore({ folder: at('data') })
      const active = await store.evaluations.active()
      assert(active && active.position > 0 && active.position <= manifest.last)
      assert.equal(active.digest, await stream.digest(active.position))
      assert.deepEqual((await store.devices.list()).length, 1)

      for (const device of DEVICES) {
        assert((await stream.acked(device, 7)) <= sent.get(device)!)
        for (let seq = 1; seq <= sent.get(device)!; seq += 100)
          await stream.publish(batch(device, seq, Math.min(100, sent.get(device)! - seq + 1)))
      }
      const numbers = new Set<string>()
      for (const { record } of await gather(stream.read(0))) {
        assert(record.type === 'event')
        const number = `${record.device} ${record.event.seq}`
        assert(!numbers.has(number), `${number} is there twice`)
        numbers.add(number)
      }
      assert.equal(
        numbers.size,
        [...sent.values()].reduce((sum, it) => sum + it, 0),
      )
      await store.close()
      await telemetry.close()
    })
  }

  it('restored over newer data, reports missing positions and assigns none twice', async () => {
    const telemetry = await openTelemetry({ folder: at('data') })
    await telemetry.stream.publish(batch('d1', 1, 1_200))
    await makeBackup({ folder: at('data'), to: at('backup'), now: T0 })
    await telemetry.stream.publish(batch('d1', 1_201, 100))
    await telemetry.close()
    writeFileSync(at('data/tellwire.yml'), '')

    const { aside } = await restoreBackup({ from: at('backup'), folder: at('data'), force: true, now: T0 })
    assert.equal(aside, at('data/before-restore-2026-11-22T09-00-00.000Z'))
    assert.deepEqual(readdirSync(aside).sort(), ['telemetry.db', 'telemetry.mark'])
    assert(existsSync(at('data/tellwire.yml')), 'other files stay')
    const again = await openTelemetry({ folder: at('data') })
    assert.deepEqual([again.stream.missing?.after, again.stream.missing?.upTo], [1_200, 1_300])
    assert.equal(await again.stream.acked('d1', 7), 1_200)
    assert.deepEqual(await again.stream.publish(batch('d1', 1_201, 100)), { first: 1_301, last: 1_400, duplicates: [] })
    await again.close()
  })

  it('an interrupted restore is reported by the server, and done again with --force', async () => {
    const telemetry = await openTelemetry({ folder: at('data') })
    await telemetry.stream.publish(batch('d1', 1, 1_200))
    const store = await openSqliteStore({ folder: at('data') })
    await store.values.set('key', 'ours')
    await makeBackup({ folder: at('data'), to: at('backup'), now: T0 })
    await telemetry.stream.publish(batch('d1', 1_201, 100))
    await store.close()
    await telemetry.close()
    const restore = (now: number, onStep = () => {}) =>
      restoreBackup({
        ...{ from: at('backup'), folder: at('data'), force: true, now: T0 + now },
        onStep: (what) => {
          if (what.startsWith('moving ')) onStep()
        },
      })
    // In the end the new files are in place, but the last one.
    for (const [attempt, last] of [1, 1, 1, 2].entries()) {
      let steps = 0
      const killed = () => {
        if (steps++ === last) throw new Error('killed')
      }
      await assert.rejects(restore(attempt, killed), /killed/)
      await assert.rejects(openTelemetry({ folder: at('data') }), {
        name: 'Fault',
        code: 'store.damaged',
        why: 'A restore of a backup was interrupted.',
      })
    }
    await restore(10)
    const again = await openTelemetry({ folder: at('data') })
    assert.deepEqual([again.stream.missing?.after, again.stream.missing?.upTo], [1_200, 1_300])
    await again.close()
    const restored = await openSqliteStore({ folder: at('data') })
    assert.equal(await restored.values.get('key'), 'ours')
    await restored.close()
  })

  it('an archive that does not fit on the disk leaves no files, and the target is named', async function () {
    if (process.platform !== 'linux') notTested(this, 'this needs Linux')
    const telemetry = await openTelemetry({ folder: at('data') })
    await telemetry.stream.publish(mixed(3_000))
    await telemetry.close()
    const bytes = statSync(at('data/telemetry.db')).size
    // The limit of a file's size has the same effect as a full disk.
    for (const [kib, name] of [
      [Math.ceil(bytes / 1_024) - 8, 'backup'],
      [Math.ceil(bytes / 1_024), 'backup.tar'],
    ] as const) {
      const script = `
        import { makeBackup } from '${new URL('../../../../server/store/sqlite/backup.ts', import.meta.url)}'
        const [folder, to] = process.argv.slice(1)
        await makeBackup({ folder, to, now: 0 }).then(
          () => console.log('made'),
          ({ code, where }) => console.log(code, where),
        )`
      const args = [process.execPath, script, at('data'), at(name)]
      const { stdout, stderr } = spawnSync(
        'bash',
        ['-c', `ulimit -f ${kib}; exec "$0" --input-type=module -e "$@"`, ...args],
        { encoding: 'utf8' },
      )
      assert.equal(`${stdout}${stderr}`, `store.unwritable ${at(name)}\n`)
      assert.deepEqual(readdirSync(root), ['data'])
    }
  })

  it('contains the imported lists', async () => {
    await (await openTelemetry({ folder: at('data') })).close()
    mkdirSync(at('data/feeds'))
    writeFileSync(at('data/feeds/tor-exits.csv'), '203.0.113.9\n')
    for (const name of ['backup', 'backup.tar']) {
      await makeBackup({ folder: at('data'), to: at(name), now: T0 })
      await restoreBackup({ from: at(name), folder: at(`from-${name}`), force: false, now: T0 })
      assert.equal(readFileSync(at(`from-${name}/feeds/tor-exits.csv`), 'utf8'), '203.0.113.9\n')
    }
  })

  it('of a damaged folder is made, and reports the damage', async () => {
    const telemetry = await openTelemetry({ folder: at('data') })
    for (const first of [1, 1_001, 2_001]) await telemetry.stream.publish(batch('d1', first, 1_000))
    await telemetry.close()
    edit(at('data/telemetry.db'), `update segments set lines = zeroblob(90) where first = 1001`)
    const { checked } = await makeBackup({ folder: at('data'), to: at('backup'), now: T0 })
    assert.deepEqual(
      checked.unreadable.map(({ facts }) => [facts.first, facts.last]),
      [[1_001, 2_000]],
    )
  })

  it('of a folder that lost commits reports them', async () => {
    const telemetry = await openTelemetry({ folder: at('data') })
    await telemetry.stream.publish(batch('d1', 1, 10))
    cpSync(at('data'), at('killed'), { recursive: true })
    await telemetry.close()
    truncateSync(at('killed/telemetry.db-wal'), 0)
    const { checked, manifest } = await makeBackup({ folder: at('killed'), to: at('backup'), now: T0 })
    assert.equal(manifest.last, 0)
    assert.match(checked.lost[0]?.message ?? '', /Positions 1 to 10 are missing/)
  })

  const refused: { name: string; prepare(): Promise<unknown>; code: string; where: string }[] = [
    { name: 'the name is taken', prepare: async () => mkdirSync(at('backup')), code: 'usage', where: 'backup' },
    {
      name: 'there is no data',
      prepare: async () => rmSync(at('data'), { recursive: true }),
      code: 'store.missing',
      where: 'data/telemetry.db',
    },
    {
      name: 'it is not a database',
      prepare: async () => writeFileSync(at('data/telemetry.db'), 'x'.repeat(9_000)),
      code: 'store.damaged',
      where: 'data/telemetry.db',
    },
    {
      name: 'the state is ahead of the telemetry',
      prepare: () => judged(at('data'), 4_000, 'x'),
      code: 'store.damaged',
      where: 'backup.partial/state.db',
    },
    {
      name: 'the state was made of other records',
      prepare: () => judged(at('data'), 3_000, 'x'),
      code: 'store.damaged',
      where: 'backup.partial/state.db',
    },
  ]
  for (const { name, prepare, code, where } of refused) {
    it(`is refused and leaves no files: ${name}`, async () => {
      const telemetry = await openTelemetry({ folder: at('data') })
      await telemetry.stream.publish(mixed(3_000))
      await telemetry.close()
      await prepare()
      const before = readdirSync(root)
      await assert.rejects(makeBackup({ folder: at('data'), to: at('backup'), now: T0 }), {
        name: 'Fault',
        code,
        where: at(where),
      })
      assert.deepEqual(readdirSync(root), before)
    })
  }

  const unrestored: { name: string; of: 'backup' | 'backup.tar'; prepare(): Promise<unknown>; code: string }[] = [
    { name: 'none is there', of: 'backup', prepare: async () => move('backup', 'elsewhere'), code: 'store.missing' },
    {
      name: 'a folder of something else',
      of: 'backup',
      prepare: async () => rmSync(at('backup/backup.json')),
      code: 'store.damaged',
    },
    { name: 'a changed byte', of: 'backup', prepare: async () => flip('backup/telemetry.db'), code: 'store.damaged' },
    {
      name: 'a missing file',
      of: 'backup',
      prepare: async () => rmSync(at('backup/telemetry.db')),
      code: 'store.damaged',
    },
    {
      name: 'a newer format',
      of: 'backup',
      prepare: async () => writeFileSync(at('backup/backup.json'), '{"format":2}'),
      code: 'store.damaged',
    },
    {
      name: 'an archive with a changed byte',
      of: 'backup.tar',
      prepare: async () => flip('backup.tar'),
      code: 'store.damaged',
    },
    {
      name: 'a truncated archive',
      of: 'backup.tar',
      prepare: async () => truncateSync(at('backup.tar'), 20_000),
      code: 'store.damaged',
    },
    {
      name: 'not an archive',
      of: 'backup.tar',
      prepare: async () => writeFileSync(at('backup.tar'), 'x'.repeat(2_048)),
      code: 'store.damaged',
    },
    {
      name: 'an archive that leads out of the folder',
      of: 'backup.tar',
      prepare: async () => {
        rmSync(at('backup.tar'))
        await writeArchive(at('backup.tar'), [{ name: '../outside', path: at('data/telemetry.db') }], T0)
      },
      code: 'store.damaged',
    },
    {
      name: 'an archive with an unlisted file',
      of: 'backup.tar',
      prepare: async () => {
        rmSync(at('backup.tar'))
        const names = ['backup.json', 'telemetry.db']
        const entries = names.map((name) => ({ name, path: at(`backup/${name}`) }))
        await writeArchive(at('backup.tar'), [...entries, { name: 'more.db', path: at('data/telemetry.db') }], T0)
      },
      code: 'store.damaged',
    },
    { name: 'something is there', of: 'backup', prepare: async () => writeFileSync(at('to/x'), ''), code: 'usage' },
    {
      name: 'a server runs there',
      of: 'backup',
      prepare: async () => {
        running = await openTelemetry({ folder: at('to') })
      },
      code: 'server.running',
    },
  ]
  let running: Telemetry | null = null
  for (const { name, of, prepare, code } of unrestored) {
    it(`is not restored and changes nothing: ${name}`, async () => {
      const telemetry = await openTelemetry({ folder: at('data') })
      await telemetry.stream.publish(mixed(1_500))
      await telemetry.close()
      for (const to of ['backup', 'backup.tar']) await makeBackup({ folder: at('data'), to: at(to), now: T0 })
      mkdirSync(at('to'))
      await prepare()
      const before = readdirSync(at('to')).filter((it) => it !== 'telemetry.lock')
      const force = code !== 'usage'
      await assert.rejects(restoreBackup({ from: at(of), folder: at('to'), force, now: T0 }), { name: 'Fault', code })
      assert.deepEqual(
        readdirSync(at('to')).filter((it) => it !== 'telemetry.lock'),
        before,
      )
      assert(!existsSync(at('outside')))
      await running?.close()
      running = null
    })
  }

  const move = (from: string, to: string) => {
    cpSync(at(from), at(to), { recursive: true })
    rmSync(at(from), { recursive: true })
  }
  const flip = (name: string) => {
    const bytes = readFileSync(at(name))
    const middle = bytes.length >> 1
    bytes[middle] = bytes[middle]! ^ 1
    writeFileSync(at(name), bytes)
  }
})

/** A running server: three laptops send continuously, and stored records are evaluated. */
async function loaded(folder: string) {
  const { stream, close } = await openTelemetry({ folder })
  const store = await openSqliteStore({ folder })
  const sent = new Map(DEVICES.map((it) => [it, 0]))
  let isStopping = false
  await begin(store, stream.id)
  await store.devices.save({
    device: 'd1',
    publicKey: 'key',
    platform: 'linux',
    version: '0.1.0',
    fingerprint: null,
    enrolledAt: T0,
    revokedAt: null,
    firstBoot: T0,
  })
  const working = [
    ...DEVICES.map(async (device) => {
      for (let seq = 1, count = 1; !isStopping; seq += count, count = 1 + ((seq * 31) % 90)) {
        await stream.publish(batch(device, seq, count))
        sent.set(device, seq + count - 1)
      }
    }),
    (async () => {
      while (!isStopping) {
        const position = await stream.last()
        const digest = await stream.digest(position)
        await commit(store, position, digest)
        await setImmediate()
      }
    })(),
  ]
  return {
    async until(last: number) {
      while ((await stream.last()) < last) await stream.publish([])
    },
    async stop() {
      isStopping = true
      await Promise.all(working)
      await store.close()
      await close()
      return sent
    },
  }
}

async function begin(store: Store, stream: string): Promise<void> {
  await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream })
  await store.evaluations.activate('e1', [])
}

function commit(store: Store, position: number, digest: string | null): Promise<void> {
  const nothing = { kept: [], findings: [], gone: [], standings: [], standingsGone: [], changes: [] }
  return store.evaluations.commit('e1', { position, digest, time: T0, ...nothing })
}

async function judged(folder: string, position: number, digest: string): Promise<void> {
  const { stream, close } = await openTelemetry({ folder, readOnly: true })
  await close()
  const store = await openSqliteStore({ folder })
  await begin(store, stream.id)
  await commit(store, position, digest)
  await store.close()
}

function edit(file: string, sql: string): void {
  const db = new DatabaseSync(file)
  db.exec(sql)
  db.close()
}
