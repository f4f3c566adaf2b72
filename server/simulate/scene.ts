/**
 * How a scene is written: a few workers of an ordinary fleet, to whom something happens.
 *
 * A scene is one file in `scenarios/` and one line in `scenarios/index.ts`. `play` runs once, before the first day: it
 * says who the people are (where they live, what was agreed, when they start), and hangs hooks on days. A hook runs
 * when its day is planned: it changes the day (who works when, from where, through what) and places events in it.
 * All the rest of each worker's day is the fleet's ordinary noise. What a scene does not say stays as the fleet has it.
 *
 *     export const p99: Scenario = {
 *       id: 'P99', title: 'a second door', truth: 'infiltrator', people: 1, variants: ['renamed'],
 *       play(cast) {
 *         const worker = cast.people[0]!
 *         worker.claims('Austin').livesAt(cast.home('Austin')).role('developer')
 *         worker.on(worker.workday(10), (stage) => {
 *           stage.at('10:15').tool('anydesk', { unattended: true, renamed: cast.variant === 'renamed' ? 'helper' : null })
 *           stage.at('11:00').saw('remote_session', { Tool: 'AnyDesk' }, cast.exit('Shenyang'))
 *         })
 *       },
 *     }
 *
 * Shape   days are numbers from the run's first day, 0; times are the worker's contract zone, '09:30', and '26:00' is
 *         two in the morning of the next day. An event placed while the laptop is shut opens it for some minutes.
 *         People of a scene take no vacation, are never sick, do not travel and have no trouble with networks unless
 *         the scene says so; `livelyAsAnybody` undoes that. Laptops that are shut at night restart for updates by themselves.
 *         Sites, hashes and exits are the scene's own: two instances of one scene share none. Round trips are to a
 *         server in Ashburn, Virginia.
 * Labels  each person of a scene has one `label` line: `truth` the scene's, `scenario` 'P4' or 'P4/low-and-slow',
 *         `from` the first event a hook placed, or what `begins` said; for a benign scene the first day. Workers
 *         without a label are ordinary, and benign.
 * Errors  RangeError for a day, time, city or tool that does not exist: scenes are programs, and that is a mistake.
 */
import type { Contract } from '../../wire/contract.ts'
import type { AddressFacts } from '../../wire/recording.ts'
import type { FeedCategory, FieldsOf, LaptopCategory, System } from './observations.ts'
import type { Random } from './random.ts'
import type { Exit, Monitor, Site } from './sites.ts'

export type Role = 'developer' | 'platform engineer' | 'support' | 'designer' | 'sales'
export type Truth = 'infiltrator' | 'benign'

export interface Scenario {
  /** 'P1' to 'P23', 'N1' to 'N29': the threat model's sections 3 and 4. */
  id: string
  title: string
  truth: Truth
  /** How many workers of the fleet it takes. */
  people: number
  /** How long it takes to unfold, in days; a shorter run is refused. */
  days?: number
  /** Evasions and other forms, asked for as 'P12/slow'. Without one, `cast.variant` is null. */
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
  /** The scene's own chance. */
  readonly random: Random
  /** A salted hash as an agent would send it: the same words, the same hash, within this scene. */
  hash(words: string, digits?: number): string
  /** A household's network. Two people who live at one site share its gateway, address, Wi-Fi and monitors. */
  home(city: string, changes?: SiteChanges): Site
  /** Hotels, cafés, coworking: 'public'. A telephone's hotspot: 'mobile'. Not the company's: see `office`. */
  site(kind: Site['kind'], city: string, changes?: SiteChanges): Site
  /** The company's office in that city, which ordinary workers use too. */
  office(city: string): Site
  /** An exit somewhere: another household's, a data centre's. `name` tells two of one city apart. */
  exit(city: string, changes?: { name?: string; class?: AddressFacts['class']; asn?: number; asName?: string }): Exit
  /** A consumer VPN's exit: 'mullvad', 'proton', 'nordvpn', 'expressvpn', 'astrill'. */
  vpn(provider: string, city: string): Exit
  monitor(name: string): Monitor
}

/** `exit`: another uplink, such as a router's VPN, of which the laptop knows nothing. `name` tells sites apart. */
export type SiteChanges = Partial<Omit<Site, 'kind' | 'city'>>

/** Which days a hook runs on: one, several, from-to (both included), every working day, or every day. */
export type Days = number | readonly number[] | { from: number; to: number } | 'workdays' | 'every'

export interface Member {
  readonly worker: string
  readonly device: string
  /** The number of the run's day on which this person works for the `nth` time (0 the first), by their calendar. */
  workday(nth: number): number

  system(system: System): this
  role(role: Role): this
  /** What the contract says: country, region, city, coordinates, time zone. Home stays where it is. */
  claims(city: string): this
  /** Where the laptop is when it is at home. Without `claims`, the contract follows. */
  livesAt(site: Site): this
  /** Further fields of the contract, from the start. */
  contract(fields: Partial<Contract>): this
  /** A new version of the contract from that day, 09:00, on. */
  amends(day: number, fields: Partial<Contract>): this
  /** HR tells something about this person, be it before the first day of work. */
  hearsFromHr(day: number, clock: string, fields: Partial<FieldsOf<'contract_event'>>): this
  /**
   * The laptop is first started on that day: onboarding. Without it the worker has been there for long. `logsOn`: when
   * somebody first logs on, where the fleet's management has it for itself before.
   */
  joins(day: number, clock?: string, logsOn?: string): this
  /** That morning the laptop is another one: the old one stops first, and goes back. */
  swapsLaptop(day: number): this
  /** Usual working hours, by the contract's clock. */
  hours(from: string, to: string): this
  /** The laptop is never shut, moved or restarted, day and night. */
  neverSleeps(): this
  /** What this person's sign-ins are approved with, as the identity provider hashes it; else a telephone of their own. */
  approvesWith(mfaDeviceHash: string): this
  livelyAsAnybody(): this
  /** The label's `from`, where not an event of a hook is the beginning but the circumstances are. */
  begins(day: number, clock?: string): this
  /** The label's truth, where one person of a scene is not what the others are. */
  truth(truth: Truth): this
  on(days: Days, play: (stage: Stage) => void): this
}

/** One worker's day, while it is planned. */
export interface Stage {
  readonly day: number
  /** 0 Sunday to 6 Saturday. */
  readonly weekday: number
  /** Neither weekend nor holiday, nor off for another reason. */
  readonly working: boolean
  /** Whole days since the laptop's first start, 0 on that day. */
  readonly tenure: number
  /** This worker's and day's own chance. */
  readonly random: Random

  /** At that time; events placed follow each other by some seconds. */
  at(clock: string): Moment
  /** Works in these hours instead of the day's own. Several calls add up. */
  works(from: string, to: string): this
  /** Does not work, and leaves the laptop shut. */
  rests(): this
  /** The laptop is awake with nobody at it. */
  awake(from: string, to: string): this
  /** Input comes through these devices today, not the built-in ones; null: through none, as with remote control. */
  hands(through: Hands | null): this
  /** Something touches the pointer at least so often, whoever is there. What it is, the scene tells itself. */
  stirred(from: string, to: string, everySeconds: number): this
  /** Sits in another network. Without times, all day. */
  sits(site: Site, from?: string, to?: string): this
  /** Is seen behind another exit: a VPN on the laptop. */
  tunnels(exit: Exit, from?: string, to?: string): this
  /** No network: events are kept, and come when it is back, which may be days later. */
  offline(from: string, hours: number): this
  /** The agent does not run: what happens is never told by it. Feeds go on. */
  silent(from: string, hours: number): this
  /** Says goodbye first, as an agent that is stopped by its service does. */
  stops(from: string, hours: number): this
  /** The system starts anew when the laptop is first opened that day, and is not just resumed. */
  restarts(): this
  /** The laptop comes back from repair: another disk or board, so another fingerprint, and the agent begins anew. */
  repaired(): this
}

/** Places events. Each call is some seconds after the one before; `wait` moves on further. */
export interface Moment {
  wait(minutes: number): this
  /** Any event a laptop can send. What is not said is unremarkable. `peer`: where a remote_session's far end is. */
  saw<C extends LaptopCategory>(category: C, fields: Partial<FieldsOf<C>>, peer?: Exit): this
  /** A program began. A path without folder is put where such programs are on that system. */
  runs(image: string, commandLine?: string, fields?: Partial<FieldsOf<'process_creation'>>): this
  /** A remote-control tool or the like is installed and started: package, service, process, connection. */
  tool(id: string, how?: ToolUse): this
  /** It is removed again: package and service. */
  uninstalls(id: string): this
  /** An event of an outside source about this worker. `from`: where its address is, which is then filled in. */
  feed<C extends FeedCategory>(category: C, fields: Partial<FieldsOf<C>>, from?: Exit): this
  /** A remote-control session into this laptop, by the tool's own log: told when it begins, and again when it ends. */
  controlled(tool: string, minutes: number, by: Controller): this
  /**
   * The laptop's clock is set: from here on its events carry a time so much further ahead. `unseen`: while the laptop
   * was off, or by another system on it, so that its agent does not see a jump.
   */
  setsClock(byMinutes: number, how?: { unseen?: boolean }): this
  /** A session of this device, from elsewhere or from other hardware: a clone's. */
  session(from: { site: Site; exit?: Exit; fingerprint?: string }): this
  /** An event under a number that was used before, as a clone's or a replayed one has. */
  numberUsedBefore<C extends LaptopCategory>(category: C, fields: Partial<FieldsOf<C>>): this
}

/** Where input comes from: names as the system has them. */
export interface Hands {
  keyboard: string
  pointer: string
  absolute?: boolean
  /** Made by software (uinput and its like). */
  virtual?: boolean
}

/** `from`: where the far end is, where the log says it. `id`: who, hashed. */
export interface Controller {
  from?: Exit
  id: string | null
  unattended?: boolean | null
}

export interface ToolUse {
  /** No installation: started from the downloads folder. */
  portable?: boolean
  /** The executable's name is this instead: what else gives it away stays. */
  renamed?: string | null
  /** With the option that sets up access without anybody present, where the tool has one. */
  unattended?: boolean
  /** The host it dials, where it is not the vendor's: a relay of one's own. */
  relay?: string
  /** Was installed before: only started. */
  installed?: boolean
  version?: string
  /** The fleet's management installs it; it runs as a service of the system's own account. */
  managed?: boolean
}
