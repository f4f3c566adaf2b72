/**
 * What is collected of each category on each system, how, and how that is tested: the table in README.
 *
 * Shape   who collects a category is taken from the collectors' registrations, and why it is not collected from
 *         `agent/collectors/not-collected.ts`. What no code says stands here: how it is read, the test that runs it for
 *         real, the test with fixtures, and what stays unseen. `real` names a file of test/real that waits for an event of
 *         this category from the running collector. `POLLED`: the collector runs on CI's own machine, but what it finds
 *         there is only held against the schema.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collectorsOf } from '../../agent/collectors/index.ts'
import { NOT_COLLECTED, type NotCollected } from '../../agent/collectors/not-collected.ts'
import { SYSTEM_NAMES } from '../../rules/tooling/fields-page.ts'
import type { AgentProduct } from '../../wire/common.ts'
import { AGENT_CATEGORIES, type CategoryOf, type CollectedOn } from '../../wire/event.ts'

const ROOT = join(import.meta.dirname, '../..')
const POLLED = Symbol('polled')

interface Tested {
  how: string
  /** A file in test/real. Null: never. */
  real: string | typeof POLLED | null
  /** Below test/agent/collectors. Null: none. */
  fixture: string | null
  /** What this collector cannot see. */
  gap: string
}

const NO_NAMES = 'host names; short connections, unless they still wait to be forgotten'
const WHOLE = 'program and peer: the sum of the laptop only'
const TESTED: { [P in AgentProduct]: Record<CollectedOn<P>, Tested> } = {
  linux: {
    process_creation: {
      how: "the kernel's trace or process connector, else auditd's log, else /proc every 2 s",
      real: 'starts.test.ts',
      fixture: 'linux/processes.test.ts',
      gap: 'maker and signer; command lines of programs that end within 200 ms, in part; without the trace, short programs',
    },
    network_connection: {
      how: '/proc/net every 10 s',
      real: 'networks.test.ts',
      fixture: 'linux/connections.test.ts',
      gap: NO_NAMES,
    },
    listening_socket: {
      how: '/proc/net every 10 s',
      real: 'programs.test.ts',
      fixture: 'linux/connections.test.ts',
      gap: 'sockets shorter than 10 s',
    },
    egress: {
      how: '/proc/net/dev every 5 min; by program and peer from sock_diag every 20 s',
      real: 'networks.test.ts',
      fixture: 'linux/flows.test.ts',
      gap: 'by program and peer TCP only; the program of connections shorter than 20 s; containers',
    },
    network_place: {
      how: '/proc/net, /sys/class/net, nl80211, IP_MTU every 15 s',
      real: 'networks.test.ts',
      fixture: 'linux/network-places.test.ts',
      gap: 'the gateway of a network without IPv4; Wi-Fi was seen on built messages only',
    },
    file_event: {
      how: 'a watcher that wakes a sweep',
      real: POLLED,
      fixture: 'linux/watched-folders.test.ts',
      gap: 'the program that wrote it',
    },
    file_burst: {
      how: 'a watcher that wakes a sweep',
      real: 'copies.test.ts',
      fixture: 'linux/watched-folders.test.ts',
      gap: 'folders beyond the bounds of a sweep, counted',
    },
    archive_created: {
      how: 'command lines of archivers, and the sweep',
      real: 'networks.test.ts',
      fixture: 'shared/archives.test.ts',
      gap: 'an archiver of less than 2 s outside watched folders',
    },
    volume_mounted: {
      how: '/proc/self/mountinfo, /sys/block every 5 s',
      real: 'copies.test.ts',
      fixture: 'linux/volumes.test.ts',
      gap: 'label and serial without udev',
    },
    repository: {
      how: "git's command lines, .git/config",
      real: 'copies.test.ts',
      fixture: 'shared/repositories.test.ts',
      gap: 'short clones outside source roots; the size of a push',
    },
    usb_device: {
      how: '/sys/bus/usb every 5 s',
      real: POLLED,
      fixture: 'linux/usb-devices.test.ts',
      gap: 'devices attached for less than 5 s; run on a folder like sysfs, never on real devices',
    },
    display: {
      how: 'EDID in /sys/class/drm every 5 s',
      real: POLLED,
      fixture: 'linux/displays.test.ts',
      gap: 'run on a folder like sysfs, never on a real display',
    },
    software: {
      how: 'dpkg, flatpak, snap, desktop files, pip, npm, units, browser profiles',
      real: POLLED,
      fixture: 'linux/software.test.ts',
      gap: 'packages of rpm, which need a library',
    },
    autostart: {
      how: 'systemd, cron, XDG, start files of shells',
      real: POLLED,
      fixture: 'linux/autostarts.test.ts',
      gap: 'what was removed',
    },
    remote_session: {
      how: "the tools' own logs, sshd's, wtmp, every 30 s",
      real: POLLED,
      fixture: 'linux/remote-sessions.test.ts',
      gap: 'ScreenConnect and MeshCentral, which leave no trace; what is in the journal only: a gap names each that is installed',
    },
    clock_place: {
      how: '/etc/localtime, /proc/uptime every 30 s',
      real: POLLED,
      fixture: 'linux/clock-places.test.ts',
      gap: 'keyboard layouts',
    },
    logon: {
      how: "utmp, logind's sessions every 30 s",
      real: POLLED,
      fixture: 'linux/logons.test.ts',
      gap: 'logons shorter than 30 s',
    },
    power_state: {
      how: '/proc/acpi, /sys/class/power_supply every 10 s',
      real: POLLED,
      fixture: 'linux/power.test.ts',
      gap: 'the lid, where the kernel has no button for it',
    },
  },
  macos: {
    process_creation: {
      how: 'libproc every second, eslogger where it may; the signature by csops',
      real: null,
      fixture: 'macos/processes.test.ts',
      gap: 'programs shorter than a second, uncounted: eslogger is **denied** without Full Disk Access',
    },
    network_connection: {
      how: "libproc: each process's sockets, every 10 s",
      real: null,
      fixture: 'macos/networks.test.ts',
      gap: 'host names; connections shorter than 10 s',
    },
    listening_socket: {
      how: "libproc: each process's sockets, every 10 s",
      real: null,
      fixture: 'macos/networks.test.ts',
      gap: 'sockets shorter than 10 s',
    },
    egress: {
      how: 'sysctl net.route every 5 min',
      real: null,
      fixture: 'macos/networks.test.ts',
      gap: WHOLE,
    },
    network_place: {
      how: 'sysctl net.route, /etc/resolv.conf every 15 s',
      real: null,
      fixture: 'macos/networks.test.ts',
      gap: '**denied**: Wi-Fi names, since macOS 14.4',
    },
    file_event: {
      how: 'a watcher that wakes a sweep',
      real: null,
      fixture: 'macos/inventory.test.ts',
      gap: 'the program that wrote it; shares; **denied** without Full Disk Access: Desktop, Documents, Downloads',
    },
    file_burst: {
      how: 'a watcher that wakes a sweep',
      real: null,
      fixture: 'macos/inventory.test.ts',
      gap: 'shares; **denied** without Full Disk Access: Desktop, Documents, Downloads, removable volumes',
    },
    archive_created: {
      how: 'command lines of archivers, and the sweep',
      real: null,
      fixture: 'macos/programs.test.ts',
      gap: 'an archiver of less than a second outside watched folders',
    },
    repository: {
      how: "git's command lines, .git/config",
      real: null,
      fixture: 'macos/programs.test.ts',
      gap: 'short clones outside source roots; the size of a push',
    },
    volume_mounted: {
      how: 'getfsstat, IOMedia in the I/O registry, every 5 s',
      real: null,
      fixture: 'macos/devices.test.ts',
      gap: 'volumes mounted for less than 5 s',
    },
    usb_device: {
      how: 'the I/O registry every 5 s',
      real: null,
      fixture: 'macos/devices.test.ts',
      gap: 'devices attached for less than 5 s; the power that a device asks for',
    },
    display: {
      how: 'EDID, or what macOS read in it, in the I/O registry every 5 s',
      real: null,
      fixture: 'macos/devices.test.ts',
      gap: 'the EDID itself, of displays of Apple silicon before macOS 14',
    },
    software: {
      how: 'Info.plist of bundles, receipts, Homebrew, launchd, browser profiles, every minute',
      real: null,
      fixture: 'macos/inventory.test.ts',
      gap: 'applications in other folders; pip and npm; Firefox and Safari extensions',
    },
    autostart: {
      how: 'launchd, background items, cron, login hooks, every minute',
      real: null,
      fixture: 'macos/inventory.test.ts',
      gap: 'background items without Full Disk Access (**denied**); start files of shells',
    },
    remote_session: {
      how: "the tools' own logs; sshd and Screen Sharing from `log stream`, a child that stays",
      real: null,
      fixture: 'macos/remote-sessions.test.ts',
      gap: 'the end of Screen Sharing; sign-ins before the agent began; tools without a reader: a gap names each that is installed',
    },
    clock_place: {
      how: '/etc/localtime, kern.boottime every 30 s',
      real: null,
      fixture: 'macos/inventory.test.ts',
      gap: 'keyboard layouts',
    },
    logon: {
      how: '/var/run/utmpx every 30 s',
      real: null,
      fixture: 'macos/inventory.test.ts',
      gap: 'logons shorter than 30 s',
    },
    power_state: {
      how: 'the I/O registry every 10 s',
      real: null,
      fixture: 'macos/devices.test.ts',
      gap: 'none known',
    },
  },
  windows: {
    process_creation: {
      how: 'Toolhelp every second',
      real: 'windows.test.ts',
      fixture: 'windows/parsers.test.ts',
      gap: 'programs shorter than a second, uncounted; folder and signer',
    },
    network_connection: {
      how: 'GetExtendedTcpTable every 5 s',
      real: 'windows.test.ts',
      fixture: null,
      gap: `${NO_NAMES}; peers of UDP`,
    },
    listening_socket: {
      how: 'GetExtendedTcpTable, …UdpTable every 5 s',
      real: 'windows.test.ts',
      fixture: null,
      gap: 'sockets shorter than 5 s',
    },
    software: {
      how: 'Uninstall keys, services, when the registry changes',
      real: 'windows.test.ts',
      fixture: 'windows/parsers.test.ts',
      gap: 'store apps (AppX), browser extensions',
    },
    autostart: {
      how: 'Run keys, Startup folders, services, scheduled tasks',
      real: 'windows.test.ts',
      fixture: 'windows/parsers.test.ts',
      gap: 'subscriptions of WMI; where a shortcut leads',
    },
    volume_mounted: {
      how: 'GetLogicalDrives, the bus by an IOCTL, every 5 s',
      real: 'windows.test.ts',
      fixture: 'windows/parsers.test.ts',
      gap: 'the bus, which Wine does not answer: on recorded answers only',
    },
    file_event: {
      how: 'ReadDirectoryChangesW wakes a sweep',
      real: null,
      fixture: 'linux/watched-folders.test.ts',
      gap: 'the program that wrote it; shares',
    },
    file_burst: {
      how: 'ReadDirectoryChangesW, or the free space of a drive, wakes a sweep',
      real: 'windows.test.ts',
      fixture: 'linux/watched-folders.test.ts',
      gap: 'shares; folders beyond the bounds of a sweep, counted',
    },
    egress: { how: 'GetIfTable2 every 5 min', real: null, fixture: null, gap: WHOLE },
    network_place: {
      how: 'GetAdaptersAddresses, GetIpForwardTable2, GetIpNetTable2 every 15 s',
      real: 'windows.test.ts',
      fixture: 'windows/parsers.test.ts',
      gap: 'Wi-Fi names; neighbours were seen on built data only',
    },
    clock_place: {
      how: 'GetDynamicTimeZoneInformation every 30 s',
      real: 'windows.test.ts',
      fixture: null,
      gap: 'keyboard layouts',
    },
    power_state: {
      how: 'GetSystemPowerStatus every 10 s',
      real: 'windows.test.ts',
      fixture: null,
      gap: 'the lid',
    },
    logon: {
      how: 'WTSEnumerateSessions every 15 s',
      real: 'windows.test.ts',
      fixture: null,
      gap: 'remote sessions were seen on built data only',
    },
    display: {
      how: 'EDID in the registry every 5 s',
      real: 'windows.test.ts',
      fixture: null,
      gap: 'whether it is built in',
    },
    usb_device: {
      how: 'SetupDiGetClassDevs every 5 s',
      real: null,
      fixture: 'windows/usb-devices.test.ts',
      gap: "the maker's own name, speed, power, report descriptors; seen on rows from documentation only",
    },
    archive_created: {
      how: 'command lines of archivers, and the sweeps of watched folders',
      real: 'windows.test.ts',
      fixture: 'shared/archives.test.ts',
      gap: 'what Explorer and PowerShell pack outside of watched folders',
    },
    repository: {
      how: "git's command lines, .git/config",
      real: 'windows.test.ts',
      fixture: 'windows/repositories.test.ts',
      gap: 'short clones outside source roots; the size of a push; shares, and what runs in WSL',
    },
    remote_session: {
      how: 'logs of AnyDesk, TeamViewer, RustDesk and Splashtop, every 30 s',
      real: 'windows.test.ts',
      fixture: 'windows/remote-sessions.test.ts',
      gap: "tools that write to event channels only, each a gap; the logs were the tests' own",
    },
  },
}

const BEGIN = '<!-- collected -->'
const END = '<!-- /collected -->'
const REAL: Record<AgentProduct, string> = {
  linux: 'for real on Debian',
  macos: 'for real on a Mac',
  windows: 'for real under Wine 10',
}

/** README with the table in it. Errors  throws when a test that a row names does not do what the row says. */
export function withTable(readme: string): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`README has no ${BEGIN} … ${END}`)
  return `${readme.slice(0, from + BEGIN.length)}\n${tables()}\n${readme.slice(to)}`
}

function tables(): string {
  return (['linux', 'windows', 'macos'] as const).map(tableOf).join('\n\n')
}

function tableOf(product: AgentProduct): string {
  const rows = AGENT_CATEGORIES.filter((it) => it !== 'collection_gap' && it !== 'agent_state').map((category) =>
    rowOf(product, category),
  )
  const head = [SYSTEM_NAMES[product], 'collected by', 'how', REAL[product], 'on fixtures', 'gap']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`)
  return lines.join('\n')
}

function cell(text: string): string {
  if (text.trim() === '') throw new Error('a cell of the table is empty')
  return text.replaceAll('|', '\\|')
}

function rowOf(product: AgentProduct, category: CategoryOf<'agent'>): string[] {
  const by = collectorsOf(product, { seen: 0, total: 0 }).filter((it) => it.categories.includes(category))
  const tested = (TESTED[product] as Partial<Record<string, Tested>>)[category]
  const missing = (NOT_COLLECTED[product] as Partial<Record<string, NotCollected>>)[category]
  if (by.length === 0) {
    if (missing === undefined) throw new Error(`${product}: nobody says why ${category} is not collected`)
    return [category, 'no', 'not', 'no', 'no', `**${missing.reason}**: ${missing.why}`]
  }
  if (tested === undefined) throw new Error(`${product}: nobody says how ${category} is tested`)
  return [
    category,
    by.map((it) => it.name).join(', '),
    tested.how,
    realCell(product, category, tested.real),
    fixtureCell(tested.fixture),
    tested.gap,
  ]
}

function realCell(product: AgentProduct, category: string, real: Tested['real']): string {
  if (real === null) return 'no'
  if (real === POLLED) {
    if (product !== 'linux') throw new Error(`${product}: CI has no such machine to poll`)
    return 'polled, nothing expected'
  }
  const path = `test/real/${real}`
  const isOfSystem = real.startsWith('windows') === (product === 'windows') && product !== 'macos'
  if (!isOfSystem || !readFileSync(join(ROOT, path), 'utf8').includes(`'${category}'`))
    throw new Error(`${path} does not wait for ${category} on ${product}`)
  return `[yes](${path})`
}

function fixtureCell(fixture: string | null): string {
  if (fixture === null) return 'no'
  const path = `test/agent/collectors/${fixture}`
  if (!existsSync(join(ROOT, path))) throw new Error(`${path} is not there`)
  return `[yes](${path})`
}
