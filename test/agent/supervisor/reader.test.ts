import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { FileFacts } from '../../../agent/host/host.ts'
import { Reader, type ReaderOptions } from '../../../agent/supervisor/reader.ts'
import type { Part } from '../../../agent/supervisor/reader-thread.ts'
import { removeFolder, temporaryFolder, until } from '../laptop.ts'

const PLACES: ReaderOptions['places'] = {
  placeOf: (path) => /^\/hung\d/.exec(path)?.[0] ?? path,
  isSystemPlace: (path) => path.startsWith('/etc'),
  remoteBelow: () => [],
}

describe('agent/supervisor/reader: the main thread', () => {
  const PULSE_MS = 50
  const script = (then: string) => `
    import { Reader } from '${new URL('../../../agent/supervisor/reader.ts', import.meta.url)}'
    const places = { placeOf: (path) => path, isSystemPlace: () => true, remoteBelow: () => [] }
    const reader = new Reader({ places, pulseMs: ${PULSE_MS} })
    await reader.ask({ kind: 'stat', path: '/' })
    ${then}`
  const ended = (then: string) => {
    const { signal, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script(then)], {
      timeout: 30_000,
      killSignal: 'SIGTERM',
    })
    return { signal, status }
  }

  it('an endless loop in it ends the process by a signal', () => {
    assert.deepEqual(ended('for (;;);'), { signal: 'SIGKILL', status: null })
  })

  it('one that waits, or is busy in pieces, is left alone', () => {
    const busy = `
      for (const end = performance.now() + ${30 * PULSE_MS}; performance.now() < end; ) {
        for (const part = performance.now() + ${3 * PULSE_MS}; performance.now() < part; );
        await new Promise((resolve) => setTimeout(resolve, ${PULSE_MS / 2}))
      }
      await new Promise((resolve) => setTimeout(resolve, ${30 * PULSE_MS}))
      await reader.close()`
    assert.deepEqual(ended(busy), { signal: null, status: 0 })
  })

  it('a process that was stopped and goes on is left alone', async () => {
    const wait = `console.log('ready'); await new Promise((resolve) => process.once('SIGTERM', resolve)); await reader.close()`
    // A timer keeps it alive: a signal's listener does not.
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', script(`setTimeout(() => {}, 60_000).ref(); ${wait}; process.exit()`)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    await once(child.stdout, 'data')
    child.kill('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, 30 * PULSE_MS))
    child.kill('SIGCONT')
    await new Promise((resolve) => setTimeout(resolve, 5 * PULSE_MS))
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
  })
})

describe('agent/supervisor/reader: real folders', () => {
  let folder = ''
  let reader: Reader
  beforeEach(() => {
    folder = temporaryFolder()
    reader = new Reader({ places: { ...PLACES, remoteBelow: () => [join(folder, 'mount')] } })
  })
  afterEach(async () => {
    await reader.close()
    removeFolder(folder)
  })
  const asked = async (kind: 'list' | 'entries' | 'link' | 'stat', name: string) =>
    reader.ask({ kind, path: join(folder, name), after: null })
  const read = async (name: string, maxBytes = 100_000, from: number | null = null) =>
    Buffer.from(await reader.ask<Uint8Array>({ kind: 'read', path: join(folder, name), maxBytes, from })).toString()

  it('answers as node:fs does', async () => {
    writeFileSync(join(folder, 'a'), 'x'.repeat(70_000))
    writeFileSync(join(folder, 'empty'), '')
    symlinkSync('a', join(folder, 'b'))
    mkdirSync(join(folder, 'mount'))
    assert.equal(await read('a'), 'x'.repeat(70_000))
    assert.equal((await read('a', 10, 69_995)).length, 5)
    assert.equal((await read('a', 20_000)).length, 20_000)
    assert.equal(await read('empty'), '')
    assert.equal(await read('b', 3), 'xxx')
    assert.equal(await asked('link', 'b'), 'a')
    assert.deepEqual([...((await asked('list', '')) as string[])].sort(), ['a', 'b', 'empty', 'mount'])
    const kinds = ((await asked('entries', '')) as Part).entries.map(
      ({ name, kind, size }) => `${name} ${kind} ${size}`,
    )
    assert.deepEqual(kinds.sort(), ['a file 70000', 'b link 1', 'empty file 0'], 'what is mounted is not touched')
    assert.equal(((await asked('stat', 'b')) as FileFacts).kind, 'link')
  })

  for (const [kind, name, code] of [
    ['list', 'none', 'ENOENT'],
    ['list', 'a', 'ENOTDIR'],
    ['link', 'a', 'EINVAL'],
    ['entries', 'a', 'ENOTDIR'],
  ] as const)
    it(`${kind} of ${name}: ${code}`, async () => {
      writeFileSync(join(folder, 'a'), '')
      await assert.rejects(asked(kind, name), { code })
      assert.deepEqual(await asked('list', ''), ['a'], 'and it goes on')
    })

  it('reads a large folder in parts, several at once, and forgets those that nobody goes on with', async () => {
    const names = Array.from({ length: 4_500 }, (_, n) => `${n}`)
    for (const name of names) writeFileSync(join(folder, name), '')
    const next = (after: number | null) => reader.ask<Part>({ kind: 'entries', path: folder, after })
    const first = await next(null)
    const others = await Promise.all(Array.from({ length: 4 }, () => next(null)))
    const found = [...first.entries]
    for (let { more } = first; more !== null; ) {
      const part = await next(more)
      found.push(...part.entries)
      more = part.more
    }
    assert.deepEqual(found.map((it) => it.name).sort(), names.toSorted())
    for (let n = 0; n < 8; n++) await next(null)
    await assert.rejects(next(others[0]!.more), { code: 'ESTALE' })
  })

  it('refuses more names at once than fit into its memory, and goes on', async () => {
    const names = Array.from({ length: 50_001 }, (_, n) => `${n}`)
    for (const name of names) closeSync(openSync(join(folder, name), 'w'))
    await assert.rejects(asked('list', ''), { code: 'E2BIG' })
    assert.equal(((await asked('stat', '1')) as FileFacts).kind, 'file')
  }).timeout(60_000)

  const fail = (cause: unknown) => assert.fail(String(cause))

  it('tells that something changed below a folder, also in new folders, and not in ignored ones', async () => {
    mkdirSync(join(folder, 'old', 'deep'), { recursive: true })
    mkdirSync(join(folder, 'node_modules'))
    let changes = 0
    const options = { depth: 3, maxFolders: 20, ignore: new Set(['node_modules']) }
    const watcher = reader.watch(folder, options, () => changes++, fail)
    await until(() => changes === 1, 'it watches')
    const expect = async (what: string, act: () => void) => {
      const before = changes
      act()
      await until(() => changes > before, what)
    }
    await expect('a file of an old folder', () => writeFileSync(join(folder, 'old', 'deep', 'x'), '1'))
    await expect('a new folder', () => mkdirSync(join(folder, 'new')))
    // It is watched a moment later: more changes than those of the folder itself.
    const before = changes
    await until(() => {
      writeFileSync(join(folder, 'new', 'x'), String(changes))
      return changes >= before + 4
    }, 'files of a new folder')
    await watcher.close()
    const closed = changes
    writeFileSync(join(folder, 'old', 'deep', 'x'), '2')
    await asked('list', '')
    assert.equal(changes, closed)
    rmSync(join(folder, 'old'), { recursive: true })
  })
})

describe('agent/supervisor/reader: places that do not answer', function () {
  this.timeout(60_000)
  const gate = new Int32Array(new SharedArrayBuffer(4))
  let readers: Reader[] = []
  beforeEach(() => Atomics.store(gate, 0, 0))
  afterEach(async () => {
    open()
    for (const reader of readers) await reader.close()
    readers = []
  })

  function open(): void {
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
  /** A thread that does not return from /hung1, /hung2 …, until the gate is open, and counts slowly in /slow. */
  const PROGRAM = `
    const { parentPort, workerData: { beat, gate } } = require('node:worker_threads')
    parentPort.on('message', ({ id, question: { path } }) => {
      if (path.startsWith('/hung')) Atomics.wait(gate, 0, 0)
      if (path.startsWith('/slow'))
        for (let n = 0; n < 100; n++) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
          Atomics.add(new Int32Array(beat), 0, 1)
        }
      parentPort.postMessage({ id, value: [path], cpuMs: 2 })
    })`
  function reader(options: Partial<ReaderOptions> = {}): Reader {
    const startThread: ReaderOptions['startThread'] = ({ beat }) =>
      new Worker(PROGRAM, { eval: true, workerData: { beat, gate } })
    const made = new Reader({ places: PLACES, startThread, patientMs: 500, stuckMs: 1_500, ...options })
    readers.push(made)
    return made
  }
  const list = (of: Reader, path: string) => of.ask<string[]>({ kind: 'list', path })

  it('the others go on, also those that were asked behind it', async () => {
    const it = reader()
    const hung = list(it, '/hung1/a')
    const behind = ['/etc', '/home/ann', '/tmp'].map((path) => list(it, path))
    assert.deepEqual((await Promise.all(behind)).flat(), ['/etc', '/home/ann', '/tmp'])
    await assert.rejects(hung, { code: 'EHUNG', message: 'EHUNG: a call does not return (list in /hung1)' })
    assert.deepEqual(
      it.hung.map(({ place, kind }) => [place, kind]),
      [['/hung1', 'list']],
    )
    assert.deepEqual(await list(it, '/etc'), ['/etc'])
  })

  it('what is asked about the same place waits with it, and fails with it', async () => {
    const it = reader()
    const all = ['/hung1/a', '/hung1/b'].map((path) => list(it, path))
    await list(it, '/etc')
    all.push(list(it, '/hung1/c'))
    const settled = await Promise.allSettled(all)
    assert.deepEqual(
      settled.map((it) => it.status === 'rejected' && it.reason.code),
      ['EHUNG', 'EHUNG', 'EHUNG'],
    )
    await assert.rejects(list(it, '/hung1'), { code: 'EHUNG' })
    assert.equal(it.hung.length, 1, 'one thread is lost for one place, however often it is asked about')
  })

  it('a place that answers late answers everybody who waited, and is told', async () => {
    const it = reader({ stuckMs: 60_000 })
    const all = ['/hung1/a', '/hung1/b'].map((path) => list(it, path))
    await list(it, '/etc')
    assert.equal(it.isHeld, true)
    open()
    assert.deepEqual((await Promise.all(all)).flat(), ['/hung1/a', '/hung1/b'])
    assert.deepEqual([it.isHeld, it.hung.length], [false, 0])
  })

  it('a place that answers again is read again', async () => {
    const it = reader()
    const answering: string[] = []
    it.onAnswering = ({ place }) => answering.push(place)
    await assert.rejects(list(it, '/hung1/a'), { code: 'EHUNG' })
    open()
    await until(() => answering.length > 0, 'it answers')
    assert.deepEqual(answering, ['/hung1'])
    assert.deepEqual(await list(it, '/hung1/a'), ['/hung1/a'])
    assert.equal(it.isHeld, false)
  })

  it('an answer that takes long and makes progress is waited for', async () => {
    const it = reader()
    assert.deepEqual(await list(it, '/slow'), ['/slow'])
    assert.equal(it.isHeld, false)
  })

  it('with too many such places, only those of the system are read, until one answers', async () => {
    const it = reader({ maxAside: 2 })
    for (const place of ['/hung1', '/hung2']) await assert.rejects(list(it, place), { code: 'EHUNG' })
    await assert.rejects(list(it, '/home/ann'), { code: 'EHUNG', message: 'EHUNG: 2 other places do not answer' })
    assert.deepEqual(await list(it, '/etc/passwd'), ['/etc/passwd'])
    open()
    await until(() => !it.isHeld, 'they answer')
    assert.deepEqual(await list(it, '/home/ann'), ['/home/ann'])
  })

  it('a watch in another place is set up again in the new thread', async () => {
    const it = reader()
    let [changes, errors] = [0, 0]
    const onError = () => errors++
    const options = { depth: 1, maxFolders: 1, ignore: new Set<string>() }
    it.watch('/home/ann', options, () => changes++, onError)
    it.watch('/hung1', options, () => {}, onError)
    await until(() => changes === 2, 'set up twice')
    await until(() => errors === 1, 'the other one failed')
    assert.equal(changes, 2)
  })

  it('a thread that dies fails its questions, and another one goes on', async () => {
    const it = reader({
      startThread: () =>
        new Worker(
          "require('node:worker_threads').parentPort.on('message', ({ id, question: { path } }) => { if (path === '/die') process.exit(1); require('node:worker_threads').parentPort.postMessage({ id, value: [path], cpuMs: 0 }) })",
          { eval: true },
        ),
    })
    await assert.rejects(list(it, '/die'), { code: 'EHUNG', message: /the reading thread ended/ })
    assert.deepEqual(await list(it, '/etc'), ['/etc'])
  })

  it('closing does not wait for it', async () => {
    const it = reader({ stuckMs: 60_000 })
    const hung = list(it, '/hung1')
    await list(it, '/etc')
    const closing = it.close()
    await assert.rejects(hung, { code: 'EHUNG' })
    await closing
    assert.equal(it.isHeld, true)
  })
})
