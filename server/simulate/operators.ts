/**
 * People who work under another's name: their claimed and their true place, their tools and habits. Shared by the
 * scenes of infiltration.
 *
 * Source  threat model sections 1 and 2: Shenyang and the border, Vladivostok, Laos, Vietnam and the Emirates for the
 *         operators; houses in the United States for the laptops; the tools named in #16 to #20; #107 for the first
 *         commands. Times, sizes and shares are assumed.
 */
import { minutesOf } from './local-time.ts'
import { homeOf, type System } from './observations.ts'
import { below, between, logNormal, pick, type Random, weighted } from './random.ts'
import type { Cast, Controller, Moment, Stage } from './scene.ts'
import type { Exit } from './sites.ts'

const CLAIMED = ['New York', 'Austin', 'Denver', 'Seattle', 'Chicago', 'Atlanta', 'Portland', 'Dallas'] as const
const HOUSES = ['Nashville', 'Phoenix', 'Raleigh', 'Minneapolis', 'Las Vegas'] as const
const OPERATORS = ['Shenyang', 'Dandong', 'Beijing', 'Vladivostok', 'Vientiane', 'Ho Chi Minh City', 'Dubai'] as const
/** Cities with exits of consumer VPNs, for operators who want to appear in the United States. */
const VPN_CITIES = ['Los Angeles', 'New York', 'Chicago', 'Seattle', 'Miami', 'Dallas'] as const

export interface Setting {
  /** Where the worker claims to live. */
  claimed: string
  /** Where somebody hosts the laptop for them. */
  house: string
  /** Where they really are. */
  operator: string
  /** The city of their VPN's exit. */
  vpnCity: string
  system: System
}

export function settingOf({ random }: Cast): Setting {
  return {
    claimed: pick(random, CLAIMED),
    house: pick(random, HOUSES),
    operator: pick(random, OPERATORS),
    vpnCity: pick(random, VPN_CITIES),
    system: weighted(random, { windows: 5, macos: 3, linux: 2 }),
  }
}

/** Tools whose own logs record sessions. `log` is the agent's name for the tool in such events. */
export const REMOTE_TOOLS = [
  { id: 'anydesk', log: 'AnyDesk' },
  { id: 'teamviewer', log: 'TeamViewer' },
  { id: 'rustdesk', log: 'RustDesk' },
  { id: 'chrome-remote-desktop', log: 'Chrome Remote Desktop' },
] as const

/** A time of day between two others. */
export function clock(random: Random, from: string, to: string): string {
  const minutes = Math.floor(between(random, minutesOf(from), minutesOf(to)))
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

/** A day's work through remote control: from the morning on, with a break, and without local input. */
export function driven(stage: Stage, tool: string, by: Controller): void {
  const { random } = stage
  stage.hands(null)
  if (!stage.working) return
  stage
    .at(clock(random, '08:40', '09:20'))
    .controlled(tool, between(random, 170, 240), by)
    .wait(between(random, 25, 60))
    .controlled(tool, between(random, 180, 250), by)
}

const LOOKS: Readonly<Record<System, readonly (readonly [image: string, command: string])[]>> = {
  windows: [
    ['C:\\Windows\\System32\\dxdiag.exe', 'dxdiag'],
    ['C:\\Windows\\System32\\systeminfo.exe', 'systeminfo'],
    ['C:\\Windows\\System32\\whoami.exe', 'whoami /all'],
    ['C:\\Windows\\System32\\ipconfig.exe', 'ipconfig /all'],
  ],
  macos: [
    ['/usr/sbin/system_profiler', 'system_profiler SPHardwareDataType'],
    ['/usr/bin/sw_vers', 'sw_vers'],
    ['/usr/bin/whoami', 'whoami'],
    ['/sbin/ifconfig', 'ifconfig'],
  ],
  linux: [
    ['/usr/bin/hostnamectl', 'hostnamectl'],
    ['/usr/bin/lscpu', 'lscpu'],
    ['/usr/bin/whoami', 'whoami'],
    ['/usr/bin/ip', 'ip addr'],
  ],
}
const ADDRESS_SITES = ['ipinfo.io', 'api.ipify.org', 'ifconfig.me', 'whatismyipaddress.com', 'iplocation.net']

/** What machine is this, who am I, what is my public address (#107). */
export function looksRound(moment: Moment, system: System, random: Random): Moment {
  for (const [image, command] of LOOKS[system]) moment.wait(between(random, 0.1, 1.5)).runs(image, command)
  return moment.wait(between(random, 0.2, 2)).saw('network_connection', {
    Image: BROWSERS[system],
    DestinationIp: `198.51.100.${1 + below(random, 250)}`,
    // The Linux agent does not resolve names.
    DestinationHostname: system === 'linux' ? null : pick(random, ADDRESS_SITES),
  })
}

export const BROWSERS: Readonly<Record<System, string>> = {
  windows: 'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  macos: '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  linux: '/opt/google/chrome/chrome',
}

/** A path below the user's home. */
export const inHome = (system: System, path: string): string =>
  system === 'windows' ? `${homeOf(system)}\\${path.replaceAll('/', '\\')}` : `${homeOf(system)}/${path}`

const SUBJECTS = [
  'billing',
  'ledger',
  'auth',
  'mobile',
  'infra',
  'search',
  'data',
  'edge',
  'risk',
  'admin',
  'sdk',
  'ml',
]
const PARTS = ['api', 'web', 'core', 'jobs', 'deploy']

/** Names of the company's repositories, each once. */
export function repositories(random: Random, count: number): string[] {
  return SUBJECTS.flatMap((subject) => PARTS.map((part) => `company/${subject}-${part}`))
    .map((name) => ({ name, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map((it) => it.name)
}

/** Clones one repository after another, as seen by the laptop and by the code host. */
export function clones(moment: Moment, names: readonly string[], random: Random, from: Exit, pause = 3): Moment {
  for (const Repository of names) {
    const Bytes = Math.round(logNormal(random, 30e6, 1.1))
    moment
      .wait(between(random, 0.3, 2 * pause))
      .saw('repository', { Action: 'clone', Bytes })
      .feed('repo_audit', { Action: 'clone', Repository, Bytes, OutsideTeam: random() < 0.7 }, from)
  }
  return moment
}

/** Uploaded bytes, in the windows of the egress events. The Linux agent knows only the laptop's sum. */
export function uploads(
  moment: Moment,
  system: System,
  { bytes, image, host, minutes }: { bytes: number; image: string; host: string; minutes: number },
): Moment {
  const windows = Math.max(1, Math.round(minutes / 15))
  for (let nth = 0; nth < windows; nth++)
    moment.wait(15).saw('egress', {
      ...(system !== 'linux' && { Image: image, DestinationHostname: host, DestinationPort: 443 }),
      BytesSent: Math.round(bytes / windows),
      BytesReceived: Math.round(bytes / windows / 60),
    })
  return moment
}

const SECRETS: Readonly<Record<System, readonly (readonly [image: string, command: string])[]>> = {
  windows: [
    ['C:\\Windows\\System32\\cmdkey.exe', 'cmdkey /list'],
    ['C:\\Windows\\System32\\findstr.exe', 'findstr /s /i /m "SECRET TOKEN" C:\\Users\\user\\src\\*.env'],
    [
      'C:\\Windows\\System32\\xcopy.exe',
      'xcopy "C:\\Users\\user\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\Login Data" C:\\Users\\user\\AppData\\Local\\Temp\\k\\ /y',
    ],
    [
      'C:\\Windows\\System32\\xcopy.exe',
      'xcopy C:\\Users\\user\\.aws C:\\Users\\user\\AppData\\Local\\Temp\\k\\ /s /y',
    ],
    [
      'C:\\Windows\\System32\\xcopy.exe',
      'xcopy C:\\Users\\user\\.ssh C:\\Users\\user\\AppData\\Local\\Temp\\k\\ /s /y',
    ],
  ],
  macos: [
    ['/usr/bin/security', 'security dump-keychain -d login.keychain-db'],
    ['/usr/bin/find', 'find /Users/user/src -name .env -size -64k'],
    [
      '/bin/cp',
      'cp /Users/user/Library/Application Support/Google/Chrome/Default/Cookies /Users/user/Library/Application Support/Google/Chrome/Default/Login Data /tmp/k',
    ],
    ['/bin/cp', 'cp -R /Users/user/.ssh /Users/user/.aws /Users/user/.kube/config /tmp/k'],
  ],
  linux: [
    ['/usr/bin/find', 'find /home/user/src -name .env -size -64k'],
    ['/usr/bin/secret-tool', 'secret-tool search --all xdg:schema chrome_libsecret_os_crypt_password_v2'],
    [
      '/usr/bin/cp',
      'cp /home/user/.config/google-chrome/Default/Cookies /home/user/.config/google-chrome/Default/Login Data /tmp/k',
    ],
    ['/usr/bin/cp', 'cp -r /home/user/.ssh /home/user/.aws /home/user/.kube/config /tmp/k'],
  ],
}

/** Keys, tokens, cookies: whatever allows access later (#80). */
export function sweepsSecrets(moment: Moment, system: System, random: Random): Moment {
  for (const [image, command] of SECRETS[system]) moment.wait(between(random, 0.1, 2)).runs(image, command)
  return moment
}
