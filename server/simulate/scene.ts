/**
 * How to write a scene: something happens to a few workers of an ordinary fleet.
 *
 * A scene is one file in `scenarios/` and one line in `scenarios/index.ts`. `play` runs once, before the first day: it
 * sets up the people (where they live, what was agreed, when they start), and adds hooks to days. A hook runs
 * when its day is planned: it changes the day (who works when, from where, through what) and places events in it.
 * Everything else in each worker's day is ordinary noise; whatever a scene does not set stays as in the fleet.
 *
 *     export const p99: Scenario = {
 *       id: 'P99', title: 'a second door', truth: 'infiltrator', people: 1, variants: ['renamed'],
 *       play(cast) {
 *         const worker = cast.people[0]!
 *         worker.claims('Austin').livesAt(cast.home('Austin')).role('developer')
 *         worker.on(worker.workday(10), (stage) => {
 *           stage.at('10:15').tool('anydesk', { unattended: true, renamed: cast.variant === 'renamed' ? 'helper' : null
 *           }) stage.at('11:00').saw('remote_session', { Tool: 'AnyDesk' }, cast.exit('Shenyang'))
 *         })
 *       },
 *     }
 *
 * Shape   days are numbers from the run's first day, 0; times are the worker's contract zone, '09:30', and '26:00' is
 *         two in the morning of the next day. An event placed while the laptop is shut opens it for some minutes.
 *         People of a scene take no vacation, are never sick, do not travel and have no network problems unless
 *         the scene sets them; `livelyAsAnybody` undoes that. Laptops shut at night still restart for updates.
 *         Sites, hashes and exits are the scene's own: two instances of one scene share none. Round trips are to a
 *         server in Ashburn, Virginia.
 * Labels  each person of a scene has one `label` line: `truth` from the scene, `scenario` 'P4' or 'P4/low-and-slow',
 *         `from` the time of the first placed event, or of `begins`; for a benign scene the first day. Workers
 *         without a label are ordinary, and benign.
 * Errors  RangeError for a day, time, city or tool that does not exist: a scene is code, and that is a bug in it.
 */
import type { Contract } from '../../wire/contract.ts'
import type { AddressFacts } from '../../wire/recording.ts'
import type { FeedCategory, FieldsOf, LaptopCategory, System } from './observations.ts'
import type { Random } from './random.ts'
import type { Exit, Monitor, Site } from './sites.ts'

export type Role = 'developer' | 'platform engineer' | 'support' | 'designer' | 'sales'
export type Truth = 'infiltrator' | 'benign'

export interface Scenario {
  /** 'P1' to 'P26', 'N1' to 'N38': the threat model's sections 3 and 4, and what was added to them. */
  id: string
  title: string
  truth: Truth
  /** How many workers it needs. */
  people: number
  /** How many days it needs; a shorter run is refused. */
  days?: number
  /** Evasions and other forms, requested as 'P12/slow'. Without one, `cast.variant` is null. */
  variants?: readonly string[]
  play(cast: Cast): void
}

export interface Cast {
  readonly people: readonly Member[]
  readonly variant: string | null
  /** Days of the run. */
  readonly days: number
  /** Epoch ms of the run's first midnight, UTC. */
  readonly start: number
  /** The scene's own randomness. */
  readonly random: Random
  /** A salted hash as an agent would send it: the same words give the same hash within this scene. */
  hash(words: string, digits?: number): string
  /** A household's network. Two people who live at one site share its gateway, address, Wi-Fi and monitors. */
  home(city: string, changes?: SiteChanges): Site
  /** Hotels, cafés, coworking: 'public'. A telephone's hotspot: 'mobile'. Not the company's: see `office`. */
  site(kind: Site['kind'], city: string, changes?: SiteChanges): Site
  /** The company's office in that city, which ordinary workers use too. */
  office(city: string): Site
  /** An exit elsewhere: another household's, a data centre's. `name` distinguishes two in one city. */
  exit(city: string, changes?: { name?: string; class?: AddressFacts['class']; asn?: number; asName?: string }): Exit
  /** A consumer VPN's exit: 'mullvad', 'proton', 'nordvpn', 'expressvpn', 'astrill'. */
  vpn(provider: string, city: string): Exit
  monitor(name: string): Monitor
}

/** `exit`: another uplink, such as a router's VPN that the laptop cannot see. `name` distinguishes sites. */
export type SiteChanges = Partial<Omit<Site, 'kind' | 'city'>>

/** Which days a hook runs on: one, several, from-to (both included), every working day, or every day. */
export type Days = number | readonly number[] | { from: number; to: number } | 'workdays' | 'every'

export interface Member {
  readonly worker: string
  readonly device: string
  /** The day of the run on which this person works for the `nth` time (from 0), by their calendar. */
  workday(nth: number): number

  system(system: System): this
  role(role: Role): this
  /** Sets the contract's country, region, city, coordinates and time zone. The home does not change. */
  claims(city: string): this
  /** Sets the laptop's home site. Without `claims`, the contract follows. */
  livesAt(site: Site): this
  /** Sets further fields of the contract, from the start. */
  contract(fields: Partial<Contract>): this
  /** Adds a version of the contract from that day, 09:00. */
  amends(day: number, fields: Partial<Contract>): this
  /** Adds an event from HR about this person, possibly before the first day of work. */
  hearsFromHr(day: number, clock: string, fields: Partial<FieldsOf<'contract_event'>>): this
  /**
   * The laptop is first started on that day: onboarding. Without this the worker started long ago. `logsOn`: when
   * somebody first logs on, if the fleet's management prepares the laptop before that.
   */
  joins(day: number, clock?: string, logsOn?: string): this
  /** Replaces the laptop that morning: the old one stops first, and is returned. */
  swapsLaptop(day: number): this
  /** Usual working hours, by the contract's clock. */
  hours(from: string, to: string): this
  /** The laptop is never shut, moved or restarted. */
  neverSleeps(): this
  /**
   * The authenticator of this person's sign-ins, as the identity provider hashes it; by default a phone of their own.
   */
  approvesWith(mfaDeviceHash: string): this
  /**
   * Has no laptop of the company and works in the cloud, on a machine of their own. `deviceId`: what the identity
   * provider calls that machine; null: it does not say.
   */
  withoutLaptop(deviceId: string | null): this
  livelyAsAnybody(): this
  /** Sets the label's `from`, when the scene begins with circumstances and not with an event. */
  begins(day: number, clock?: string): this
  /** Sets the label's truth, when one person of a scene differs from the others. */
  truth(truth: Truth): this
  on(days: Days, play: (stage: Stage) => void): this
}

/** One worker's day, during planning. */
export interface Stage {
  readonly day: number
  /** 0 Sunday to 6 Saturday. */
  readonly weekday: number
  /** True on days that are not a weekend, holiday or other day off. */
  readonly working: boolean
  /** Whole days since the laptop's first start, 0 on that day. */
  readonly tenure: number
  /** Randomness of this worker and day. */
  readonly random: Random

  /** Places events from this time on, a few seconds apart. */
  at(clock: string): Moment
  /** Sets working hours instead of the day's own. Several calls add up. */
  works(from: string, to: string): this
  /** Does not work, and leaves the laptop shut. */
  rests(): this
  /** The laptop is awake with nobody at it. */
  awake(from: string, to: string): this
  /** Input devices of this day, instead of the built-in ones; null: no input, as with remote control. */
  hands(through: Hands | null): this
  /** Something moves the pointer at least this often, even with nobody there. The scene places its events itself. */
  nudged(from: string, to: string, everySeconds: number): this
  /** Moves the laptop to another network. Without times, all day. */
  sits(site: Site, from?: string, to?: string): this
  /** Routes through another exit: a VPN on the laptop. */
  tunnels(exit: Exit, from?: string, to?: string): this
  /** No network: events are kept and arrive when it is back, possibly days later. */
  offline(from: string, hours: number): this
  /** The agent does not run and misses all events. Feeds continue. */
  silent(from: string, hours: number): this
  /** The agent first reports that it stops, as when its service is stopped. */
  stops(from: string, hours: number): this
  /** The system boots when the laptop is first opened that day, instead of resuming. */
  restarts(): this
  /**
   * The laptop comes back from repair: a new disk or board, so a new fingerprint, and the agent starts from the
   * beginning.
   */
  repaired(): this
}

/** Places events. Each call is a few seconds after the one before; `wait` adds time. */
export interface Moment {
  wait(minutes: number): this
  /**
   * Any event a laptop can send. Fields not given are unremarkable. `peer`: the place of a remote_session's far end.
   */
  saw<C extends LaptopCategory>(category: C, fields: Partial<FieldsOf<C>>, peer?: Exit): this
  /** A program starts. A path without folder gets the usual folder of that system. */
  runs(image: string, commandLine?: string, fields?: Partial<FieldsOf<'process_creation'>>): this
  /** A remote-control tool or the like is installed and started: package, service, process, connection. */
  tool(id: string, how?: ToolUse): this
  /** Removes it: package and service. */
  uninstalls(id: string): this
  /** An event of an outside source about this worker. `from`: its exit, which fills in the address. */
  feed<C extends FeedCategory>(category: C, fields: Partial<FieldsOf<C>>, from?: Exit): this
  /** A remote-control session into this laptop, by the tool's own log: one event when it begins, one when it ends. */
  controlled(tool: string, minutes: number, by: Controller): this
  /**
   * Sets the laptop's clock: from here on its events carry a time that is this far ahead. `unseen`: set while the
   * laptop was off, or by another system on it, so that its agent does not see a jump.
   */
  setsClock(byMinutes: number, how?: { unseen?: boolean }): this
  /** A session of this device, from elsewhere or from other hardware: a clone's. */
  session(from: { site: Site; exit?: Exit; fingerprint?: string }): this
  /** An event with a number that was used before, as from a clone or a replay. */
  numberUsedBefore<C extends LaptopCategory>(category: C, fields: Partial<FieldsOf<C>>): this
}

/** Input devices, with the names that the system shows. */
export interface Hands {
  keyboard: string
  pointer: string
  absolute?: boolean
  /** Made by software (uinput and its like). */
  virtual?: boolean
}

/** `from`: the exit of the far end, if the log has it. `id`: who, hashed. */
export interface Controller {
  from?: Exit
  id: string | null
  unattended?: boolean | null
}

export interface ToolUse {
  /** No installation: started from the downloads folder. */
  portable?: boolean
  /** Another name for the executable: its other traces stay. */
  renamed?: string | null
  /** With the option for unattended access, if the tool has one. */
  unattended?: boolean
  /** The host it connects to, if not the vendor's: one's own relay. */
  relay?: string
  /** Already installed: only started. */
  installed?: boolean
  version?: string
  /** The fleet's management installs it; it runs as a service of the system's own account. */
  managed?: boolean
}
