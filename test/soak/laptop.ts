/**
 * `npm run soak -- agent`: the agent under its service, on a laptop where everything goes wrong that can.
 *
 *   npm run soak -- agent --minutes 10      for ten minutes; --seconds 30 for half a minute
 *   SOAK_SEED=7 npm run soak -- agent       the same random choices (not the same timing)
 *
 * Shape   kill -9 of the agent, of its service, of both and of the server, a full disk, a mount that does not answer,
 *         SIGSTOP, and a clock that is an hour, 15 days or a year off, at random moments and all at once. With three
 *         minutes and more, each is then left for as long as the agent needs to notice it.
 *         At the end everything works again and the agent stops in good order. Then each event that its spool accepted
 *         is in the log once, or was counted as lost by its missing number; no number was used twice; the findings are
 *         those of a replay; and each disturbance has left its trace.
 * Errors  exit code 1 at the first failure; the data folder is kept, and its path is printed. Needs root on Linux: the
 *         disk and the mount are in a mount namespace of its own.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { agentPaths } from '../../agent/config.ts'
import { lockHolder } from '../../agent/lock.ts'
import { stream as randomStream } from '../../server/simulate/random.ts'
import type { Event, EventOf } from '../../wire/event.ts'
import { DAY, HOUR } from '../../wire/time.ts'
import { until } from '../bench/children.ts'
import { Rig } from './rig.ts'
import { type Verified, verify } from './verify.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seconds: { type: 'string' } } })
const LASTS_MS = values.seconds ? Number(values.seconds) * 1_000 : Number(values.minutes ?? 10) * 60_000
const SEED = Number(process.env.SOAK_SEED ?? randomInt(1_000_000))
/** Set in the mount namespace. */
const INSIDE = 'TELLWIRE_SOAK_INSIDE'
/** Less than the spool may have, so that it fills up by itself, too. */
const DISK_BYTES = 40 * 1_048_576
const YEAR = 365 * DAY
const OFFSETS = [0, YEAR, -YEAR, HOUR, -HOUR, 15 * DAY]
const MAX_PAUSE_MS = 4_000
/** Most of the time, the agent is disturbed after it has accepted more since the last time. */
const ACCEPTS_MS = 6_000
/** A stop of 30 s and more is reported. */
const FREEZE_MS = 33_000
/** A watched folder is swept once a minute, a call may take 15 s, and a clock is read every 30 s. */
const NOTICED_MS = 50_000
/** For the part in which each disturbance is left alone. */
const LONG_MS = 180_000

if (!process.env[INSIDE]) {
  const args = ['-m', process.execPath, import.meta.filename, ...process.argv.slice(2)]
  process.exit(spawnSync('unshare', args, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } }).status ?? 1)
}

const random = randomStream(SEED, 'laptop')
const counts = { agent: 0, service: 0, server: 0, full: 0, hung: 0, stopped: 0, clock: 0 }
let began = performance.now()
const rig = await Rig.open(join(import.meta.dirname, 'service.ts'))
const paths = agentPaths(rig.agent)
const control = join(rig.folder, 'control')
const hungFolder = join(rig.folder, 'hung')
const newMount = join(rig.folder, 'new-mount')
const filler = join(rig.agent, 'filler')
let services = 0
let isFull = false
let isHung = false
let mount: ChildProcess | null = null

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void endAll().then(() => process.exit(1)))
console.log(`${LASTS_MS / 1_000} s, seed ${SEED}`)
try {
  await setUp()
  began = performance.now()
  const isLong = LASTS_MS >= LONG_MS
  const until = began + LASTS_MS - (isLong ? 2 * NOTICED_MS + FREEZE_MS + 10_000 : 0)
  while (performance.now() < until) await step()
  if (isLong) await each()
  await settle()
  report(await check(isLong))
} catch (cause) {
  console.error(`after ${seconds()} s with seed ${SEED}: ${cause instanceof Error ? cause.stack : cause}`)
  console.error(`${JSON.stringify(counts)}\n${rig.printed}`)
  console.error(`the folder is kept: ${rig.folder}`)
  await endAll()
  process.exit(1)
}
await endAll()
for (const it of [rig.agent, hungFolder, newMount]) spawnSync('umount', ['-l', it])
await rig.close()
process.exit()

async function setUp(): Promise<void> {
  for (const it of [rig.agent, control, hungFolder, newMount]) mkdirSync(it)
  mounted('tmpfs', '-o', `size=${DISK_BYTES}`, rig.agent)
  mount = spawn(process.execPath, [join(import.meta.dirname, '../real/fuse-folder.ts'), hungFolder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: mount.stdout! }), 'line')
  assert.equal(line, 'mounted')
  const config = join(rig.folder, 'tellwire.yml')
  writeFileSync(config, JSON.stringify({ watchedRoots: [{ path: hungFolder, kind: 'staging' }] }))
  rig.serverArgs = ['--config', config]
  rig.startServer()
  await rig.enroll('w1')
  startService()
  await rig.progress(50)
}

/** Resolves when the agent has accepted more, or after a while: it may wait, or have ended. */
async function accepting(): Promise<void> {
  const from = acceptedBytes()
  for (const end = performance.now() + ACCEPTS_MS; performance.now() < end && acceptedBytes() === from; )
    await delay(20)
}

function acceptedBytes(): number {
  return statSync(join(control, 'accepted'), { throwIfNoEntry: false })?.size ?? 0
}

function mounted(type: string, ...more: string[]): void {
  const { status, stderr } = spawnSync('mount', ['-t', type, ...more.slice(0, -1), type, more.at(-1)!], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
}

function startService(): void {
  rig.agentArgs = [control, `${SEED}.${services++}`]
  rig.startAgent()
}

/** One disturbance, or the end of one. */
async function step(): Promise<void> {
  if (random() < 0.7) await accepting()
  else await delay(random() ** 2 * MAX_PAUSE_MS)
  const chosen = random()
  if (chosen < 0.3) killAgent()
  else if (chosen < 0.42) await killService()
  else if (chosen < 0.52) {
    killAgent()
    await killService()
  } else if (chosen < 0.62) isFull ? free() : fill()
  else if (chosen < 0.72) isHung ? answer() : hang()
  else if (chosen < 0.8) await freeze(random() ** 2 * 5_000)
  else if (chosen < 0.95) moveClock(OFFSETS[Math.floor(random() * OFFSETS.length)]!)
  else await killServer()
}

/** Each for as long as it takes until the agent has noticed it. */
async function each(): Promise<void> {
  free()
  answer()
  moveClock(0)
  await rig.listening()
  await rig.progress(50)
  // Later than the first look at the clock and at the folders.
  await delay(10_000)
  hang()
  // A new mount makes the agent look at all folders at once.
  mounted('tmpfs', newMount)
  moveClock(YEAR)
  await delay(NOTICED_MS)
  answer()
  moveClock(-YEAR)
  fill()
  writeFileSync(join(control, 'burst'), '')
  await delay(NOTICED_MS)
  free()
  moveClock(0)
  await rig.progress(50)
  await freeze(FREEZE_MS)
  await rig.progress(50)
}

/** Everything works, what was accepted is sent, and the agent stops in good order. */
async function settle(): Promise<void> {
  free()
  answer()
  moveClock(0)
  await killService()
  killAgent()
  await rig.listening()
  await rig.progress(50)
  writeFileSync(join(control, 'quiet'), '')
  // All of the last events of the collector are numbered within this time.
  await delay(1_000)
  const { last, epoch } = rig.progressOfAgent()
  const isSent = () => {
    const now = rig.progressOfAgent()
    return now.epoch !== epoch || now.acked >= last ? true : null
  }
  await until(isSent, 180_000, () => `only ${rig.progressOfAgent().acked} of ${last} acknowledged`)
  await rig.killAgent()
  const pid = lockHolder(paths.lock)
  assert.ok(pid !== null, 'the agent runs')
  process.kill(pid, 'SIGTERM')
  await until(
    () => (lockHolder(paths.lock) === null ? true : null),
    30_000,
    () => 'the agent does not stop',
  )
}

async function check(isLong: boolean): Promise<Verified & { accepted: number; lost: number; told: number }> {
  const progress = rig.progressOfAgent()
  await rig.stopServer()
  const logged = new Map<string, number>()
  const gaps: EventOf<'collection_gap'>[] = []
  const actions: string[] = []
  const jumps: number[] = []
  const take = (event: Event) => {
    if (event.category === 'process_creation' && event.collector === 'busy') {
      const number = event.CommandLine!.split(' ')[1]!
      logged.set(number, (logged.get(number) ?? 0) + 1)
    }
    if (event.category === 'collection_gap') gaps.push(event)
    if (event.category === 'agent_state') actions.push(event.Action)
    if (event.category === 'clock_place' && event.ClockJumpMs !== null) jumps.push(event.ClockJumpMs)
  }
  const verified = await verify(rig.data, rig.rules, [progress], take)
  const accepted = readFileSync(join(control, 'accepted'), 'utf8').trim().split('\n')
  const doubled = [...logged].filter(([, times]) => times > 1).map(([number]) => number)
  assert.deepEqual(doubled, [], 'logged twice')
  const lost = accepted.filter((it) => !logged.has(it)).length
  assert.ok(lost <= verified.missing, `${lost} accepted events are not in the log, and ${verified.missing} are missing`)
  const told = gaps.reduce((sum, it) => sum + (it.collector === 'spool' ? (it.Count ?? 0) : 0), 0)
  assert.ok(verified.missing <= told + verified.rejected, `${verified.missing} are missing, and ${told} were told`)
  assert.equal(verified.rejected, 0, 'a real agent sends nothing that is refused')

  const count = (action: string) => actions.filter((it) => it === action).length
  assert.equal(actions.at(-1), 'stopping', 'the last word')
  assert.ok(count('started') > 1 && count('started') <= counts.agent + 1, `started ${count('started')} times`)
  // A start that is in the log says how the run before it ended, or its gap says that this was lost.
  const unexplained = count('started') - 1 - count('killed_last_time')
  assert.ok(unexplained <= verified.missing, `${unexplained} starts without a word about the end before`)
  if (isLong) {
    const has = (about: string, detail: RegExp) =>
      gaps.some((it) => it.About === about && it.Reason === 'stopped' && detail.test(it.Detail ?? ''))
    assert.ok(has(hungFolder, /^EHUNG/), 'the mount that did not answer is a gap')
    assert.ok(has('agent', /^nothing was collected for \d+ s, although the laptop was awake/), 'the freeze is a gap')
    assert.ok(
      gaps.some((it) => it.collector === 'spool' && it.Reason === 'overflow' && it.About === 'process_creation'),
      'the full disk is a count',
    )
    const isYear = (it: number) => Math.abs(Math.abs(it) - YEAR) < HOUR || Math.abs(Math.abs(it) - 2 * YEAR) < HOUR
    assert.ok(jumps.some(isYear), 'the moved clock is reported')
  }
  return { ...verified, accepted: accepted.length, lost, told }
}

function report({ accepted, lost, told, missing, events, findings, standings }: Awaited<ReturnType<typeof check>>) {
  const { agent, service, server, full, hung, stopped, clock } = counts
  console.log(
    `${agent} kills of the agent, ${service} of its service, ${server} of the server; the disk was full ${full} times, ` +
      `a mount hung ${hung} times, the agent was stopped ${stopped} times, the clock moved ${clock} times. ` +
      `${accepted.toLocaleString('en')} events accepted, ${lost} of them lost; ${missing} numbers missing in the log, ` +
      `${told} reported as lost; ${events.toLocaleString('en')} events in the log, each once; ${findings} findings and ` +
      `${standings} standings as in a replay; ${seconds()} s`,
  )
}

function killAgent(): void {
  const pid = lockHolder(paths.lock)
  if (pid === null) return
  counts.agent++
  process.kill(pid, 'SIGKILL')
}

async function killService(): Promise<void> {
  counts.service++
  await rig.killAgent()
  startService()
}

async function killServer(): Promise<void> {
  counts.server++
  await rig.killServer()
  rig.startServer()
}

function fill(): void {
  counts.full++
  isFull = true
  const fd = openSync(filler, 'w')
  for (let bytes = 1_048_576; bytes >= 1; )
    try {
      writeSync(fd, Buffer.alloc(bytes))
    } catch (cause) {
      assert.equal((cause as NodeJS.ErrnoException).code, 'ENOSPC')
      bytes = Math.floor(bytes / 16)
    }
  closeSync(fd)
}

function free(): void {
  isFull = false
  rmSync(filler, { force: true })
}

function hang(): void {
  counts.hung++
  isHung = true
  mount!.kill('SIGSTOP')
}

function answer(): void {
  isHung = false
  mount!.kill('SIGCONT')
}

async function freeze(ms: number): Promise<void> {
  const pid = lockHolder(paths.lock)
  if (pid === null) return
  counts.stopped++
  process.kill(pid, 'SIGSTOP')
  await delay(ms)
  process.kill(pid, 'SIGCONT')
}

/** By a new file, so that nobody reads half of it. */
function moveClock(ms: number): void {
  counts.clock++
  writeFileSync(join(control, 'clock.new'), String(ms))
  renameSync(join(control, 'clock.new'), join(control, 'clock'))
}

async function endAll(): Promise<void> {
  // The kernel then answers for it, and whoever still waits goes on.
  mount?.kill('SIGKILL')
  await Promise.all([rig.killAgent(), rig.killServer()].map((it) => it.catch(() => {})))
  const pid = existsSync(paths.lock) ? lockHolder(paths.lock) : null
  if (pid !== null) process.kill(pid, 'SIGKILL')
}

function seconds(): number {
  return Math.round((performance.now() - began) / 1_000)
}
