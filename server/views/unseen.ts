/**
 * What would be missed: why a worker without findings may still be hiding something, in words, by family of signals.
 *
 * Shape   one entry per family with a gap; in it, one line per category that no laptop, or not every laptop,
 *         can report, and one per field of the others that the laptop's system never fills. Without a laptop: every
 *         family, every category unknown.
 * Source  the coverage of each laptop, and fields.json, which is made from the code; the texts follow from what the
 *         family's rules read.
 */
import fields from '../../rules/content/fields.json' with { type: 'json' }
import type { BlankField } from '../../rules/tooling/blank-fields.ts'
import { AGENT_CATEGORIES, type CategoryOf } from '../../wire/event.ts'
import type { Coverage } from '../model/coverage.ts'
import type { Unseen } from './schema.ts'

export const FAMILIES = [
  'remote-access',
  'hardware',
  'network',
  'identity',
  'exfiltration',
  'presence',
  'tampering',
] as const
type Family = (typeof FAMILIES)[number]

/** What rules would miss without a category, by family. */
export const MISSED: Record<CategoryOf<'agent'>, Partial<Record<Family, string>>> = {
  process_creation: {
    'remote-access': 'remote-control tools and tunnels that run without being installed',
    exfiltration: 'copying, archiving and uploading by command line',
    presence: 'programs that keep the laptop awake or change face and voice',
    tampering: 'commands that stop the agent, clear logs or wipe disks',
  },
  network_connection: {
    'remote-access': 'tools that only the relay they talk to gives away',
    exfiltration: 'uploads to file shares and chats by destination',
    network: 'proxies and networks of note',
    tampering: 'programs that fetch commands from known campaigns',
  },
  listening_socket: { 'remote-access': 'a remote desktop that waits for connections' },
  egress: { exfiltration: 'how much data leaves the laptop, in bursts or slowly' },
  file_event: { tampering: 'a program placed where it starts automatically' },
  file_burst: {
    exfiltration: 'mass copies to removable disks and synchronised folders',
    tampering: 'mass deletion',
  },
  archive_created: { exfiltration: 'large or locked archives made before an upload' },
  volume_mounted: { exfiltration: 'removable disks', hardware: "a KVM's virtual disk" },
  usb_device: {
    hardware: 'IP-KVMs, keyboard gadgets and jigglers by their USB description; one device with several workers',
  },
  display: { hardware: 'KVMs and capture cards that pose as a monitor; one monitor with several workers' },
  input_pattern: {
    hardware: 'input that no human makes',
    presence: 'jigglers by the rhythm of their movement',
  },
  software: {
    'remote-access': 'remote-control tools and VPN clients that are installed',
    presence: 'virtual cameras and face replacement that are installed',
    identity: 'tools for several identities that are installed',
  },
  autostart: {
    'remote-access': 'unattended access set to start automatically',
    tampering: 'programs set to start from unusual places',
  },
  remote_session: {
    'remote-access': "who controlled the laptop, from where and for how long, by the tool's own log",
  },
  clock_place: { network: "a clock set to another time zone than the contract's", tampering: 'a clock that was moved' },
  logon: { identity: 'who signs in on the laptop, and from where', 'remote-access': 'sign-ins over the network' },
  power_state: { presence: 'work on a closed lid, and a laptop that never rests' },
  repository: { exfiltration: "clones, mirrors and pushes to somebody else's repository" },
  network_place: { network: 'a shared gateway or Wi-Fi, and a tunnel that carries everything' },
  presence: { presence: 'activity round the clock, without breaks' },
  collection_gap: { tampering: 'that the agent cannot collect something' },
  agent_state: { tampering: 'an agent that was killed, copied, or runs in a virtual machine' },
}

/** By operating system. */
const BLANK: Readonly<Record<string, readonly BlankField[]>> = fields

const IMPAIRED: readonly Coverage['state'][] = ['blind', 'unknown', 'off', 'partial']

interface KnownLaptop {
  device: string
  platform: string
  coverage: readonly Coverage[]
}

/** The laptops of one worker. */
export function unseen(laptops: readonly KnownLaptop[]): Unseen[] {
  const impaired = AGENT_CATEGORIES.flatMap((category) => worst(category, laptops) ?? [])
  return FAMILIES.flatMap((family): Unseen[] => {
    const missed = impaired.flatMap(({ category, ...rest }) => {
      const words = MISSED[category][family]
      return words ? [{ category, words, ...rest }] : []
    })
    const blank = blankIn(family, laptops)
    return missed.length + blank.length > 0 ? [{ family, missed, blank }] : []
  })
}

/** The fields of categories that the laptops do report. */
function blankIn(family: Family, laptops: readonly KnownLaptop[]): Unseen['blank'] {
  const found = new Map<string, Unseen['blank'][number]>()
  for (const { device, platform, coverage } of laptops)
    for (const { field, rules, tools } of BLANK[platform] ?? []) {
      const category = field.slice(0, field.indexOf('.')) as CategoryOf<'agent'>
      const state = coverage.find((it) => it.category === category)?.state
      if (state !== undefined && state !== 'partial' && IMPAIRED.includes(state)) continue
      const theirs = rules.filter((it) => it.family === family)
      const toolsMissed = MISSED[category]?.[family] === undefined ? 0 : tools
      if (theirs.length === 0 && toolsMissed === 0) continue
      const entry = found.get(field)
      if (entry) entry.devices.push(device)
      else
        found.set(field, {
          field,
          tools: toolsMissed,
          silent: theirs.filter((it) => !it.canFire).map((it) => it.title),
          weaker: theirs.filter((it) => it.canFire).map((it) => it.title),
          devices: [device],
        })
    }
  return [...found.values()]
}

interface Impaired {
  category: CategoryOf<'agent'>
  state: Coverage['state']
  detail: string | null
  devices: string[]
}

/** The worst state of the category on laptops that do not see it; null when all do. */
function worst(
  category: CategoryOf<'agent'>,
  laptops: readonly { device: string; coverage: readonly Coverage[] }[],
): Impaired | null {
  if (category === 'collection_gap') return null
  if (laptops.length === 0) return { category, state: 'unknown', detail: 'no laptop reports', devices: [] }
  const rows = laptops.flatMap(({ device, coverage }) => {
    const found = coverage.find((it) => it.category === category)
    const { state, detail } = found ?? { state: 'unknown' as const, detail: null }
    return IMPAIRED.includes(state) ? [{ device, state, detail }] : []
  })
  const [first] = rows.sort((a, b) => IMPAIRED.indexOf(a.state) - IMPAIRED.indexOf(b.state))
  return first ? { category, state: first.state, detail: first.detail, devices: rows.map((it) => it.device) } : null
}
