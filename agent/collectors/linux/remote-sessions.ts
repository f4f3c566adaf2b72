/**
 * Sessions of remote-control tools, from the tools' own logs: who held the mouse, from where, for how long.
 *
 * Shape   one remote_session when a session began, again when its address became known or it ended, with the same
 *         StartedAt. Whoever controls (AnyDesk id, TeamViewer id, Google account) leaves only as an HMAC. A session two
 *         logs of one tool tell of is told once. TeamViewer writes a session down when it ends, so it is told then;
 *         AnyDesk's connection list knows no end.
 * Units   polled every 30 s. Sessions that began more than 7 days ago are not told, nor those of RustDesk that ended
 *         within 10 s: its log does not tell an attempt from a session.
 * Errors  null for what a log does not say. A log that is there and cannot be read is a gap 'denied'; one that wrote
 *         more than we read is a gap 'overflow'. Systems that keep a journal only have no text log of sshd and Chrome
 *         Remote Desktop: sshd then comes from /var/log/wtmp, Chrome Remote Desktop is a gap 'unsupported' where it is
 *         installed.
 * Source  see `remote-logs.ts`; utmp(5) for wtmp.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { type Place, tail } from '../shared/log-tail.ts'
import {
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  type Reader,
  rustdesk,
  type Step,
  sshd,
  teamviewerConnections,
  teamviewerLog,
  xrdp,
} from '../shared/remote-logs.ts'
import { parseWtmp, UTMP_ENTRY } from '../shared/utmp.ts'

const NAME = 'remote-sessions'
const EVERY_MS = 30_000
const MAX_AGE_MS = 7 * 86_400_000
/** A session whose end no log told: TeamViewer ends all after 48 h. */
const FORGOTTEN_MS = 48 * 3_600_000
const ATTEMPT_MS = 10_000
/** AnyDesk's connection list names the minute only. */
const SAME_MS = 120_000
const MAX_SESSIONS = 128
const MAX_LOGS = 64
const WTMP = '/var/log/wtmp'
/** At one look; the rest at the next ones. At the first look, what is older than so many entries is the past. */
const WTMP_LOOK = 512
const WTMP_FIRST = 8_192
const CRD_FOLDER = '/opt/google/chrome-remote-desktop'

interface Log {
  path: string
  tool: string
  reader: () => Reader
}
interface Session {
  log: string
  tool: string
  direction: 'incoming' | 'outgoing'
  ip: string | null
  peer: string | null
  startedAt: number
  endedAt: number | null
  unattended: boolean | null
  /** What was told of it: the same is not told twice. */
  told: string
}
interface Memory {
  places: Map<string, Place>
  sessions: Map<string, Session>
  /** Where TeamViewer was last reached from, for the line that tells of the session afterwards. */
  punch: { ip: string; at: number } | null
}

export const remoteSessions: Collector = {
  name: NAME,
  categories: ['remote_session'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const accounts = accountReader(host)
  const readers = new Map<string, Reader>()
  const memory = await recall(host)
  const heldSince: HeldSince = new WeakMap()
  let saved = JSON.stringify(written(memory))
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { homes, gaps } = await homesOf(accounts, stamp)
    yield* gaps
    const logs = await findLogs(host, homes)
    if (logs.length > MAX_LOGS)
      yield gap(stamp, 'logs of remote-control tools', 'overflow', null, logs.length - MAX_LOGS)
    for (const log of logs.slice(0, MAX_LOGS)) {
      try {
        const { lines, place, lost: bytes } = await tail(host, log.path, memory.places.get(log.path) ?? null)
        memory.places.set(log.path, place)
        if (bytes > 0) yield lossGap(stamp, log.path, 'bytes that were not read', bytes)
        const reader = readers.get(log.path) ?? log.reader()
        readers.set(log.path, reader)
        for (const line of lines) {
          const step = reader(line, stamp.time)
          if (step !== null) take(memory, host, log, step, stamp.time)
        }
      } catch (cause) {
        yield gap(stamp, log.path, gapReason(cause), cause)
      }
    }
    const text = new Set(logs.map((it) => it.tool))
    if (!text.has('sshd')) yield* await readWtmp(host, memory, stamp)
    if (!text.has('Chrome Remote Desktop') && (await isThere(host, CRD_FOLDER)))
      yield gap(
        stamp,
        'Chrome Remote Desktop',
        'unsupported',
        'its sessions are in the journal only, which has no text',
      )
    for (const session of memory.sessions.values()) {
      const twin = twinOf(memory, session)
      if (twin === null) continue
      twin.ip ??= session.ip
      twin.endedAt ??= session.endedAt
      twin.unattended ??= session.unattended
    }
    for (const session of memory.sessions.values()) {
      const event = twinOf(memory, session) === null ? tell(session, stamp) : null
      if (event !== null) yield event
    }
    const open = forget(memory, logs, host.elapsed(), heldSince)
    if (open > 0) yield lossGap(stamp, 'remote_session', 'sessions whose end will not be reported', open)
    const now = JSON.stringify(written(memory))
    if (now !== saved) {
      saved = now
      await host.state.save(NAME, now).catch(() => {}) // a full disk: told again after a restart
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** Text logs that are there. A link in a log's place is not followed: a user could point it anywhere. */
async function findLogs(host: Host, homes: readonly string[]): Promise<Log[]> {
  const found: Log[] = []
  const add = async (path: string, tool: string, reader: () => Reader) => {
    const facts = await host.stat(path).catch(() => null)
    if (facts?.kind === 'file') found.push({ path, tool, reader })
  }
  const within = async (folder: string, names: RegExp) =>
    (await host.list(folder).catch(() => [])).filter((it) => names.test(it)).map((it) => `${folder}/${it}`)
  for (const path of await within('/var/log', /^anydesk[\w-]*\.trace$/)) await add(path, 'AnyDesk', anydeskTrace)
  await add('/etc/anydesk/connection_trace.txt', 'AnyDesk', anydeskConnections)
  const teamviewer = [...(await within('/var/log', /^teamviewer\d*$/)), '/opt/teamviewer/logfiles']
  for (const home of homes) {
    for (const folder of await within(home, /^\.anydesk(_ad_\w+)?$/)) {
      for (const path of await within(folder, /^[\w-]+\.trace$/)) await add(path, 'AnyDesk', anydeskTrace)
      await add(`${folder}/connection_trace.txt`, 'AnyDesk', anydeskConnections)
    }
    for (const path of await within(`${home}/.local/share/logs/RustDesk/server`, /^rustdesk_rCURRENT\.log$/i))
      await add(path, 'RustDesk', rustdesk)
    teamviewer.push(...(await within(`${home}/.local/share`, /^teamviewer\d*$/)).map((it) => `${it}/logfiles`))
  }
  for (const folder of teamviewer) {
    // The log first: it says where the session came from that the list then tells of.
    for (const path of await within(folder, /_Logfile\.log$/i)) await add(path, 'TeamViewer', teamviewerLog)
    for (const path of await within(folder, /^connections_incoming\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('incoming'))
    for (const path of await within(folder, /^connections\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('outgoing'))
  }
  for (const path of ['/var/log/auth.log', '/var/log/secure']) await add(path, 'sshd', sshd)
  await add('/var/log/xrdp-sesman.log', 'xrdp', xrdp)
  if (await isThere(host, CRD_FOLDER))
    for (const path of ['/var/log/syslog', '/var/log/messages'])
      await add(path, 'Chrome Remote Desktop', chromeRemoteDesktop)
  return found
}

function take(memory: Memory, host: Host, log: Log, step: Step, now: number): void {
  if (step.does === 'more' && step.key === 'punch') {
    if (step.ip) memory.punch = { ip: step.ip, at: step.at }
    return
  }
  const key = `${log.path}\n${step.does === 'whole' ? `${step.peer} ${step.at}` : step.key}`
  const before = memory.sessions.get(key)
  if (step.does === 'more' || step.does === 'close') {
    if (before === undefined || before.endedAt !== null) return
    before.ip = step.ip ?? before.ip
    if (step.does === 'close') before.endedAt = Math.max(before.startedAt, step.at)
    return
  }
  // What the log says lies ahead is a clock that was set, or a lie.
  if (!Number.isFinite(step.at) || step.at > now + 86_400_000 || now - step.at > MAX_AGE_MS) return
  const { punch } = memory
  const near = log.tool === 'TeamViewer' && punch && punch.at >= step.at - SAME_MS && punch.at <= (step.endedAt ?? now)
  const session: Session = {
    log: log.path,
    tool: log.tool,
    direction: step.direction ?? 'incoming',
    ip: step.ip ?? (near ? punch.ip : null),
    peer: step.peer == null ? null : host.hmac(`${log.tool} ${step.peer}`),
    startedAt: step.at,
    endedAt: step.endedAt ?? null,
    unattended: step.unattended ?? null,
    told: '',
  }
  // The one it takes the place of keeps what was told, so that it is still known as told.
  if (before !== undefined) memory.sessions.set(`${key}\n${before.startedAt}`, before)
  memory.sessions.set(key, session)
}

function tell(it: Session, stamp: { time: number; collector: string }) {
  const words = `${it.ip} ${it.endedAt} ${it.unattended}`
  if (words === it.told) return null
  if (it.tool === 'RustDesk' && it.told === '' && (it.endedAt ?? stamp.time) - it.startedAt < ATTEMPT_MS) return null
  it.told = words
  return {
    category: 'remote_session' as const,
    ...stamp,
    Tool: it.tool,
    Direction: it.direction,
    PeerIp: it.ip,
    PeerIdHash: it.peer,
    StartedAt: it.startedAt,
    EndedAt: it.endedAt,
    Unattended: it.unattended,
  } satisfies ObservationOf<'remote_session'>
}

/** AnyDesk writes a session into its service's trace, its user's trace and its list: what each knows becomes one. */
function twinOf(memory: Memory, one: Session): Session | null {
  for (const it of memory.sessions.values()) {
    if (it === one) return null
    if (it.log === one.log || it.tool !== one.tool || it.peer !== one.peer || it.direction !== one.direction) continue
    if (Math.abs(it.startedAt - one.startedAt) <= SAME_MS) return it
  }
  return null
}

/**
 * Entries of 384 bytes: a line that somebody from an address signed in on, and the same line when they left. Whoever
 * wrote it, a login from an address on a text log-less system is sshd's.
 */
async function readWtmp(host: Host, memory: Memory, stamp: { time: number; collector: string }) {
  const log: Log = { path: WTMP, tool: 'sshd', reader: sshd }
  try {
    const { inode, size } = await host.stat(WTMP)
    const before = memory.places.get(WTMP)
    const from =
      before?.inode === inode && before.offset <= size ? before.offset : Math.max(0, size - WTMP_FIRST * UTMP_ENTRY)
    const start = from - (from % UTMP_ENTRY)
    const bytes = size - start < UTMP_ENTRY ? Buffer.alloc(0) : await host.readPart(WTMP, start, WTMP_LOOK * UTMP_ENTRY)
    const whole = bytes.length - (bytes.length % UTMP_ENTRY)
    for (const { line, from: ip, at, left } of parseWtmp(bytes.subarray(0, whole)))
      if (left) take(memory, host, log, { does: 'close', key: line, at }, stamp.time)
      else if (ip !== null) take(memory, host, log, { does: 'open', key: line, at, ip }, stamp.time)
    memory.places.set(WTMP, { inode, offset: start + whole })
    return []
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    return [
      gap(stamp, 'sshd', missing ? 'unsupported' : gapReason(cause), missing ? 'neither a text log nor wtmp' : cause),
    ]
  }
}

/** Since when, in this run, a session is known in the state it is in. */
type HeldSince = WeakMap<Session, { ended: boolean; at: number }>

/** Gives back how many sessions went that had not ended. */
function forget(memory: Memory, logs: readonly Log[], now: number, heldSince: HeldSince): number {
  const paths = new Set([WTMP, ...logs.map((it) => it.path)])
  for (const path of memory.places.keys()) if (!paths.has(path)) memory.places.delete(path)
  for (const [key, it] of memory.sessions) {
    // What ended stays a while, for the other log that tells of it.
    const ended = it.endedAt !== null || it.log.endsWith('/connection_trace.txt')
    const held = heldSince.get(it)
    if (held?.ended !== ended) heldSince.set(it, { ended, at: now })
    else if (now - held.at > (ended ? 10 * SAME_MS : FORGOTTEN_MS)) memory.sessions.delete(key)
  }
  const all = [...memory.sessions]
  const gone = [...all.filter(([, it]) => it.endedAt !== null), ...all.filter(([, it]) => it.endedAt === null)].slice(
    0,
    Math.max(0, all.length - MAX_SESSIONS),
  )
  for (const [key] of gone) memory.sessions.delete(key)
  return gone.filter(([, it]) => it.endedAt === null).length
}

async function recall(host: Host): Promise<Memory> {
  try {
    const saved = JSON.parse((await host.state.load(NAME)) ?? 'null') as ReturnType<typeof written>
    return { places: new Map(saved.places), sessions: new Map(saved.sessions), punch: saved.punch }
  } catch {
    return { places: new Map(), sessions: new Map(), punch: null }
  }
}

function written(memory: Memory) {
  return { places: [...memory.places], sessions: [...memory.sessions], punch: memory.punch }
}

function isThere(host: Host, path: string): Promise<boolean> {
  return host.stat(path).then(
    () => true,
    () => false,
  )
}
