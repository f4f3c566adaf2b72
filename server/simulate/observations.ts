/**
 * Every kind of event that a laptop can send, with unremarkable defaults.
 *
 * Shape   `observed` gives the JSON of an event's own fields, without braces and without the envelope: that is added
 *         when the spool numbers it. Laptops send many equal texts, so noise writes each text once.
 */
import type { Product } from '../../wire/common.ts'
import type { Category, CategoryOf, EventOf } from '../../wire/event.ts'
import { below, hexOf, type Random } from './random.ts'

export type LaptopCategory = CategoryOf<'agent'>
/** What a company's own systems send. */
export type FeedCategory = Exclude<CategoryOf<'feed'>, 'sanctions_match'>

type Envelope = 'category' | 'id' | 'seq' | 'time' | 'product' | 'collector'
export type FieldsOf<C extends Category> = Omit<EventOf<C>, Envelope>

/** Plans an event of one laptop at its true time. */
export type Say = <C extends LaptopCategory>(time: number, category: C, fields: Partial<FieldsOf<C>>) => void

/** The laptop that an event is from. */
export interface Laptop {
  system: System
  user: string
  version: string
  fingerprint: string
  /** The boot since `bootedAt`, which may still lie ahead of an event, and the one before. */
  bootId: string
  bootIdBefore: string
  /** Epoch ms. */
  bootedAt: number
  zone: string
  /** Address in its local network. */
  lanAddress: string
}
export type System = Exclude<Product, 'tellwire'>

/** Every account has this name: rules do not use names, and equal names let texts be shared. */
export const USER = 'user'

export function homeOf(system: System): string {
  return system === 'linux' ? `/home/${USER}` : system === 'macos' ? `/Users/${USER}` : `C:\\Users\\${USER}`
}

const COLLECTORS: Readonly<Record<LaptopCategory, string>> = {
  process_creation: 'processes',
  network_connection: 'connections',
  listening_socket: 'connections',
  egress: 'interfaces',
  file_event: 'watched-folders',
  file_burst: 'watched-folders',
  archive_created: 'archives',
  volume_mounted: 'volumes',
  usb_device: 'usb-devices',
  display: 'displays',
  input_pattern: 'input',
  software: 'software',
  autostart: 'autostarts',
  remote_session: 'remote-sessions',
  repository: 'repositories',
  network_place: 'network-places',
  clock_place: 'clock',
  logon: 'logons',
  power_state: 'power',
  presence: 'presence',
  collection_gap: 'agent',
  agent_state: 'agent',
}

type Usual = { readonly [C in LaptopCategory]: (laptop: Laptop, time: number, random: Random) => FieldsOf<C> }

const USUAL: Usual = {
  process_creation: (laptop, _time, random) => ({
    Image: null,
    CommandLine: null,
    ParentImage: PARENT[laptop.system],
    ParentCommandLine: PARENT[laptop.system],
    User: laptop.user,
    ProcessId: 400 + below(random, 60_000),
    ParentProcessId: 300 + below(random, 2_000),
    CurrentDirectory: homeOf(laptop.system),
    OriginalFileName: null,
    Product: null,
    Company: null,
    Signer: null,
    StartedBeforeAgent: false,
  }),
  network_connection: (laptop, _time, random) => ({
    Image: null,
    Protocol: 'tcp',
    Initiated: true,
    SourceIp: laptop.lanAddress,
    SourcePort: 32_768 + below(random, 28_000),
    DestinationIp: '203.0.113.80',
    DestinationPort: 443,
    DestinationHostname: null,
  }),
  listening_socket: () => ({ Image: null, Protocol: 'tcp', Address: '127.0.0.1', Port: 8080 }),
  egress: () => ({
    Image: null,
    DestinationIp: null,
    DestinationPort: null,
    DestinationHostname: null,
    BytesSent: 0,
    BytesReceived: 0,
    WindowSeconds: 900,
  }),
  file_event: (laptop) => ({ TargetFilename: `${homeOf(laptop.system)}/file`, Image: null, Size: null }),
  file_burst: (laptop) => ({
    Root: `${homeOf(laptop.system)}/src`,
    RootKind: 'source',
    Files: 20,
    Bytes: 200_000,
    Archives: 0,
    SourceFiles: 20,
    WindowSeconds: 60,
  }),
  archive_created: () => ({ RootKind: 'staging', Bytes: 1_000_000, Parts: 1, Encrypted: false, Image: null }),
  volume_mounted: () => ({
    VolumeKind: 'exfat',
    Label: null,
    SerialHash: null,
    SizeBytes: 64_000_000_000,
    Removable: true,
    VirtualMedia: false,
  }),
  usb_device: () => ({
    Action: 'attached',
    VendorId: '046d',
    ProductId: 'c52b',
    Manufacturer: 'Logitech',
    ProductName: 'USB Receiver',
    SerialNumber: '',
    InterfaceClasses: ['03', '03', '03'],
    HasKeyboard: true,
    HasAbsolutePointer: false,
    HasStorage: false,
    HasNetwork: false,
    ParentPort: '1-2',
  }),
  display: () => ({
    Action: 'attached',
    MakerId: null,
    ProductCode: null,
    MonitorName: null,
    SerialText: null,
    WidthMm: null,
    HeightMm: null,
    Internal: false,
    EdidHash: null,
  }),
  input_pattern: () => ({
    SourceDevice: 'built-in keyboard',
    Kind: 'keyboard',
    Events: 0,
    IntervalHistogramMs: {},
    ReturnedToOrigin: false,
    CornerPinned: false,
    Virtual: false,
    WindowSeconds: 3_600,
  }),
  software: (_laptop, time) => ({
    Action: 'installed',
    Name: 'a program',
    Version: null,
    Publisher: null,
    Kind: 'application',
    Identifier: null,
    InstalledAt: time,
  }),
  autostart: () => ({ Kind: 'service', Name: 'a service', Command: null, Scope: 'system' }),
  remote_session: (_laptop, time) => ({
    Tool: 'AnyDesk',
    Direction: 'incoming',
    PeerIp: null,
    PeerIdHash: null,
    StartedAt: time,
    EndedAt: null,
    Unattended: null,
  }),
  repository: () => ({
    Action: 'clone',
    Host: 'git.company.example',
    Namespace: 'company',
    Bytes: null,
    InsideOrganisation: null,
  }),
  network_place: () => ({
    Interface: null,
    GatewayHash: null,
    SsidHash: null,
    BssidHash: null,
    DnsServers: ['192.168.1.1'],
    TunnelInterface: null,
    TunnelKind: null,
    TunnelMtu: null,
    DefaultRouteOnTunnel: false,
  }),
  clock_place: (laptop) => ({
    TimeZone: laptop.zone,
    UtcOffsetMinutes: null,
    KeyboardLayouts: null,
    ClockJumpMs: null,
  }),
  logon: (laptop) => ({ User: laptop.user, LogonType: 'console', SourceIp: null, Action: 'logon' }),
  power_state: () => ({ LidClosed: false, OnBattery: false, UptimeSeconds: null, ResumedAfterSeconds: null }),
  presence: () => ({ ActiveMinutes: 0, LongestIdleSeconds: 3_600, WindowSeconds: 3_600 }),
  collection_gap: () => ({ Categories: [], About: 'a collector', Reason: 'denied', Count: null, Detail: null }),
  agent_state: (laptop, time) => ({
    Action: 'started',
    Version: laptop.version,
    Fingerprint: laptop.fingerprint,
    Virtual: false,
    BootId: time < laptop.bootedAt ? laptop.bootIdBefore : laptop.bootId,
    CpuMs: null,
    ResidentBytes: null,
    SpoolBytes: null,
    WireBytes: null,
    ForksSeen: null,
    ForksTotal: null,
  }),
}

const PARENT: Readonly<Record<System, string>> = {
  linux: '/usr/bin/bash',
  macos: '/bin/zsh',
  windows: 'C:\\Windows\\explorer.exe',
}

/** The text of an event's own fields. Fields not in `fields` get the usual value. */
export function observed<C extends LaptopCategory>(
  category: C,
  fields: Partial<FieldsOf<C>>,
  about: { laptop: Laptop; time: number; random: Random; collector?: string },
): string {
  const usual = USUAL[category](about.laptop, about.time, about.random)
  const collector = about.collector ?? COLLECTORS[category]
  return JSON.stringify({ category, collector, ...usual, ...fields }).slice(1, -1)
}

type UsualFeed = { readonly [C in FeedCategory]: (worker: string) => FieldsOf<C> }

const USUAL_FEED: UsualFeed = {
  contract_event: () => ({ Action: 'referral', EffectiveAt: null, ToThirdParty: null, Relation: null }),
  idp_login: (Worker) => ({
    Worker,
    Ip: null,
    Country: null,
    DeviceId: null,
    ManagedDevice: null,
    Mobile: null,
    MfaDeviceHash: null,
    MfaIp: null,
    MfaCountry: null,
    AccountHash: null,
    App: 'sso',
    Result: 'success',
  }),
  repo_audit: (Worker) => ({
    Worker,
    Action: 'clone',
    Repository: 'company/service',
    Destination: null,
    InsideOrganisation: null,
    OutsideTeam: null,
    Ip: null,
    Country: null,
    AccountHash: null,
    Count: null,
    Bytes: null,
  }),
}

/**
 * An event of an outside source: it has no spool, so it has its own id. `geo`: JSON of its address facts. `spelled`: in
 * place of our words, those of the sender.
 */
export function feedLine<C extends FeedCategory>(
  category: C,
  fields: Partial<FieldsOf<C>>,
  about: { worker: string; time: number; receivedAt: number; geo?: string; spelled?: Readonly<Record<string, string>> },
): string {
  const { worker, time, receivedAt, geo, spelled } = about
  const whole = { category, ...USUAL_FEED[category](worker), ...fields }
  const hex = hexOf(`${worker} ${time} ${JSON.stringify(whole)}`, 32)
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  const event = JSON.stringify({ ...whole, ...spelled, id, seq: null, time, product: 'tellwire', collector: 'feed' })
  const place = geo === undefined ? '' : `"geo":${geo},`
  return `{"type":"feed","worker":"${worker}","time":${time},"receivedAt":${receivedAt},${place}"event":${event}}`
}
