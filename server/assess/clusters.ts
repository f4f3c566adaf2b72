/**
 * Clusters: workers who share keys that unrelated people do not share, such as a farm (P4, P5, P16, P17).
 *
 * Shape   workers joined, directly or indirectly, by findings of strength 3 or 4 on `shared_key` events that still
 *         carry weight. A cluster has the highest band of its workers; with three or more workers it is critical when a
 *         key is near-conclusive by itself, or keys of two kinds agree.
 *         In order of band, size, key.
 */
import { DAY } from '../../wire/time.ts'
import { BANDS, type Band, type Cluster } from '../model/assessment.ts'
import type { Finding } from '../model/finding.ts'

const FARM_FROM = 3
const MAX_AGE_DAYS = 60

/** Whether a finding can join its worker with others. */
export function linksPeople({ worker, strength, events }: Finding): boolean {
  return worker !== null && strength >= 3 && events.some((it) => it.category === 'shared_key')
}

type SharedKey = Cluster['keys'][number] & { rarity: number }

export function clusters(
  findings: readonly Finding[],
  bandOf: (worker: string) => { band: Band; points: number },
  now: number,
): Cluster[] {
  const keys = sharedKeys(findings, now)
  const groupOf = new Map<string, { workers: string[]; keys: SharedKey[] }>()
  for (const key of keys) {
    const joined = new Set(key.workers.flatMap((it) => groupOf.get(it) ?? []))
    const group = {
      workers: [...new Set([...[...joined].flatMap((it) => it.workers), ...key.workers])],
      keys: [...[...joined].flatMap((it) => it.keys), key],
    }
    for (const it of group.workers) groupOf.set(it, group)
  }
  return [...new Set(groupOf.values())].map(({ workers, keys }) => clusterOf(workers.sort(), keys)).sort(byUrgency)

  function clusterOf(workers: string[], keys: SharedKey[]): Cluster {
    const [first] = keys.sort(
      (a, b) =>
        b.strength - a.strength ||
        b.workers.length - a.workers.length ||
        KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
        (a.key < b.key ? -1 : 1),
    )
    const assessments = workers.map(bandOf)
    const highest = assessments.reduce((top, it) => Math.max(top, BANDS.indexOf(it.band)), 0)
    return {
      key: first!.key,
      kind: first!.kind,
      workers,
      band: workers.length >= FARM_FROM && isFarm(keys) ? 'critical' : BANDS[highest]!,
      points: Math.max(...assessments.map((it) => it.points)),
      keys: keys.map(({ rarity: _, ...it }) => it),
    }
  }
}

function isFarm(keys: readonly SharedKey[]): boolean {
  return keys.some((it) => it.strength === 4) || new Set(keys.map((it) => it.kind)).size > 1
}

/** Among keys of equal weight, the kind that people understand best comes first. */
const KINDS = ['uplink', 'gateway', 'bssid', 'controller', 'mfa_device', 'login_address', 'edid', 'usb_serial']

function sharedKeys(findings: readonly Finding[], now: number): SharedKey[] {
  const by = new Map<string, SharedKey>()
  for (const { events, worker, strength, lastTime, halfLifeDays } of findings) {
    const age = halfLifeDays === null ? 0 : (now - lastTime) / DAY
    if (worker === null || strength < 3 || age > Math.min(MAX_AGE_DAYS, 2 * (halfLifeDays ?? 1))) continue
    for (const event of events) {
      if (event.category !== 'shared_key') continue
      const known = by.get(event.KeyHash) ?? {
        key: event.KeyHash,
        kind: event.KeyKind,
        workers: [],
        days: 0,
        strength,
        rarity: event.Rarity,
      }
      by.set(event.KeyHash, {
        ...known,
        workers: [...new Set([...known.workers, worker])].sort(),
        days: Math.max(known.days, event.Days),
        strength: Math.max(known.strength, strength),
      })
    }
  }
  return [...by.values()].filter((it) => it.workers.length > 1).sort((a, b) => (a.key < b.key ? -1 : 1))
}

function byUrgency(a: Cluster, b: Cluster): number {
  const band = BANDS.indexOf(b.band) - BANDS.indexOf(a.band)
  return band || b.workers.length - a.workers.length || (a.key < b.key ? -1 : 1)
}
