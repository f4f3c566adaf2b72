/**
 * The threat model's signals, patterns of several signals, and look-alikes that must not raise findings.
 *
 * Shape   a signal's `grade` is the highest strength of its rules: 1 context, 2 needs a second from another family, 3
 *         may be reviewed alone, 4 near-conclusive. `because`: the reason why a signal has no rule.
 *         `itm` ids of the Insider Threat Matrix, only those read on its own pages in November 2026; most have none.
 * Source  our threat model of November 2026, from public reports; the names are ours.
 */
export interface Signal {
  id: string
  name: string
  grade: 1 | 2 | 3 | 4
  itm: readonly string[]
  because: string | null
}

export interface Pattern {
  id: string
  name: string
  within: string
  severity: 'medium' | 'high' | 'critical'
}

export interface LookAlike {
  id: string
  name: string
}

type Row = readonly [number: number, name: string, grade: Signal['grade'], itm?: string, because?: string]

const NO_FEED = 'no feed reports it'

const ROWS: readonly Row[] = [
  [1, 'delivery address changed', 2],
  [2, 'first start far from the delivery address', 3, 'IF035'],
  [3, 'never near the place in the contract', 3, 'IF035'],
  [4, 'one authenticator for several workers', 4],
  [5, 'shared phone, bank account or address', 3, '', `${NO_FEED}; telephone, bank and address are not collected`],
  [6, 'insists on a computer of their own', 2, 'IF019'],
  [7, 'recommended by a worker who is suspected', 2],
  [8, 'a stranger asks about pay in their name', 4, '', NO_FEED],
  [9, 'payout account changed again', 2],
  [10, 'never on camera in calls', 1, '', 'sensitive: meeting programs are not queried, and cameras are not collected'],
  [11, 'work under another handle', 2],
  [12, 'second factor approved elsewhere', 3],
  [13, 'remote-control tool nobody approved', 3, 'IF009 IF011'],
  [14, 'remote-control tool in the first two days', 4, 'IF009 IF011'],
  [15, 'two remote-control tools', 3, 'IF009'],
  [16, 'AnyDesk', 3, 'IF009'],
  [17, 'Chrome Remote Desktop', 3, 'IF009'],
  [18, 'Chrome Remote Desktop by command, with a PIN', 4, 'IF009 IF011'],
  [19, 'RustDesk', 4, 'IF009'],
  [20, 'other remote-control tools', 3, 'IF009'],
  [21, 'remote-control tools of other markets', 3, 'IF009'],
  [22, 'developer tunnels', 2],
  [23, 'mesh VPNs and public tunnels', 3],
  [24, 'unattended access', 3, 'IF011'],
  [25, "operator's place in the tool's log", 4, 'IF011'],
  [26, 'one operator for several workers', 4, 'IF011'],
  [27, 'sessions that fill the working day', 4, 'IF011'],
  [28, 'a meeting program as remote desktop', 3, 'IF011'],
  [29, "the system's own remote desktop", 3],
  [30, 'remote control back after removal', 4, 'IF009'],
  [31, 'PiKVM on USB', 4],
  [32, 'PiKVM as display', 4],
  [33, 'TinyPilot', 4],
  [34, 'JetKVM', 4],
  [35, 'JetKVM in disguise', 4],
  [36, 'NanoKVM, GL.iNet Comet', 4],
  [37, 'serial-to-keyboard cables', 3],
  [38, 'USB device with the shape of a KVM', 3],
  [39, 'display that came with it, or captures', 3],
  [40, 'input with nobody at the laptop', 3],
  [41, 'KVM in the home network', 2, '', 'a home is not scanned, and neighbours are not collected by name'],
  [42, 'one monitor or USB device for several workers', 3],
  [43, 'single-board computer or programmable keyboard on USB', 3],
  [44, 'Astrill on the laptop', 4, 'IF020 AF029.002'],
  [45, 'VPN exit as address', 3, 'IF020'],
  [46, 'VPN on the router', 3, 'AF029.002'],
  [47, 'consumer VPN', 2, 'IF020'],
  [48, 'data-centre or proxied address', 2],
  [49, 'networks tied to sanctioned operators', 4],
  [50, 'login elsewhere than the laptop', 3],
  [51, 'impossible travel, many countries', 2],
  [52, 'session on an unknown device', 4, 'IF019'],
  [53, 'round trips that are too long', 2],
  [54, 'clock of another part of the world', 2],
  [
    55,
    'added keyboard layouts',
    1,
    '',
    'never: language and keyboards say nothing about a person, and no rule reads them',
  ],
  [56, "several workers behind one home's router", 4],
  [57, 'a laptop that never moves', 2],
  [58, 'work goes on without the laptop', 3, 'IF019'],
  [59, 'the laptop appears abroad', 4, 'IF035'],
  [60, 'chat for one local network', 3],
  [61, 'kept awake', 2],
  [62, 'pointer moved by a program', 2],
  [63, 'pointer moved at the rhythm of a KVM (needs the timing of input, which is off by default)', 4],
  [64, 'pointer moved by a device', 2],
  [65, 'never idle', 3],
  [66, 'virtual camera', 3],
  [67, 'face swap or voice changer', 3],
  [
    68,
    'folder of altered portraits',
    2,
    '',
    "found on operators' own computers; file names of folders are not collected",
  ],
  [69, 'camera absent', 1, '', "cameras are not collected, and a covered one is nobody else's business"],
  [70, 'surge of clones', 3],
  [71, 'code to a host outside the organisation', 4, 'IF001.002'],
  [72, 'code in a private cloud', 4, 'IF001.001'],
  [73, 'bulk-transfer tools', 3, 'IF001.001'],
  [74, 'archive, then upload', 4],
  [75, 'bulk copy to a removable disk', 3, 'IF002 ME005'],
  [76, 'virtual disk of a KVM', 4],
  [77, 'far more data out than usual', 2],
  [78, 'files through chats and file shares', 3, 'IF005'],
  [79, 'private cloud out of a virtual desktop', 3, '', 'no agent runs on the other end of a virtual desktop'],
  [80, 'sweep of secrets', 4],
  [81, 'many lasting tokens', 2],
  [82, 'bulk reading of documents', 2, '', 'no feed of wikis or document stores is connected'],
  [83, 'bulk copies at the end', 4],
  [84, 'use after the end', 4, 'ME001.001'],
  [85, 'disk wiped', 3, 'AF006'],
  [86, 'bulk deletion of code', 3, 'IF013 AF015'],
  [87, 'malware on the first day', 4],
  [88, 'history or logs erased', 3],
  [89, 'code that runs when a project is opened', 4],
  [90, 'remnants of published campaigns', 4],
  [91, 'odd channels', 2],
  [92, 'new autostart', 3],
  [93, 'cryptocurrency wallets', 2],
  [94, 'pay turned into cryptocurrency', 3, '', 'a matter of the bank; payments are not collected'],
  [95, 'rights to sign or publish', 2],
  [96, 'agent stopped or removed', 4, 'AF016'],
  [97, 'selective silence', 4],
  [98, 'agent copied', 4],
  [99, 'agent in a virtual machine', 3, 'AF022'],
  [100, 'clock moved', 2],
  [101, 'work at night', 2],
  [102, 'days of more than fourteen hours', 2],
  [
    103,
    'several people at one keyboard',
    2,
    '',
    'sensitive: telling people apart takes keystroke timing, which is not collected',
  ],
  [104, 'job applications by program', 2],
  [105, "somebody else's browser profile", 2, '', "browsers' profiles and accounts are not collected"],
  [106, 'several people in one browser or phone', 3],
  [107, 'commands that take stock of the laptop', 2],
  [108, 'answers prompted in calls', 1, '', 'sensitive: what happens in calls is not collected'],
]

export const SIGNALS: readonly Signal[] = ROWS.map(([number, name, grade, itm = '', because]) => ({
  id: `#${number}`,
  name,
  grade,
  itm: itm === '' ? [] : itm.split(' '),
  because: because ?? null,
}))

export const PATTERNS: readonly Pattern[] = (
  [
    ['a new laptop taken over', '48 h', 'critical'],
    ['job tools, then remote control', '24 h', 'critical'],
    ['delivery and place drift', '14 d', 'high'],
    ['a farm behind one router', '7 d', 'critical'],
    ['a farm behind several addresses', '30 d', 'critical'],
    ['a seat at an IP-KVM', '72 h', 'critical'],
    ['a second way in', '30 d', 'high'],
    ['the operator unmasked', '7 d', 'critical'],
    ['one person in two places', '1 h', 'critical'],
    ['pretended presence', '5 d', 'medium'],
    ['the quiet thief', '24 h', 'critical'],
    ['the slow drip', '14-30 d', 'high'],
    ['extortion at the end', '-14..+14 d', 'critical'],
    ['blocked and back', '7 d', 'critical'],
    ['blinded, then acted', '2 h', 'critical'],
    ['a ring of recommendations', 'any', 'critical'],
    ['a hub of second factors', '7 d', 'critical'],
    ['the laptop emigrates', '30 d', 'critical'],
    ['a check is dodged', '25 h', 'high'],
    ['a trap for developers', '30 min', 'critical'],
    ['meetings as a tunnel', '7 d', 'high'],
    ['a VPN on the router', '7 d', 'high'],
    ['a cloned agent', '1 h', 'critical'],
    ['an operator in the cloud only', '14 d', 'high'],
    ['a rented face', '7 d', 'high'],
    ['the approved tool, driven from abroad', '2 d', 'high'],
  ] as const
).map(([name, within, severity], n) => ({ id: `P${n + 1}`, name, within, severity }))

export const LOOK_ALIKES: readonly LookAlike[] = [
  'attended help with the approved tool',
  'a move from one remote-control vendor to another',
  'provisioning before anybody signs in',
  'an announced journey',
  "the company's own VPN",
  'a privacy VPN, the same for months',
  'a phone as modem, and shared addresses',
  'a coworking space',
  'a couple or flatmates',
  'hot desks of an office',
  "an administrator's lab KVM",
  'a closed laptop with a genuine receiver',
  'a streamer or trainer',
  'kept awake for a build or a presentation',
  "a newcomer's first clones",
  'platform engineers and build computers',
  'backups',
  "the company's cloud, first sync",
  'films and release images',
  "a developer's tunnels and mesh VPN",
  'nights on call, other zones, other hours',
  'languages, names and keyboards',
  'input aids',
  'a laptop asleep, a long flight, a hospital',
  'testers and web3 developers',
  'repairs, updates and new laptops',
  'an address database that changes its mind',
  'daylight saving, and clocks put right at boot',
  'a job seeker',
  'a travel eSIM that comes out at home',
  'a security service that hops between countries',
  'a satellite that lands next door',
  "the company's own management on every laptop",
  'one authenticator of a shared service account',
  'one factory serial for hundreds of docks',
  'a city that a database moved over the weekend',
  'an address that a carrier shares among customers',
  "a flat with two lines, and a computer of one's own",
].map((name, n) => ({ id: `N${n + 1}`, name }))

/** Ids of ATT&CK v19 (April 2026) for techniques that our rules name as in v18. */
export const RENAMED_IN_V19: Readonly<Record<string, string>> = {
  'T1562.001': 'T1685',
  'T1562.004': 'T1686',
  'T1070.001': 'T1685.005',
  T1656: 'T1684.001',
}
