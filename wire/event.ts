import * as z from 'zod'
import type { AgentProduct, Product } from './common.ts'
import * as derived from './events/derived.ts'
import * as devices from './events/devices.ts'
import * as feeds from './events/feeds.ts'
import * as files from './events/files.ts'
import * as network from './events/network.ts'
import * as processes from './events/process.ts'
import * as system from './events/system.ts'

/** Every event, from the operating system to the console. `category` is the discriminator. */
export const Event = z.discriminatedUnion('category', [
  processes.ProcessCreation,
  network.NetworkConnection,
  network.ListeningSocket,
  network.Egress,
  network.NetworkPlace,
  files.FileEvent,
  files.FileBurst,
  files.ArchiveCreated,
  files.VolumeMounted,
  files.Repository,
  devices.UsbDevice,
  devices.Display,
  devices.InputPattern,
  system.Software,
  system.Autostart,
  system.RemoteSession,
  system.ClockPlace,
  system.Logon,
  system.PowerState,
  system.Presence,
  system.CollectionGap,
  system.AgentState,
  derived.Connection,
  derived.PlaceMismatch,
  derived.Travel,
  derived.RttExcess,
  derived.RttChange,
  derived.SharedKey,
  derived.Tool,
  derived.Hardware,
  derived.RemoteOperator,
  derived.VolumeAnomaly,
  derived.SlowEvidence,
  derived.Rhythm,
  derived.Silence,
  derived.IdentityConflict,
  derived.LoginPlace,
  derived.CodeDestination,
  feeds.ContractEvent,
  feeds.IdpLogin,
  feeds.RepoAudit,
  feeds.SanctionsMatch,
])
export type Event = z.infer<typeof Event>
export type Category = Event['category']
export type EventOf<C extends Category> = Extract<Event, { category: C }>

type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never
/** What a collector yields: an event before the spool numbers it. */
export type Observation = Without<Event, 'id' | 'seq' | 'product'>
export type ObservationOf<C extends Category> = Extract<Observation, { category: C }>

type Origin = 'agent' | 'server' | 'feed'
interface CategoryFacts {
  /** Who may create it. From an agent, the server rejects every event whose origin is not 'agent'. */
  origin: Origin
  /** 0 to 9: a full spool drops the lowest priority first. */
  priority: number
  /** Off until the policy switches it on, for legal reasons. */
  sensitive: boolean
  /**
   * The operating systems on which the agent collects it today. The console lists it as not collected on the others.
   */
  on: readonly Product[]
  /** One line that the console and `tellwire agent show` print. */
  about: string
}

/**
 * What the agent collects on each operating system. Its collectors do not compile until each of their categories is
 * listed here.
 */
const COLLECTED = {
  linux: [
    ...(['process_creation', 'network_connection', 'listening_socket', 'egress', 'network_place'] as const),
    ...(['file_event', 'file_burst', 'archive_created', 'volume_mounted', 'repository'] as const),
    ...(['usb_device', 'display', 'software', 'autostart', 'remote_session'] as const),
    ...(['clock_place', 'logon', 'power_state'] as const),
  ],
  macos: [
    ...(['process_creation', 'network_connection', 'listening_socket', 'egress', 'network_place'] as const),
    ...(['file_event', 'file_burst', 'archive_created', 'volume_mounted', 'repository'] as const),
    ...(['usb_device', 'display', 'software', 'autostart', 'remote_session'] as const),
    ...(['clock_place', 'logon', 'power_state'] as const),
  ],
  windows: [
    ...(['process_creation', 'network_connection', 'listening_socket'] as const),
    ...(['software', 'autostart', 'volume_mounted', 'file_event', 'file_burst', 'repository'] as const),
    ...(['egress', 'network_place', 'clock_place', 'power_state', 'logon', 'display'] as const),
    ...(['remote_session', 'usb_device', 'archive_created'] as const),
  ],
} as const satisfies Record<AgentProduct, readonly CategoryOf<'agent'>[]>
export type CollectedOn<P extends AgentProduct> = (typeof COLLECTED)[P][number]
/** Events that every agent sends about itself. */
const ABOUT_AGENT: readonly Category[] = ['agent_state', 'collection_gap']

type Facts<O extends Origin> = Omit<CategoryFacts, 'on'> & { origin: O }

/** All categories. A new category does not compile without a row here. */
const FACTS = {
  process_creation: agent(3, 'a program started: path, command line without secrets, parent, user'),
  network_connection: agent(1, 'a connection was opened: addresses, ports and the program, no content'),
  listening_socket: agent(5, 'a program started to accept connections'),
  egress: agent(2, 'bytes sent and received in a time window: in all, by program and by address'),
  file_event: agent(4, 'a file appeared in an autostart folder'),
  file_burst: agent(7, 'many files changed in a watched folder: counts and sizes, no names'),
  archive_created: agent(6, 'an archive was created: size and parts, no names'),
  volume_mounted: agent(7, 'a disk was mounted: kind, size, removable or not'),
  usb_device: agent(8, 'a USB device: ids, the names it reports, its capabilities'),
  display: agent(8, 'a display: manufacturer, model, size'),
  input_pattern: agent(4, 'timing of an input device: counts and intervals, never keys', true),
  software: agent(5, 'software that is present, or was installed or removed'),
  autostart: agent(6, 'a program that is set to start automatically'),
  remote_session: agent(8, "a remote-control session, from the tool's own log"),
  repository: agent(6, 'a clone, push or new remote: host, owner and size, no content'),
  network_place: agent(5, 'the network the laptop is in: hashes of gateway and Wi-Fi, DNS, tunnels'),
  clock_place: agent(4, 'time zone and clock jumps'),
  logon: agent(5, 'a user signed in or out'),
  power_state: agent(2, 'lid, battery, uptime, sleep'),
  presence: agent(2, 'minutes of activity in an hour; security use only', true),
  collection_gap: agent(9, 'something the agent could not observe'),
  agent_state: agent(
    9,
    'the agent itself: starts, stops, resource usage, a hash of its own files, what it could not see',
  ),
  connection: server("the agent's session, located by its address"),
  place_mismatch: server('the contract names one place, the connections come from another'),
  travel: server('two places too far apart for the time between them'),
  rtt_excess: server('round trips too long for the claimed place'),
  rtt_change: server('round trips that became longer on another network'),
  shared_key: server('one uplink, monitor or controller shared by several workers'),
  tool: server('a remote-control tool or VPN client'),
  hardware: server('hardware that controls a laptop from outside'),
  remote_operator: server('who drives a laptop through a remote-control tool'),
  volume_anomaly: server('far more data than usual'),
  slow_evidence: server('ordinary days that add up'),
  rhythm: server('working hours that do not match the contract', true),
  silence: server('a laptop that stopped reporting'),
  identity_conflict: server('one identity used in two places'),
  code_destination: server("code sent to a place that is not known to be the company's"),
  login_place: server('a login from an unexpected place, exit or device'),
  contract_event: feed('a change in the contract, from HR'),
  idp_login: feed('a login, from the identity provider'),
  repo_audit: feed('an action in a repository, from its audit log'),
  sanctions_match: feed('a name on a sanctions list: a compliance check'),
} satisfies Record<Category, Facts<Origin>>

/** The categories of one origin. */
export type CategoryOf<O extends Origin> = {
  [C in keyof typeof FACTS]: (typeof FACTS)[C]['origin'] extends O ? C : never
}[keyof typeof FACTS]

export const CATEGORIES: Record<Category, CategoryFacts> = withSystems(FACTS)
/** The categories that agents create. */
export const AGENT_CATEGORIES: readonly CategoryOf<'agent'>[] = (Object.keys(CATEGORIES) as Category[]).filter(
  (it): it is CategoryOf<'agent'> => CATEGORIES[it].origin === 'agent',
)

function agent(priority: number, about: string, sensitive = false): Facts<'agent'> {
  return { origin: 'agent', priority, sensitive, about }
}
function server(about: string, sensitive = false): Facts<'server'> {
  return { origin: 'server', priority: 9, sensitive, about }
}
function feed(about: string): Facts<'feed'> {
  return { origin: 'feed', priority: 9, sensitive: false, about }
}

/** Adds the operating systems on which each category is collected. */
function withSystems(facts: typeof FACTS): Record<Category, CategoryFacts> {
  const products = Object.keys(COLLECTED) as AgentProduct[]
  const on = (category: Category) => products.filter((it) => [...ABOUT_AGENT, ...COLLECTED[it]].includes(category))
  const rows = Object.entries(facts).map(([category, it]) => [category, { ...it, on: on(category as Category) }])
  return Object.fromEntries(rows) as Record<Category, CategoryFacts>
}
