/**
 * Programs of ordinary people: the bulk of a laptop's events.
 *
 * Shape   the text of a process or connection event in pieces, made once per system and role; only numbers are
 *         inserted. Program mixes by role are assumed; paths are the usual ones.
 */
import { homeOf, observed, type System, USER } from './observations.ts'
import { below, hashOf, type Random, stream } from './random.ts'
import type { Role } from './scene.ts'

interface Program {
  linux: string
  macos: string
  windows: string
  company: string | null
}

const program = (linux: string, macos: string, windows: string, company: string | null = null): Program => ({
  ...{ linux, macos, windows, company },
})
const FILES = 'C:\\Program Files'
const SYSTEM32 = 'C:\\Windows\\System32'
const APPS = '/Applications'

const PROGRAMS = {
  git: program('/usr/bin/git', '/usr/bin/git', `${FILES}\\Git\\cmd\\git.exe`),
  node: program('/usr/bin/node', '/opt/homebrew/bin/node', `${FILES}\\nodejs\\node.exe`),
  npm: program('/usr/bin/npm', '/opt/homebrew/bin/npm', `${FILES}\\nodejs\\npm.cmd`),
  python: program('/usr/bin/python3', '/usr/bin/python3', `${FILES}\\Python312\\python.exe`),
  make: program('/usr/bin/make', '/usr/bin/make', `${FILES}\\Git\\usr\\bin\\make.exe`),
  docker: program('/usr/bin/docker', '/usr/local/bin/docker', `${FILES}\\Docker\\Docker\\resources\\bin\\docker.exe`),
  kubectl: program('/usr/local/bin/kubectl', '/opt/homebrew/bin/kubectl', `${FILES}\\kubectl\\kubectl.exe`),
  terraform: program('/usr/bin/terraform', '/opt/homebrew/bin/terraform', `${FILES}\\terraform\\terraform.exe`),
  editor: program(
    '/usr/share/code/code',
    `${APPS}/Visual Studio Code.app/Contents/MacOS/Electron`,
    `${FILES}\\Microsoft VS Code\\Code.exe`,
    'Microsoft Corporation',
  ),
  browser: program(
    '/opt/google/chrome/chrome',
    `${APPS}/Google Chrome.app/Contents/MacOS/Google Chrome`,
    `${FILES}\\Google\\Chrome\\Application\\chrome.exe`,
    'Google LLC',
  ),
  slack: program(
    '/usr/lib/slack/slack',
    `${APPS}/Slack.app/Contents/MacOS/Slack`,
    `${FILES}\\Slack\\slack.exe`,
    'Slack Technologies, LLC',
  ),
  mail: program(
    '/usr/bin/thunderbird',
    '/System/Applications/Mail.app/Contents/MacOS/Mail',
    `${FILES}\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE`,
  ),
  sheet: program(
    '/usr/bin/localc',
    `${APPS}/Microsoft Excel.app/Contents/MacOS/Microsoft Excel`,
    `${FILES}\\Microsoft Office\\root\\Office16\\EXCEL.EXE`,
    'Microsoft Corporation',
  ),
  design: program(
    '/usr/bin/inkscape',
    `${APPS}/Figma.app/Contents/MacOS/Figma`,
    `${FILES}\\Figma\\Figma.exe`,
    'Figma, Inc.',
  ),
  image: program(
    '/usr/bin/gimp',
    `${APPS}/Affinity Photo 2.app/Contents/MacOS/Affinity Photo 2`,
    `${FILES}\\Affinity\\Photo 2\\Photo.exe`,
  ),
  shell: program('/usr/bin/bash', '/bin/zsh', `${SYSTEM32}\\WindowsPowerShell\\v1.0\\powershell.exe`),
  search: program('/usr/bin/grep', '/usr/bin/grep', `${SYSTEM32}\\findstr.exe`),
  list: program('/usr/bin/ls', '/bin/ls', `${SYSTEM32}\\cmd.exe`),
  indexer: program(
    '/usr/libexec/tracker-miner-fs-3',
    '/System/Library/Frameworks/CoreServices.framework/Support/mdworker_shared',
    `${SYSTEM32}\\SearchProtocolHost.exe`,
  ),
  worker: program('/usr/lib/systemd/systemd-executor', '/usr/libexec/xpcproxy', `${SYSTEM32}\\backgroundTaskHost.exe`),
  updater: program('/usr/lib/apt/apt-helper', '/usr/libexec/softwareupdated', `${SYSTEM32}\\MoUsoCoreWorker.exe`),
  pager: program('/usr/bin/less', '/usr/bin/less', `${SYSTEM32}\\conhost.exe`),
} as const satisfies Record<string, Program>
type Name = keyof typeof PROGRAMS

/** The options a program is started with, and its parent program. */
const STARTS: Readonly<Record<Name, { by: Name; options: readonly string[] }>> = {
  git: {
    by: 'shell',
    options: ['status', 'fetch --all', 'pull --rebase', 'commit -m', 'push origin HEAD', 'diff --cached', 'log -n 5'],
  },
  node: { by: 'npm', options: ['server.js', 'node_modules/.bin/tsc --noEmit', 'node_modules/.bin/eslint src'] },
  npm: { by: 'shell', options: ['run build', 'test', 'ci', 'run lint'] },
  python: { by: 'shell', options: ['-m pytest', 'manage.py runserver', '-m http.client', 'tools/report.py'] },
  make: { by: 'shell', options: ['-j8', 'test', 'lint'] },
  docker: { by: 'shell', options: ['compose up -d', 'ps', 'build .', 'logs -f web'] },
  kubectl: { by: 'shell', options: ['get pods', 'logs deploy/web', 'rollout status deploy/web', 'apply -f .'] },
  terraform: { by: 'shell', options: ['plan', 'validate', 'apply'] },
  editor: { by: 'editor', options: ['--type=renderer', '--type=utility', '--type=gpu-process', 'src'] },
  browser: { by: 'browser', options: ['--type=renderer', '--type=utility', '--type=gpu-process'] },
  slack: { by: 'slack', options: ['--type=renderer', '--type=utility'] },
  mail: { by: 'worker', options: [''] },
  sheet: { by: 'worker', options: ['', 'plan.xlsx'] },
  design: { by: 'design', options: ['--type=renderer', ''] },
  image: { by: 'worker', options: ['', 'poster.png'] },
  shell: { by: 'editor', options: ['-l', ''] },
  search: { by: 'shell', options: ['-rn handler src', '-i error'] },
  list: { by: 'shell', options: ['', '-la'] },
  indexer: { by: 'worker', options: [''] },
  worker: { by: 'worker', options: [''] },
  updater: { by: 'worker', options: [''] },
  pager: { by: 'git', options: [''] },
}

const OFFICE_MIX = { browser: 34, slack: 10, mail: 8, sheet: 8, indexer: 14, worker: 22, updater: 2 }
const MIXES: Readonly<Record<Role, Partial<Record<Name, number>>>> = {
  developer: {
    ...{ git: 22, node: 16, npm: 6, python: 6, make: 4, docker: 4, editor: 10, browser: 14, slack: 4, shell: 10 },
    ...{ search: 6, list: 8, indexer: 6, worker: 10, updater: 1, pager: 2 },
  },
  'platform engineer': {
    ...{ git: 16, python: 8, docker: 10, kubectl: 18, terraform: 8, make: 3, editor: 6, browser: 12, slack: 4 },
    ...{ shell: 14, search: 6, list: 8, indexer: 4, worker: 10, updater: 1, pager: 2 },
  },
  support: OFFICE_MIX,
  designer: { ...OFFICE_MIX, design: 24, image: 8, sheet: 1 },
  sales: { ...OFFICE_MIX, mail: 14, sheet: 12 },
}

const HOSTS: Readonly<Partial<Record<Name, readonly string[]>>> = {
  browser: [
    ...['www.google.com', 'docs.google.com', 'wiki.company.example', 'tickets.company.example', 'calendar.google.com'],
    ...['cdn.jsdelivr.net', 'fonts.gstatic.com', 'www.linkedin.com', 'news.ycombinator.com', 'en.wikipedia.org'],
  ],
  git: ['git.company.example', 'github.com'],
  npm: ['npm.company.example'],
  python: ['pypi.company.example'],
  docker: ['images.company.example'],
  kubectl: ['cluster.company.example'],
  terraform: ['state.company.example'],
  editor: ['update.code.visualstudio.com', 'marketplace.visualstudio.com'],
  slack: ['wss-primary.slack.com', 'files.slack.com'],
  mail: ['mail.company.example'],
  sheet: ['files.company.example'],
  design: ['www.figma.com', 's3-figma.figma.com'],
  updater: ['updates.company.example'],
}

interface Halves {
  before: string
  between: string
  after: string
}
export interface Bulk {
  processes: readonly Halves[]
  connections: readonly Halves[]
}

const made = new Map<string, Bulk>()
/** Length of a list in which an entry's share is its weight, so that a random index picks by weight. */
const SLOTS = 512
const MARK = 987_654_321
const OTHER_MARK = 987_654_322

export function bulkOf(role: Role, system: System): Bulk {
  const key = `${role} ${system}`
  let bulk = made.get(key)
  if (!bulk) made.set(key, (bulk = make(role, system)))
  return bulk
}

function make(role: Role, system: System): Bulk {
  const random = stream('programs', role, system)
  const names = slots(MIXES[role])
  const dialling = names.filter((it) => HOSTS[it])
  return {
    processes: names.map((it) => processHalves(it, system, random)),
    connections: Array.from({ length: SLOTS }, (_, at) =>
      connectionHalves(dialling[at % dialling.length]!, system, random),
    ),
  }
}

function slots(mix: Partial<Record<Name, number>>): Name[] {
  const entries = Object.entries(mix) as [Name, number][]
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0)
  return entries.flatMap(([name, weight]) => Array.from({ length: Math.ceil((weight / total) * SLOTS) }, () => name))
}

function processHalves(name: Name, system: System, random: Random): Halves {
  const { by, options } = STARTS[name]
  const Image = PROGRAMS[name][system]
  const ParentImage = PROGRAMS[by][system]
  const option = options[below(random, options.length)]
  const quoted = Image.includes(' ') ? `"${Image}"` : Image
  const company = system === 'linux' ? null : PROGRAMS[name].company
  const fields = {
    Image,
    CommandLine: option ? `${quoted} ${option}` : quoted,
    ParentImage,
    ParentCommandLine: ParentImage.includes(' ') ? `"${ParentImage}"` : ParentImage,
    CurrentDirectory: `${homeOf(system)}${system === 'windows' ? '\\' : '/'}src`,
    ProcessId: MARK,
    ParentProcessId: OTHER_MARK,
    Company: system === 'windows' ? company : null,
    Signer: company,
  }
  return halves(observed('process_creation', fields, beside(system, random)))
}

function connectionHalves(name: Name, system: System, random: Random): Halves {
  const hosts = HOSTS[name] ?? []
  const DestinationHostname = hosts[below(random, hosts.length)]!
  const hash = hashOf(DestinationHostname) >>> 0
  const DestinationIp = `${hash & 1 ? '203.0.113' : '198.51.100'}.${1 + ((hash >>> 8) % 250)}`
  // The address is the laptop's in its local network; only the port differs.
  const fields = { Image: PROGRAMS[name][system], DestinationIp, DestinationHostname, SourcePort: OTHER_MARK }
  const text = observed('network_connection', fields, beside(system, random))
  return halves(text.replace(LAN, `${MARK}`))
}

const LAN = '192.0.2.1'

function beside(system: System, random: Random) {
  const boot = { bootId: '', bootIdBefore: '', bootedAt: 0 }
  const laptop = { system, user: USER, version: '', fingerprint: '', ...boot, zone: 'UTC', lanAddress: LAN }
  return { laptop, time: 0, random }
}

function halves(text: string): Halves {
  const [before, rest = ''] = text.split(`${MARK}`) as [string, string]
  const [middle, after = ''] = rest.split(`${OTHER_MARK}`) as [string, string]
  return { before, between: middle, after }
}

export function processBody(bulk: Bulk, random: Random): string {
  const { before, between, after } = bulk.processes[below(random, bulk.processes.length)]!
  return `${before}${1_000 + below(random, 60_000)}${between}${300 + below(random, 3_000)}${after}`
}

export function connectionBody(bulk: Bulk, random: Random, lanAddress: string): string {
  const { before, between, after } = bulk.connections[below(random, bulk.connections.length)]!
  return `${before}${lanAddress}${between}${32_768 + below(random, 28_000)}${after}`
}
