import * as z from 'zod'
import type { AgentProduct, Product } from './common.ts'
import * as derived from './events/derived.ts'
import * as devices from './events/devices.ts'
import * as feeds from './events/feeds.ts'
import * as files from './events/files.ts'
import * as network from './events/network.ts'
import * as processes from './events/process.ts'
import * as system from './events/system.ts'

/** Everything that flows, from the operating system to the console, told apart by `category`. */
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
  derived.SharedKey,
  derived.Tool,
  derived.Hardware,
  derived.VolumeAnomaly,
  derived.Rhythm,
  derived.Silence,
  derived.IdentityConflict,
  feeds.ContractEvent,
  feeds.IdpLogin,
  feeds.RepoAudit,
  feeds.SanctionsMatch,
])
export type Event = z.infer<typeof Event>
export type Category = Event['category']
export type EventOf<C extends Category> = Extract<Event, { category: C }>

type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never
/** What a collector yields: an event that the spool has not yet numbered. */
export type Observation = Without<Event, 'id' | 'seq' | 'product'>
export type ObservationOf<C extends Category> = Extract<Observation, { category: C }>

type Origin = 'agent' | 'server' | 'feed'
interface CategoryFacts {
  /** Who may make it. An agent that sends what is not 'agent' has that event rejected. */
  origin: Origin
  /** What a full spool gives up first: 0 is dropped first, 9 never before everything else. */
  keep: number
  /** Off until the policy switches it on: legal reasons, see design section 2. */
  sensitive: boolean
  /** The systems whose agent collects it today: elsewhere it is blind, and the console says so. */
  on: readonly Product[]
  /** One line for people: the console, `tellwire agent show` and the README read it here. */
  about: string
}

/** What the agent of each system collects. Its collectors do not compile until each of their categories is in here. */
const COLLECTED = {
  linux: [
    ...(['process_creation', 'network_connection', 'listening_socket', 'egress', 'network_place'] as const),
    ...(['file_event', 'file_burst', 'archive_created', 'volume_mounted', 'repository'] as const),
    ...(['usb_device', 'display', 'software', 'autostart', 'remote_session'] as const),
    ...(['clock_place', 'logon', 'power_state'] as const),
  ],
  macos: [],
  windows: [],
} as const satisfies Record<AgentProduct, readonly CategoryOf<'agent'>[]>
export type CollectedOn<P extends AgentProduct> = (typeof COLLECTED)[P][number]
/** What every agent reports of itself. */
const OF_ITSELF: readonly Category[] = ['agent_state', 'collection_gap']

type Facts<O extends Origin> = Omit<CategoryFacts, 'on'> & { origin: O }

/** Every category, in one table: a new one does not compile until it has a row here. */
const FACTS = {
  process_creation: agent(3, 'a program began: path, command line without secrets, parent, user'),
  network_connection: agent(1, 'a connection began: addresses, ports and the program, no content'),
  listening_socket: agent(5, 'a program began to accept connections'),
  egress: agent(2, 'bytes sent and received in a window'),
  file_event: agent(4, 'a file appeared in an autostart folder'),
  file_burst: agent(7, 'many files changed under a watched folder: counts and sizes, no names'),
  archive_created: agent(6, 'an archive was made: size and parts, no names'),
  volume_mounted: agent(7, 'a disk was mounted: kind, size, removable or not'),
  usb_device: agent(8, 'a USB device: ids, names it gives itself, what it can do'),
  display: agent(8, 'a display: maker, model, size'),
  input_pattern: agent(4, 'timing of an input device: counts and intervals, never keys', true),
  software: agent(5, 'software that is present, was installed or removed'),
  autostart: agent(6, 'a program set to start by itself'),
  remote_session: agent(8, "a remote-control session, from the tool's own log"),
  repository: agent(6, 'a clone, push or new remote: host, whose it is and size, no content'),
  network_place: agent(5, 'the network the laptop sits in: gateway hash, DNS, tunnels'),
  clock_place: agent(4, 'time zone and clock jumps'),
  logon: agent(5, 'somebody signed in or out'),
  power_state: agent(2, 'lid, battery, uptime, sleep'),
  presence: agent(2, 'minutes of activity in an hour; security use only', true),
  collection_gap: agent(9, 'something the agent could not see'),
  agent_state: agent(9, 'the agent on itself: started, stopped, what it costs'),
  connection: server("the agent's session, placed by address"),
  place_mismatch: server('the contract says one place, the connections another'),
  travel: server('two places too far apart for the time between'),
  rtt_excess: server('round trips longer than the place claims'),
  shared_key: server('one uplink, monitor or controller with several workers'),
  tool: server('a remote-control tool or VPN client'),
  hardware: server('hardware that drives a laptop from outside'),
  volume_anomaly: server('far more data than usual'),
  rhythm: server('working hours that do not match', true),
  silence: server('a laptop that stopped talking'),
  identity_conflict: server('one identity used twice'),
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
/** The categories that agents make, as a list. */
export const AGENT_CATEGORIES: readonly CategoryOf<'agent'>[] = (Object.keys(CATEGORIES) as Category[]).filter(
  (it): it is CategoryOf<'agent'> => CATEGORIES[it].origin === 'agent',
)

function agent(keep: number, about: string, sensitive = false): Facts<'agent'> {
  return { origin: 'agent', keep, sensitive, about }
}
function server(about: string, sensitive = false): Facts<'server'> {
  return { origin: 'server', keep: 9, sensitive, about }
}
function feed(about: string): Facts<'feed'> {
  return { origin: 'feed', keep: 9, sensitive: false, about }
}

/** Adds the systems that each is collected on. */
function withSystems(facts: typeof FACTS): Record<Category, CategoryFacts> {
  const products = Object.keys(COLLECTED) as AgentProduct[]
  const on = (category: Category) => products.filter((it) => [...OF_ITSELF, ...COLLECTED[it]].includes(category))
  const whole = Object.entries(facts).map(([category, it]) => [category, { ...it, on: on(category as Category) }])
  return Object.fromEntries(whole) as Record<Category, CategoryFacts>
}
