/** What a worker's logins show, day by day: where they come from, through what, and on which device. */
import type { Contract } from '../../../../wire/contract.ts'
import type { NetworkClass } from '../../../../wire/events/derived.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { type Draft, LATENESS_MS } from '../../deriver.ts'
import { announced, approvedExit, networkOf, provesPlace } from '../../kit/place.ts'
import type { Statement } from '../../kit/statements.ts'
import type { World } from '../../kit/world.ts'
import { HISTORY_DAYS, type Login, type Memory, type On, OPEN_DAYS, type Stay } from './memory.ts'

type LoginPlace = Extract<Draft, { category: 'login_place' }>
type Reason = LoginPlace['Reason']

/** The vocabulary's 'of the last 14'. */
const WINDOW_DAYS = 14
/** A later login can change what is said of these days before it, although it may itself be late. */
const AHEAD_DAYS = OPEN_DAYS - LATENESS_MS / DAY - 1
/** Exits that anybody can take to hide a place. A company's own gateway is none of them. */
export const HIDING: ReadonlySet<NetworkClass> = new Set(['vpn', 'hosting', 'tor'])

export interface LoginLimits {
  travelGraceHours: number
  familiarDays: number
  placeHoldsHours: number
  companyExitFrom: number
}

/** A login that is evidence, on its day. */
interface Sign {
  reason: Reason
  day: number
  time: number
  country: string | null
  network: NetworkClass
  managed: boolean | null
  notice: boolean
  /** Where the worker's laptop was at that time. */
  laptopCountry: string | null
  audited: boolean
}

export interface JudgeDeps {
  limits: LoginLimits
  world: World
  memory: Memory
  /** Whether many colleagues sign in through this network. */
  isCompanyExit(network: string): boolean
}

/** All statements about the worker from `firstDay` on. */
export function judged(worker: string, firstDay: number, deps: JudgeDeps): Statement[] {
  const { world, memory, limits } = deps
  const logins = memory.loginsOf(worker)
  const stays = memory.staysOf(worker)
  const awake = memory.awakeOf(worker)
  const staysOn = Map.groupBy(stays, (it) => it.day)
  const usual = mostFrequentCountry(stays)
  const familiar = familiarDevices()
  const ofOurs = networksOfOurs()
  const home = new Set(stays.filter(isAtHome).map((it) => it.day))
  const signs: Sign[] = []
  for (const it of logins) {
    if (isLoginAtHome(it)) home.add(it.day)
    signs.push(...signsIn(it))
  }
  return statements()

  function signsIn(login: On<Login>): Sign[] {
    const { what, day, time } = login
    const { geo, address, audited } = what
    if (what.mobile === true) return approvalSigns(login, null)
    const contract = world.contractAt(worker, time)
    const device = what.deviceId === null ? null : world.deviceNamed(what.deviceId)
    const managed = audited ? isAsOnLaptop(login) : isManaged(what, device)
    const near = around(day)
    const isOwn = device !== null && world.holderAt(device, time) === worker
    const base = { day, time, country: geo.country, network: geo.class, managed, notice: false, audited }
    const signs: Sign[] = approvalSigns(login, contract)
    const laptop = laptopAt(time)
    if (isOnUnknownDevice(login, managed, contract))
      signs.push({ ...base, reason: 'unknown_device', laptopCountry: laptop?.geo.country ?? null })
    // What the laptop's own address tells is told about the laptop.
    if (address === null ? !audited : near.some((it) => it.what.network === networkOf(address))) return signs
    const proves = isPlace(what, contract, time)
    if (proves && isOwn && isElsewhere(device, time, geo.country!, near)) {
      signs.push({ ...base, reason: 'own_device', laptopCountry: laptop?.geo.country ?? null })
      return signs
    }
    const homeCountry = contract?.country ?? usual
    const isMobileExit = geo.class === 'mobile' && !(managed === false && what.mobile === false)
    if (proves && homeCountry !== null && geo.country !== homeCountry && !isMobileExit) {
      // Without an address, the laptop's exit explains the country too.
      const isWithLaptop = near.some(
        (it) => it.what.geo.country === geo.country && (address === null || isProven(it, time)),
      )
      const notice = announced(world, worker, geo, time, limits.travelGraceHours * HOUR)
      const laptopCountry = laptop?.geo.country ?? null
      if (!isWithLaptop) signs.push({ ...base, reason: 'country', notice, laptopCountry })
    }
    if (!proves && isHidingExit(contract, what, time) && !near.some((it) => it.what.geo.class === geo.class))
      signs.push({ ...base, reason: 'exit', laptopCountry: laptop?.geo.country ?? null })
    return signs
  }

  /** Whether the login shows where the worker was. */
  function isPlace({ address, geo, audited }: Login, contract: Contract | null, time: number): boolean {
    if (address !== null) return provesPlace(contract, address, geo, time)
    // A country alone does not show whether it is that of an approved exit.
    return audited && geo.country !== null && !contract?.approvedEgress?.length
  }

  /** True: within a day, the provider saw a managed device in the same network. The code host names no device. */
  function isAsOnLaptop({ day, what: { address } }: On<Login>): true | null {
    if (address === null) return null
    const network = networkOf(address)
    return [day - 1, day, day + 1].some((it) => ofOurs.has(`${it} ${network}`)) || null
  }

  /** The networks from which a managed device signed in, with the day. */
  function networksOfOurs(): ReadonlySet<string> {
    const found = new Set<string>()
    if (logins.some((it) => it.what.audited))
      for (const { day, what } of logins) {
        const device = what.deviceId === null ? null : world.deviceNamed(what.deviceId)
        if (what.address !== null && isManaged(what, device)) found.add(`${day} ${networkOf(what.address)}`)
      }
    return found
  }

  /** The laptops' addresses on the day, the one before and the one after. */
  function around(day: number): On<Stay>[] {
    return [day - 1, day, day + 1].flatMap((it) => staysOn.get(it) ?? [])
  }

  /** Null: nobody says. An id that the roster does not have is one of another device. */
  function isManaged({ managed, deviceId }: Login, device: string | null): boolean | null {
    if (device !== null) return true
    return managed ?? (deviceId === null ? null : false)
  }

  function isHidingExit(contract: Contract | null, { address, geo }: Login, time: number): boolean {
    if (address === null || !HIDING.has(geo.class) || approvedExit(contract, address, geo.asn, time)) return false
    return geo.class !== 'hosting' || !deps.isCompanyExit(networkOf(address))
  }

  /** The second factor was approved neither where the session is nor at home. A phone's provider proves no place. */
  function approvalSigns({ what, day, time }: On<Login>, known: Contract | null): Sign[] {
    const { approval, geo, managed } = what
    if (!approval || geo.country === null || approval.country === geo.country || approval.class === 'mobile') return []
    const contract = known ?? world.contractAt(worker, time)
    const homeCountry = contract?.country ?? usual
    if (homeCountry === null || approval.country === homeCountry) return []
    const notice = announced(world, worker, approval, time, limits.travelGraceHours * HOUR)
    const laptopCountry = laptopAt(time)?.geo.country ?? null
    const { country, class: network } = approval
    return [{ reason: 'approval', day, time, country, network, managed, notice, laptopCountry, audited: false }]
  }

  /** Not a phone, not ours, and the worker's laptop was off all day; nor a second computer that has long been there. */
  function isOnUnknownDevice(
    { day, time, what }: On<Login>,
    managed: boolean | null,
    contract: Contract | null,
  ): boolean {
    if (managed !== false || contract === null || familiar.has(what.deviceId ?? '')) return false
    const held = world.devicesOf(worker).some((it) => world.holderAt(it, time) === worker)
    return held && !awake.has(day) && daysSinceLaptop(day) !== null
  }

  /** Devices used for days on which the worker's laptop was in use too. */
  function familiarDevices(): ReadonlySet<string> {
    const days = new Map<string, Set<number>>()
    for (const { day, what } of logins) {
      if (!awake.has(day) || what.audited) continue
      const name = what.deviceId ?? ''
      days.set(name, (days.get(name) ?? new Set()).add(day))
    }
    return new Set([...days].filter(([, it]) => it.size >= limits.familiarDays).map(([name]) => name))
  }

  /** The laptop sends from a proven place in another country within an hour of the login. */
  function isElsewhere(device: string, time: number, country: string, near: readonly On<Stay>[]): boolean {
    const hour = Math.floor(time / HOUR)
    const isAwake = [hour - 1, hour, hour + 1].some(
      (it) => ((awake.get(Math.floor(it / 24))?.get(device) ?? 0) & (1 << (it % 24))) !== 0,
    )
    const theirs = near.filter((it) => it.what.device === device)
    const stay = laptopAt(time, device)
    if (!isAwake || !stay || stay.geo.country === country) return false
    return theirs.every((it) => it.what.geo.country !== country)
  }

  /** The last proven place of a laptop, while a session proves it. */
  function laptopAt(time: number, device?: string): Stay | null {
    const since = time - limits.placeHoldsHours * HOUR
    const last = around(Math.floor(time / DAY))
      .filter((it) => it.time <= time && it.time > since && (!device || it.what.device === device))
      .sort((a, b) => a.time - b.time || (a.what.address < b.what.address ? -1 : 1))
      .at(-1)
    return last && isProven(last, time) ? last.what : null
  }

  function isProven({ what }: On<Stay>, time: number): boolean {
    return provesPlace(world.contractAt(worker, time), what.address, what.geo, time)
  }

  function isAtHome(it: On<Stay>): boolean {
    const homeCountry = world.contractAt(worker, it.time)?.country ?? null
    return homeCountry !== null && it.what.geo.country === homeCountry && isProven(it, it.time)
  }

  function isLoginAtHome({ what, time }: On<Login>): boolean {
    const contract = world.contractAt(worker, time)
    return contract?.country != null && what.geo.country === contract.country && isPlace(what, contract, time)
  }

  /** Days since any laptop of the worker was last heard; null: never, within the history. */
  function daysSinceLaptop(day: number): number | null {
    const last = Math.max(...[...awake.keys()].filter((it) => it <= day && it > day - HISTORY_DAYS))
    return Number.isFinite(last) ? day - last : null
  }

  /** One for each day, reason, and country or class of exit. */
  function statements(): Statement[] {
    const found: Statement[] = []
    for (const [reason, ofReason] of Map.groupBy(signs, (it) => it.reason)) {
      // What a notice explains does not add to what it does not.
      const days = new Set(ofReason.filter((it) => !it.notice).map((it) => `${groupOf(it)} ${it.day}`))
      const byDay = Map.groupBy(ofReason, (it) => `${it.day} ${reason === 'country' ? it.country : groupOf(it)}`)
      for (const same of byDay.values()) {
        const [first] = same.sort((a, b) => a.time - b.time || Number(a.notice) - Number(b.notice))
        const { day, time, country, network, laptopCountry } = first!
        if (day < firstDay) continue
        const inWindow = (it: number) => it <= day && it > day - WINDOW_DAYS
        const count = [...Array(WINDOW_DAYS).keys()].filter((n) => days.has(`${groupOf(first!)} ${day - n}`)).length
        const homeDays = [...home].filter((it) => it <= day && it > day - HISTORY_DAYS)
        const contract = world.contractAt(worker, time)
        const provided = same.filter((it) => !it.audited)
        const isProvided = ofReason.some(
          (it) =>
            !it.audited && groupOf(it) === groupOf(first!) && it.day > day - WINDOW_DAYS && it.day <= day + AHEAD_DAYS,
        )
        found.push({
          about: { device: null, worker, time },
          key: [reason, reason === 'country' ? country : groupOf(first!)].join('|'),
          draft: {
            category: 'login_place',
            Reason: reason,
            ContractCountry: contract?.country ?? null,
            LoginCountry: country,
            LaptopCountry: laptopCountry,
            NetworkClass: network,
            // What the provider says of the device goes before the code host's silence.
            ManagedDevice: least((provided.length > 0 ? provided : same).map((it) => it.managed)),
            Days: same.every((it) => it.notice)
              ? [...new Set(same.map((it) => it.day))].filter(inWindow).length
              : count,
            HomeDays: homeDays.length,
            DaysSinceLaptop: daysSinceLaptop(day),
            TravelNotice: same.every((it) => it.notice),
            SeenBy: isProvided ? 'identity_provider' : 'code_host',
          },
        })
      }
    }
    return found
  }
}

/** What is counted together over the days: all foreign countries, each class of exit. */
function groupOf({ reason, network }: Sign): string {
  return reason === 'exit' ? network : reason
}

/** False when one was not managed; null when nobody says so of one; else true. */
function least(managed: readonly (boolean | null)[]): boolean | null {
  if (managed.includes(false)) return false
  return managed.includes(null) ? null : true
}

function mostFrequentCountry(stays: readonly On<Stay>[]): string | null {
  const days = new Map<string, Set<number>>()
  for (const { day, what } of stays) {
    const { country, class: cls } = what.geo
    if (country !== null && (cls === 'residential' || cls === 'mobile' || cls === 'unknown'))
      days.set(country, (days.get(country) ?? new Set()).add(day))
  }
  const [most] = [...days]
    .filter(([, it]) => it.size >= 3)
    .sort(([a, x], [b, y]) => y.size - x.size || (a < b ? -1 : 1))
  return most?.[0] ?? null
}
