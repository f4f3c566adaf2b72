/** Program starts that are over in milliseconds, on the real kernel: root, and tracefs in a folder of the test's own. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { StartCounters } from '../../agent/collect.ts'
import { processes } from '../../agent/collectors/linux/processes.ts'
import type { StartSourceKind } from '../../agent/host/host.ts'
import { linux } from '../../agent/host/linux.ts'
import { connector } from '../../agent/host/starts/connector.ts'
import { tracefs } from '../../agent/host/starts/tracefs.ts'
import { withCommandLines } from '../../agent/host/starts/with-command-lines.ts'
import type { Observation, ObservationOf } from '../../wire/event.ts'
import { checked, policy } from '../agent/fake-host.ts'
import { needsLinux } from '../agent/needs-linux.ts'
import { needsCommands, needsPermission } from './needs.ts'

describe('real runs: program starts', function () {
  this.timeout(120_000)
  let folder: string
  let mount: string

  before(function () {
    needsLinux(this)
    needsCommands(this, 'mount', 'umount')
    folder = mkdtempSync(join(tmpdir(), 'tellwire-starts-'))
    mount = join(folder, 'trace')
    mkdirSync(mount)
    // A container without the rights of the machine's root has no trace.
    needsPermission(this, `mount -t tracefs tracefs ${mount} && test -d ${mount}/instances`)
  })
  after(() => {
    if (!folder) return
    try {
      execFileSync('umount', [mount])
    } catch {
      // It was never mounted.
    }
    rmSync(folder, { recursive: true, force: true })
  })

  interface Run {
    events: Observation[]
    starts: StartCounters
    stop(): Promise<void>
  }

  /** The collector alone, with the real host. Resolves when its source is open and the first sweep is over. */
  async function collect(...sources: StartSourceKind[]): Promise<Run> {
    const stop = new AbortController()
    const events: Observation[] = []
    const starts: StartCounters = { seen: 0, total: 0 }
    const host = linux.host({ hmac: (it) => it, stateFolder: join(folder, 'memory') })
    const done = (async () => {
      for await (const it of processes(starts, [], sources).run(host, policy, stop.signal)) events.push(checked(it))
    })()
    await until(() => starts.by !== undefined && events.length > 0)
    return {
      events,
      starts,
      async stop() {
        stop.abort()
        await done
      },
    }
  }

  const told = ({ events }: Run, image: string) =>
    events.filter(
      (it): it is ObservationOf<'process_creation'> => it.category === 'process_creation' && it.Image === image,
    )
  const instances = () => readdirSync(join(mount, 'instances')).filter((it) => it.startsWith('tellwire-'))

  it('of 40 short programs a second for 20 s, at least 99 % are told', async () => {
    const program = join(folder, 'short')
    copyFileSync('/bin/true', program)
    const run = await collect(tracefs([mount]))
    // On a busy machine it starts fewer in that time.
    const enough = join(folder, 'enough')
    const loop = `i=0; while [ $i -lt 800 -a ! -e ${enough} ]; do ${program} $i & sleep 0.02; i=$((i+1)); done; wait; echo $i`
    const child = spawn('sh', ['-c', loop], { stdio: ['ignore', 'pipe', 'ignore'] })
    const timer = setTimeout(() => writeFileSync(enough, ''), 20_000)
    const started = Number(await text(child.stdout))
    clearTimeout(timer)
    await until(() => told(run, program).length >= started, 5_000).catch(() => {})
    await run.stop()
    assert.ok(started > 100, `${started} started`)
    assert.ok(told(run, program).length >= started * 0.99, `${told(run, program).length} of ${started}`)
    const odd = told(run, program).filter((it) => it.ParentImage === null || it.StartedBeforeAgent)
    assert.deepEqual(odd.slice(0, 3), [], `${odd.length} of them`)
    const { seen, total, by } = run.starts
    assert.equal(by, 'tracefs')
    // The loop's own `sleep` are starts, too.
    assert.ok(total >= 2 * started && seen >= total * 0.99, `${seen} of ${total}`)
    assert.deepEqual(instances(), [], 'nothing is left in the kernel')
  })

  it('the connector alone: programs of 5 ms with their command lines', async () => {
    const program = join(folder, 'brief')
    copyFileSync('/bin/sleep', program)
    const run = await collect(connector())
    for (let n = 0; n < 40; n++) await once(spawn(program, ['0.005'], { stdio: 'ignore' }), 'exit')
    await until(() => told(run, program).length >= 40, 5_000).catch(() => {})
    await run.stop()
    // On a busy machine, the agent may look when the program is over: then there is no path either.
    assert.ok(told(run, program).length >= 20, `${told(run, program).length} of 40`)
    assert.ok(told(run, program).every((it) => it.CommandLine === `${program} 0.005` && it.ParentImage !== null))
    assert.deepEqual([run.starts.by, run.starts.seen >= 40], ['connector', true])
  })

  it('both: each is told once, and short commands have their command line', async () => {
    const program = join(folder, 'command')
    copyFileSync('/bin/sleep', program)
    const run = await collect(withCommandLines(tracefs([mount]), connector()))
    for (let n = 0; n < 40; n++) await once(spawn(program, ['0.005'], { stdio: 'ignore' }), 'exit')
    await until(() => told(run, program).length >= 40)
    await run.stop()
    const found = told(run, program)
    assert.equal(found.length, 40)
    const complete = found.filter((it) => it.CommandLine === `${program} 0.005`)
    assert.ok(complete.length >= 20, `${complete.length} of 40`)
    assert.deepEqual(instances(), [])
  })

  it('hostile names: a newline, a byte that is not UTF-8, and 4 KB', async () => {
    const run = await collect(tracefs([mount]))
    const fake = Buffer.from(
      `${folder}/a\xff\n x-1 [000] ..... 1.0: sched_process_exec: filename=-forged pid=1 old_pid=1`,
      'latin1',
    )
    copyFileSync('/bin/true', fake)
    execFileSync('sh', ['-c', `${folder}/a*`])
    let deep = folder
    while (deep.length < 3_800) deep = join(deep, 'd'.repeat(200))
    mkdirSync(deep, { recursive: true })
    copyFileSync('/bin/true', join(deep, 'x'))
    execFileSync(join(deep, 'x'))
    await until(() => told(run, join(deep, 'x')).length > 0)
    await run.stop()
    const images = run.events.map((it) => (it.category === 'process_creation' ? it.Image : null))
    assert.equal(images.filter((it) => it === fake.toString('utf8')).length, 1)
    assert.ok(!images.includes('-forged'))
  })

  it('what the ring cannot hold is counted', async () => {
    const source = tracefs([mount]).open()
    const [instance] = instances()
    writeFileSync(join(mount, 'instances', instance!, 'buffer_size_kb'), '16')
    execFileSync('sh', ['-c', 'i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done'])
    let [starts, lost] = [0, 0]
    for (let reads = 0; reads < 300; reads++) {
      const read = source.read()
      starts += read.starts.filter((it) => it.file === '/bin/true').length
      lost += read.lost
    }
    source.close()
    assert.ok(starts < 1_000 && lost > 0, `${starts} told`)
    assert.ok(starts + lost >= 1_000, `${starts} told, ${lost} lost`)
  })

  it('an instance that a killed agent left is removed, one in use is kept', () => {
    mkdirSync(join(mount, 'instances', 'tellwire-1'))
    const source = tracefs([mount]).open()
    assert.deepEqual(instances(), [`tellwire-${process.pid}`])
    source.close()
    assert.deepEqual(instances(), [])
  })

  it('falls back to polling when the trace is taken away, and says so', async () => {
    const trace = tracefs([mount])
    const broken = { at: Number.POSITIVE_INFINITY }
    const run = await collect({
      name: 'tracefs',
      open: () => {
        const source = trace.open()
        const read = () => {
          if (Date.now() >= broken.at) throw new Error('ENODEV: no such device')
          return source.read()
        }
        return { ...source, read }
      },
    })
    broken.at = 0
    await until(() => run.starts.by === 'poll')
    const program = join(folder, 'later')
    copyFileSync('/bin/sleep', program)
    const child = spawn(program, ['60'], { stdio: 'ignore' })
    await until(() => told(run, program).length > 0)
    child.kill('SIGKILL')
    await run.stop()
    const gap = run.events.find((it) => it.category === 'collection_gap')
    assert.deepEqual([gap?.About, gap?.Categories], ['program starts by tracefs', ['agent_state']])
    assert.deepEqual(instances(), [])
  })
})

async function until(holds: () => boolean, withinMs = 20_000): Promise<void> {
  for (const end = performance.now() + withinMs; !holds(); await delay(20))
    if (performance.now() > end) throw new Error('it did not happen')
}
