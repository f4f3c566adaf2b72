/**
 * The clock and the network of a laptop over time. Its agent reports each when it changes, so the last report holds until
 * the next one.
 *
 * Memory  per laptop and holder four numbers for each router and clock of a day, and the last of earlier days.
 */
import type { Event } from '../../../wire/event.ts'
import { DAY, MINUTE } from '../../../wire/time.ts'
import { buckets, earliestAndLatest, type Fact } from './buckets.ts'
import { type Parts, Subjects } from './kept.ts'

/** A laptop in a new network connects before it reports the network, or after. */
const AROUND_MS = 10 * MINUTE

/** The laptop's clock and network at one time; null, empty: not known. */
export interface Setting {
  zone: string | null
  /** Minutes east of UTC. */
  offset: number | null
  /** Hashes of the router and of the access point. */
  network: readonly string[]
}

type Clock = [zone: string | null, offset: number | null]
/** The last report of each kind that is no longer kept by day. */
interface Before {
  network: [time: number, key: string] | null
  clock: [time: number, key: string] | null
}

export interface SettingBook {
  /** True when the event was news. */
  take(subject: string, time: number, event: Event | null): boolean
  /** Returns the setting between two times, epoch ms. */
  of(subject: string): (from: number, to: number) => Setting
  readonly kept: Parts
}

export function settingBook(keepMs: number): SettingBook {
  const before = new Subjects<Before>()
  const kept = { bucketMs: DAY, keepMs, width: 2, merge: earliestAndLatest }
  const networks = buckets({ ...kept, expired: (subject, fact) => remember(subject, 'network', fact) })
  const clocks = buckets({ ...kept, expired: (subject, fact) => remember(subject, 'clock', fact) })
  return {
    take(subject, time, event) {
      if (event?.category === 'network_place') {
        const hashes = [event.GatewayHash, event.BssidHash].filter((it) => it !== null)
        return hashes.length > 0 && networks.add(subject, time, JSON.stringify(hashes), [time, time])
      }
      if (event?.category !== 'clock_place' || (event.TimeZone === null && event.UtcOffsetMinutes === null))
        return false
      const clock: Clock = [event.TimeZone, event.UtcOffsetMinutes]
      return clocks.add(subject, time, JSON.stringify(clock), [time, time])
    },
    of(subject) {
      const [allNetworks, allClocks] = [networks.of(subject), clocks.of(subject)]
      const earlier = before.get(subject)
      return (from, to) => {
        const [clock] = inForce(allClocks, earlier?.clock, from, to)
        const [zone, offset] = clock === undefined ? [null, null] : (JSON.parse(clock) as Clock)
        const network = inForce(allNetworks, earlier?.network, from, to)
        return { zone, offset, network: [...new Set(network.flatMap((key) => JSON.parse(key) as string[]))].sort() }
      }
    },
    kept: { before, networks: networks.kept, clocks: clocks.kept },
  }

  function remember(subject: string, kind: keyof Before, { key, values: [, last] }: Fact): void {
    const known = before.ensure(subject, () => ({ network: null, clock: null }))
    const [time, other] = known[kind] ?? [Number.NEGATIVE_INFINITY, '']
    if (last! < time || (last === time && key >= other)) return
    known[kind] = [last!, key]
    before.touch(subject)
  }
}

/** The reports around that time, the latest first; without one, the last before it. */
function inForce(all: readonly Fact[], earlier: Before['network'] | undefined, from: number, to: number): string[] {
  const latest = all.toSorted((a, b) => b.values[1]! - a.values[1]! || (a.key < b.key ? -1 : 1))
  const around = latest.filter(({ values: [first, last] }) => last! >= from - AROUND_MS && first! <= to + AROUND_MS)
  if (around.length > 0) return around.map((it) => it.key)
  const past = latest.find(({ values: [, last] }) => last! < from)
  return past ? [past.key] : earlier ? [earlier[1]] : []
}
