/** How much it means that some workers share a key: whether they have fixed places, and whether a second key agrees. */
import { DAY, HOUR } from '../../../../wire/time.ts'
import type { World } from '../../kit/world.ts'
import type { HeldKeys } from './held-keys.ts'
import type { Days } from './holder.ts'
import { type KeyKind, kindOf, PLACE_KINDS } from './keys.ts'

export interface RarityLimits {
  windowDays: number
  rareUpTo: number
  roamingShare: number
  settledDays: number
}

export interface Rarity {
  /** 0 to 1: for a place the share of workers who are never elsewhere; for a thing it falls with their number. */
  of(kind: KeyKind, workers: readonly string[], time: number): number
  /**
   * Whether the worker's laptops were also in other networks, by an hour after `time`; null: seen on too few days. Where somebody goes
   * later that day does not take back what was true then.
   */
  roams(worker: string, time: number): boolean | null
  /**
   * True: one of the others also shares a key of a second kind. False: all of them have another. Null: unknown. Of an
   * authenticator false means that each of them has one of their own, which they use at least as often (N34).
   */
  isCorroborated(key: string, worker: string, others: readonly string[], day: number): boolean | null
  /** Keys or holders have changed, or will. */
  clearCache(): void
}

/** A laptop that arrives somewhere reports its network within an hour. */
const WITHIN = HOUR

/** A worker's use of one key within the window. */
interface Use {
  /** Days of each laptop before the last day. */
  before: number
  /** Of each laptop that had it on the last day: when first. */
  today: number[]
}

export function rarity(limits: RarityLimits, world: World, held: HeldKeys): Rarity {
  /** By worker, kind and day: the workers of one key are compared each with each other. */
  const known = new Map<string, ReadonlyMap<string, Use>>()
  return {
    of(kind, workers, time) {
      const few = Math.min(1, limits.rareUpTo / workers.length)
      const settled = workers.filter((it) => roams(it, time) === false).length / workers.length
      // A carrier's address that its customers share (N37): nothing but the number of them tells it from a farm.
      if (kind === 'login_address') return few * settled
      if (PLACE_KINDS.has(kind)) return settled
      // Things on the desks of an office (N10) are shared by people who do not move between networks.
      if (kind !== 'edid' && kind !== 'usb_serial') return few
      return few * (workers.filter((it) => roams(it, time) !== true).length / workers.length)
    },
    roams,
    isCorroborated(key, worker, others, day) {
      const kind = kindOf(key)
      let allDiffer = kind === 'mfa_device' && [worker, ...others].every((it) => hasOwn(it, key, day))
      for (const second of secondKinds(kind)) {
        const own = keysOf(worker, second, day)
        if (own.size === 0) continue
        const theirs = others.map((it) => keysOf(it, second, day))
        if (theirs.some((it) => [...it.keys()].some((key) => own.has(key)))) return true
        // Different addresses prove nothing: each may use a VPN of its own. Nor do different authenticators.
        if (kind === 'mfa_device' || second === 'mfa_device') continue
        if (second !== 'uplink' && theirs.every((it) => it.size > 0)) allDiffer = true
      }
      return allDiffer ? false : null
    },
    clearCache: () => known.clear(),
  }

  /** Whether the worker has an authenticator that nobody else has, and uses it on at least as many days. */
  function hasOwn(worker: string, shared: string, day: number): boolean {
    const own = keysOf(worker, 'mfa_device', day)
    const times = daysOf(own.get(shared))
    return [...own].some(([key, use]) => key !== shared && daysOf(use) >= times && held.holdersOf(key).size === 1)
  }

  function roams(worker: string, time: number): boolean | null {
    const day = Math.floor(time / DAY)
    const countsOf = (kind: KeyKind) =>
      [...keysOf(worker, kind, day).values()]
        .map(({ before, today }) => before + today.filter((it) => it <= time + WITHIN).length)
        .filter((it) => it > 0)
    const gateways = countsOf('gateway')
    const uplinks = gateways.length > 0 ? gateways : countsOf('uplink')
    // Somebody without a laptop of ours: where the account was used.
    const counts = uplinks.length > 0 ? uplinks : countsOf('login_address')
    const total = counts.reduce((sum, it) => sum + it, 0)
    if (counts.length === 0 || total < limits.settledDays) return null
    return 1 - Math.max(...counts) / total >= limits.roamingShare
  }

  /** The worker's keys of one kind within the window. */
  function keysOf(worker: string, kind: KeyKind, day: number): ReadonlyMap<string, Use> {
    const name = `${kind} ${day} ${worker}`
    const used = known.get(name) ?? counted(worker, kind, day)
    known.set(name, used)
    return used
  }

  function counted(worker: string, kind: KeyKind, day: number): Map<string, Use> {
    const found = new Map<string, Use>()
    for (const [key, days] of held.of(`worker ${worker}`)) if (key.startsWith(`${kind} `)) add(key, days)
    for (const device of world.devicesOf(worker))
      for (const [key, days] of held.of(device))
        if (key.startsWith(`${kind} `)) add(key, days, (time) => world.holderAt(device, time) === worker)
    return found

    function add(key: string, days: Days, isTheirs: (time: number) => boolean = () => true): void {
      const use = found.get(key) ?? { before: 0, today: [] }
      for (const [it, time] of days) {
        if (it > day || it <= day - limits.windowDays || !isTheirs(time)) continue
        if (it < day) use.before++
        else use.today.push(time)
      }
      if (daysOf(use) > 0) found.set(key, use)
    }
  }
}

function daysOf(use: Use | undefined): number {
  return use ? use.before + use.today.length : 0
}

function secondKinds(kind: KeyKind): KeyKind[] {
  if (kind === 'login_address') return ['mfa_device']
  if (kind === 'uplink') return ['gateway', 'bssid']
  return kind === 'gateway' ? ['uplink', 'bssid'] : ['gateway', 'uplink']
}
