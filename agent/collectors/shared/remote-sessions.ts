/**
 * Sessions of remote-control tools, from the tools' own logs: who controlled the laptop, from where, for how long.
 *
 * Shape   one remote_session when a session begins, and again when its address becomes known or it ends, with the same
 *         StartedAt. The controlling party (AnyDesk id, TeamViewer id, Google account) leaves the laptop only as an
 *         HMAC. A session in two logs of one tool is reported once. TeamViewer logs a session when it ends, so it is
 *         reported then; AnyDesk's connection list does not contain the end.
 * Units   polled every 30 s. Sessions that began more than 7 days ago are not reported, nor RustDesk sessions shorter
 *         than 10 s, because its log does not distinguish attempts from sessions.
 * Errors  null for what a log does not say. A log that cannot be read gives a gap 'denied'; one that grew by more than
 *         the agent reads gives a gap 'overflow'. A known tool that is installed and whose log nobody reads gives a gap
 *         'unsupported'.
 * Source  see `remote-logs.ts`; where the logs are, each system says.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { type Position, tail } from './log-tail.ts'
import { type Reader, type Step, teamviewerConnections, teamviewerLog } from './remote-logs.ts'

const NAME = 'remote-sessions'
const EVERY_MS = 30_000
const MAX_AGE_MS = 7 * DAY
/** For a session whose end no log contains. TeamViewer itself ends sessions after 48 h. */
const MAX_OPEN_MS = 48 * HOUR
const ATTEMPT_MS = 10_000
/** Sessions in two logs that start within this time are the same: AnyDesk's connection list has only minutes. */
const SAME_MS = 120_000
const MAX_SESSIONS = 128
const MAX_LOGS = 64

/** Why a known tool gives no sessions. */
export const UNREAD_LOG = 'it is installed, and its own log of sessions is not read'

/** A log may have the sessions of several tools. */
export interface Log {
  path: string
  formats: { tool: string; reader: () => Reader }[]
}
interface Source {
  path: string
  tool: string
}
export interface Feed {
  positions: Map<string, Position>
  /** A step of a session in a log that is no text file. */
  apply(log: Source, step: Step): void
}
export type Stamp = { time: number; collector: string }
type Gaps = ObservationOf<'collection_gap'>[]

/** Where a system has them. */
export interface RemoteLogs {
  /** The text logs that exist. Links are not followed, because a user could point them anywhere. */
  find(stamp: Stamp): Promise<{ logs: Log[]; gaps: Gaps }>
  /** What is no text log of lines. `logs`: what `find` returned. */
  others(feed: Feed, stamp: Stamp, logs: readonly Log[]): Promise<Gaps>
  /** The positions that `others` keeps. */
  kept: readonly string[]
  close(): void
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
  /** The reported content, to avoid reporting it twice. */
  reported: string
}
interface State {
  positions: Map<string, Position>
  sessions: Map<string, Session>
  /** The latest address from TeamViewer's log, for the session that its connection list contains later. */
  punch: { ip: string; at: number } | null
}

export const remoteSessions = (open: (host: Host) => RemoteLogs): Collector<'remote_session'> => ({
  name: NAME,
  categories: ['remote_session'],
  run: (host, _policy, signal) => run(host, open(host), signal),
})

async function* run(host: Host, places: RemoteLogs, signal: AbortSignal) {
  const readers = new Map<string, { tool: string; read: Reader }[]>()
  const state = await loadState(host)
  const knownSince: KnownSince = new WeakMap()
  let saved = JSON.stringify(toJson(state))
  try {
    while (!signal.aborted) {
      const stamp = { time: host.now(), collector: NAME }
      const { logs, gaps } = await places.find(stamp)
      yield* gaps
      if (logs.length > MAX_LOGS)
        yield gap(stamp, 'logs of remote-control tools', 'overflow', null, logs.length - MAX_LOGS)
      for (const log of logs.slice(0, MAX_LOGS)) {
        try {
          const { lines, position, lostBytes } = await tail(host, log.path, state.positions.get(log.path) ?? null)
          state.positions.set(log.path, position)
          if (lostBytes > 0) yield lossGap(stamp, log.path, 'bytes that were not read', lostBytes)
          const known = readers.get(log.path) ?? []
          const formats = log.formats.map(
            ({ tool, reader }) => known.find((it) => it.tool === tool) ?? { tool, read: reader() },
          )
          readers.set(log.path, formats)
          for (const line of lines)
            for (const { tool, read } of formats) {
              const step = read(line, stamp.time)
              if (step !== null) applyStep(state, host, { path: log.path, tool }, step, stamp.time)
            }
        } catch (cause) {
          yield gap(stamp, log.path, gapReason(cause), cause)
        }
      }
      const feed: Feed = {
        positions: state.positions,
        apply: (log, step) => applyStep(state, host, log, step, stamp.time),
      }
      yield* await places.others(feed, stamp, logs)
      for (const session of state.sessions.values()) {
        const original = originalOf(state, session)
        if (original === null) continue
        original.ip ??= session.ip
        original.endedAt ??= session.endedAt
        original.unattended ??= session.unattended
      }
      for (const session of state.sessions.values()) {
        const event = originalOf(state, session) === null ? report(session, stamp) : null
        if (event !== null) yield event
      }
      const kept = new Set([...places.kept, ...logs.map((it) => it.path)])
      const open = removeOld(state, kept, host.elapsed(), knownSince)
      if (open > 0) yield lossGap(stamp, 'remote_session', 'sessions whose end will not be reported', open)
      const now = JSON.stringify(toJson(state))
      if (now !== saved) {
        saved = now
        await host.state.save(NAME, now).catch(() => {}) // a full disk: reported again after a restart
      }
      await host.sleep(EVERY_MS, signal)
    }
  } finally {
    places.close()
  }
}

/**
 * Collects the logs that exist: `add` one, `addTeamViewer` those in a folder of its logs, whose names are the same
 * everywhere. `within` names what a folder has of a form.
 */
export function logFinder(host: Host) {
  const found: Log[] = []
  const add = async (path: string, tool: string, reader: () => Reader) => {
    const facts = await host.stat(path).catch(() => null)
    if (facts?.kind !== 'file') return
    const log = found.find((it) => it.path === path)
    if (log) log.formats.push({ tool, reader })
    else found.push({ path, formats: [{ tool, reader }] })
  }
  const within = async (folder: string, names: RegExp) =>
    (await host.list(folder).catch(() => [])).filter((it) => names.test(it)).map((it) => `${folder}/${it}`)
  const addTeamViewer = async (folder: string) => {
    // The log before the list: it has the addresses of the sessions in the list.
    for (const path of await within(folder, /_Logfile\.log$/i)) await add(path, 'TeamViewer', teamviewerLog)
    for (const path of await within(folder, /^connections_incoming\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('incoming'))
    for (const path of await within(folder, /^connections\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('outgoing'))
  }
  return { found, add, addTeamViewer, within }
}

/** A time in the future means that the clock was changed, or that the line is forged. */
function isPossible(at: number, now: number): boolean {
  return Number.isFinite(at) && at <= now + DAY
}

function applyStep(state: State, host: Host, log: Source, step: Step, now: number): void {
  if (step.kind === 'update' && step.key === 'punch') {
    if (step.ip) state.punch = { ip: step.ip, at: step.at }
    return
  }
  const key = `${log.path}\n${step.kind === 'complete' ? `${step.peer} ${step.at}` : step.key}`
  const before = state.sessions.get(key)
  if (step.kind === 'update' || step.kind === 'close') {
    if (before === undefined || before.endedAt !== null) return
    before.ip = step.ip ?? before.ip
    if (step.kind === 'close') before.endedAt = Math.max(before.startedAt, isPossible(step.at, now) ? step.at : now)
    return
  }
  if (!isPossible(step.at, now) || !isPossible(step.endedAt ?? now, now) || now - step.at > MAX_AGE_MS) return
  const { punch } = state
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
    reported: '',
  }
  // The session that had this key is kept under another, so that it is not reported again.
  if (before !== undefined) state.sessions.set(`${key}\n${before.startedAt}`, before)
  state.sessions.set(key, session)
}

function report(it: Session, stamp: { time: number; collector: string }) {
  const current = `${it.ip} ${it.endedAt} ${it.unattended}`
  if (current === it.reported) return null
  if (it.tool === 'RustDesk' && it.reported === '' && (it.endedAt ?? stamp.time) - it.startedAt < ATTEMPT_MS)
    return null
  it.reported = current
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

/**
 * The earlier entry of the same session from another log; null if this one is the first. AnyDesk logs a session in its
 * service's trace, its user's trace and its list.
 */
function originalOf(state: State, one: Session): Session | null {
  for (const it of state.sessions.values()) {
    if (it === one) return null
    if (it.log === one.log || it.tool !== one.tool || it.peer !== one.peer || it.direction !== one.direction) continue
    if (Math.abs(it.startedAt - one.startedAt) <= SAME_MS) return it
  }
  return null
}

/** Since when, in this run, a session has been open or ended. */
type KnownSince = WeakMap<Session, { ended: boolean; at: number }>

/** Removes old sessions and positions. Returns the number of removed sessions that had not ended. */
function removeOld(state: State, kept: ReadonlySet<string>, now: number, knownSince: KnownSince): number {
  for (const path of state.positions.keys()) if (!kept.has(path)) state.positions.delete(path)
  for (const [key, it] of state.sessions) {
    // Ended sessions are kept for a while, because another log may also contain them.
    // A list whose session has no end will not have one later.
    const ended = it.endedAt !== null || /\/connection(?:_trace|s_\w+)\.txt$/i.test(it.log)
    const known = knownSince.get(it)
    if (known?.ended !== ended) knownSince.set(it, { ended, at: now })
    else if (now - known.at > (ended ? 10 * SAME_MS : MAX_OPEN_MS)) state.sessions.delete(key)
  }
  const all = [...state.sessions]
  const removed = [
    ...all.filter(([, it]) => it.endedAt !== null),
    ...all.filter(([, it]) => it.endedAt === null),
  ].slice(0, Math.max(0, all.length - MAX_SESSIONS))
  for (const [key] of removed) state.sessions.delete(key)
  return removed.filter(([, it]) => it.endedAt === null).length
}

async function loadState(host: Host): Promise<State> {
  try {
    const saved = JSON.parse((await host.state.load(NAME)) ?? 'null') as ReturnType<typeof toJson>
    const sessions = saved.sessions.map(([key, { told, ...it }]): [string, Session] => [key, { ...it, reported: told }])
    return { positions: new Map(saved.places), sessions: new Map(sessions), punch: saved.punch }
  } catch {
    return { positions: new Map(), sessions: new Map(), punch: null }
  }
}

/** The saved form, whose field names must not change. */
function toJson({ positions, sessions, punch }: State) {
  const saved = [...sessions].map(([key, { reported, ...it }]) => [key, { ...it, told: reported }] as const)
  return { places: [...positions], sessions: saved, punch }
}
