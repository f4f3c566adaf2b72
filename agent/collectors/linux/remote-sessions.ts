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
 *         the agent reads gives a gap 'overflow'. Systems with only a journal have no text log of sshd and of the tools
 *         in `IN_SYSLOG`: sshd is then read from /var/log/wtmp, and each of the others that is installed gives a gap
 *         'unsupported', as does a tool that leaves no trace of its sessions on the laptop.
 * Blind   who uses ScreenConnect and MeshCentral, and when: both tell their servers only. ScreenConnect's own log,
 *         /var/log/connectwisecontrol-*, has the errors of the program; MeshCentral's agent writes none at all.
 * Source  see `remote-logs.ts`; utmp(5) for wtmp.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { type Position, tail } from '../shared/log-tail.ts'
import {
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  gnomeRemoteDesktop,
  nomachine,
  type Reader,
  rustdesk,
  type Step,
  splashtop,
  sshd,
  tailscaleSsh,
  teamviewerConnections,
  teamviewerLog,
  xrdp,
} from '../shared/remote-logs.ts'
import { parseWtmp, UTMP_ENTRY } from '../shared/utmp.ts'

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
const WTMP = '/var/log/wtmp'
/** Entries per poll; the rest at the next ones. */
const WTMP_PER_POLL = 512
/** The first poll starts this many entries before the end. */
const WTMP_AT_START = 8_192
const CRD_FOLDER = '/opt/google/chrome-remote-desktop'
/** Tools that leave no trace of their sessions here: where they are installed, by their own packages. */
const WITHOUT_LOG: readonly [tool: string, folder: string][] = [
  ['MeshCentral', '/usr/local/mesh_services/meshagent'],
  ['MeshCentral', '/opt/meshagent'],
]
const NOMACHINE = '/usr/NX'
/** Tools that log into syslog: where they are installed. */
const IN_SYSLOG: readonly { tool: string; reader: () => Reader; folders: (homes: readonly string[]) => string[] }[] = [
  { tool: 'Chrome Remote Desktop', reader: chromeRemoteDesktop, folders: () => [CRD_FOLDER] },
  { tool: 'Tailscale SSH', reader: tailscaleSsh, folders: () => ['/var/lib/tailscale'] },
  {
    tool: 'GNOME Remote Desktop',
    reader: gnomeRemoteDesktop,
    folders: (homes) => [...homes.map((it) => `${it}/${GNOME_WANTS}`), ...GNOME_SYSTEM_WANTS],
  },
]
/** `/opt/connectwisecontrol-0123456789abcdef`, `/opt/screenconnect-…`: one folder for each operator's server. */
const SCREENCONNECT = /^(?:connectwisecontrol|screenconnect)-[0-9a-f]{8,32}$/
/** Most desktops have the program; it runs where somebody switched it on, for a desktop or for logging in. */
const GNOME_WANTS = '.config/systemd/user/gnome-session.target.wants/gnome-remote-desktop.service'
const GNOME_SYSTEM_WANTS = ['multi-user', 'graphical'].map(
  (it) => `/etc/systemd/system/${it}.target.wants/gnome-remote-desktop.service`,
)

/** A log may have the sessions of several tools. */
interface Log {
  path: string
  formats: { tool: string; reader: () => Reader }[]
}
interface Source {
  path: string
  tool: string
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

export const remoteSessions: Collector<'remote_session'> = {
  name: NAME,
  categories: ['remote_session'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const accounts = accountReader(host)
  const readers = new Map<string, { tool: string; read: Reader }[]>()
  const state = await loadState(host)
  const knownSince: KnownSince = new WeakMap()
  let saved = JSON.stringify(toJson(state))
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { homes, gaps } = await homesOf(accounts, stamp)
    yield* gaps
    const installed = await installedInSyslog(host, homes)
    const logs = await findLogs(host, homes, installed)
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
    const inText = new Set(logs.flatMap((it) => it.formats.map(({ tool }) => tool)))
    if (!inText.has('sshd')) yield* await readWtmp(host, state, stamp)
    for (const tool of installed)
      if (!inText.has(tool))
        yield gap(stamp, tool, 'unsupported', 'its sessions are only in the journal, which is not a text file')
    if (!inText.has('NoMachine') && (await isThere(host, NOMACHINE)))
      yield gap(stamp, 'NoMachine', 'unsupported', 'it is installed, and its log was not found')
    for (const tool of await toolsWithoutLog(host))
      yield gap(stamp, tool, 'unsupported', 'it is installed, and only its server keeps a record of its sessions')
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
    const open = removeOld(state, logs, host.elapsed(), knownSince)
    if (open > 0) yield lossGap(stamp, 'remote_session', 'sessions whose end will not be reported', open)
    const now = JSON.stringify(toJson(state))
    if (now !== saved) {
      saved = now
      await host.state.save(NAME, now).catch(() => {}) // a full disk: reported again after a restart
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** The text logs that exist. Links are not followed, because a user could point them anywhere. */
async function findLogs(host: Host, homes: readonly string[], inSyslog: ReadonlySet<string>): Promise<Log[]> {
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
    // The log before the list: it has the addresses of the sessions in the list.
    for (const path of await within(folder, /_Logfile\.log$/i)) await add(path, 'TeamViewer', teamviewerLog)
    for (const path of await within(folder, /^connections_incoming\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('incoming'))
    for (const path of await within(folder, /^connections\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('outgoing'))
  }
  for (const path of ['/var/log/auth.log', '/var/log/secure']) await add(path, 'sshd', sshd)
  await add('/var/log/xrdp-sesman.log', 'xrdp', xrdp)
  for (const path of await within('/opt/splashtop-streamer/log', /^SPLog\.txt$/i))
    await add(path, 'Splashtop', splashtop)
  for (const path of await within(`${NOMACHINE}/var/log`, /^nxserver\.log$/)) await add(path, 'NoMachine', nomachine)
  for (const { tool, reader } of IN_SYSLOG)
    if (inSyslog.has(tool)) for (const path of ['/var/log/syslog', '/var/log/messages']) await add(path, tool, reader)
  return found
}

async function installedInSyslog(host: Host, homes: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  for (const { tool, folders } of IN_SYSLOG)
    for (const folder of folders(homes)) if (!found.has(tool) && (await isThere(host, folder))) found.add(tool)
  return found
}

async function toolsWithoutLog(host: Host): Promise<Set<string>> {
  const found = new Set<string>()
  for (const [tool, folder] of WITHOUT_LOG) if (await isThere(host, folder)) found.add(tool)
  if ((await host.list('/opt').catch(() => [])).some((it) => SCREENCONNECT.test(it))) found.add('ScreenConnect')
  return found
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

/**
 * wtmp has entries of 384 bytes: a logon from an address on a line, and the logoff from the same line. On a system
 * without text logs, every logon from an address counts as one over sshd.
 */
async function readWtmp(host: Host, state: State, stamp: { time: number; collector: string }) {
  const log: Source = { path: WTMP, tool: 'sshd' }
  try {
    const { inode, size } = await host.stat(WTMP)
    const before = state.positions.get(WTMP)
    const from =
      before?.inode === inode && before.offset <= size ? before.offset : Math.max(0, size - WTMP_AT_START * UTMP_ENTRY)
    const start = from - (from % UTMP_ENTRY)
    const bytes =
      size - start < UTMP_ENTRY ? Buffer.alloc(0) : await host.readPart(WTMP, start, WTMP_PER_POLL * UTMP_ENTRY)
    const whole = bytes.length - (bytes.length % UTMP_ENTRY)
    for (const { line, from: ip, at, isLogoff } of parseWtmp(bytes.subarray(0, whole)))
      if (isLogoff) applyStep(state, host, log, { kind: 'close', key: line, at }, stamp.time)
      else if (ip !== null) applyStep(state, host, log, { kind: 'open', key: line, at, ip }, stamp.time)
    state.positions.set(WTMP, { inode, offset: start + whole })
    return []
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    return [
      gap(stamp, 'sshd', missing ? 'unsupported' : gapReason(cause), missing ? 'neither a text log nor wtmp' : cause),
    ]
  }
}

/** Since when, in this run, a session has been open or ended. */
type KnownSince = WeakMap<Session, { ended: boolean; at: number }>

/** Removes old sessions and positions. Returns the number of removed sessions that had not ended. */
function removeOld(state: State, logs: readonly Log[], now: number, knownSince: KnownSince): number {
  const paths = new Set([WTMP, ...logs.map((it) => it.path)])
  for (const path of state.positions.keys()) if (!paths.has(path)) state.positions.delete(path)
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

function isThere(host: Host, path: string): Promise<boolean> {
  return host.stat(path).then(
    () => true,
    () => false,
  )
}
