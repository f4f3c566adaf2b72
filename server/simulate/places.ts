/**
 * The places of a laptop during a day, and the exit through which the server sees it.
 *
 * Source  assumed: 3 % of working days have an afternoon in a café, 2 % an hour behind a telephone.
 */
import { throughSase } from './company-tools.ts'
import { dateOf, localAt, type Person, type Place, type Run, type Span } from './person.ts'
import { below, chance, type Random, stream } from './random.ts'
import { exitAt, type Site, siteAt } from './sites.ts'
import type { Script } from './stage.ts'

const HOUR = 3_600_000

/** From coarse to fine: later entries override earlier ones. */
export function placesOf(
  run: Run,
  person: Person,
  day: number,
  working: boolean,
  script: Script,
  random: Random,
): Place[] {
  const all = { from: localAt(run, person, day, 0), to: localAt(run, person, day, 1_440) + 12 * HOUR }
  const part = (from: number, to: number): Span => ({ from: all.from + from * HOUR, to: all.from + to * HOUR })
  const trip = person.lively && person.trips.find((it) => it.from <= day && day <= it.to)
  const weekday = new Date(dateOf(run, day)).getUTCDay()
  const places: Place[] = []
  const add = (span: Span, site: Site) => places.push({ ...span, site, exit: site.exit, tunnelled: false })
  add(all, leased(run, person.home, day))
  const drawn = random()
  const elsewhere = random()
  if (trip) add(all, trip.site)
  else if (person.lively && working) {
    if (person.office && person.officeDays.includes(weekday)) add(part(5, 18), person.office)
    else if (drawn < 0.03) add(part(12, 17), siteAt(run.seed, 'public', person.claimed, `café ${below(random, 40)}`))
    else if (drawn < 0.05) {
      const from = 8 + 8 * elsewhere
      add(part(from, from + 1 + elsewhere), siteAt(run.seed, 'mobile', person.claimed, `${person.worker} ${day}`))
    }
  }
  if (person.tunnel) {
    for (const place of places)
      if (place.site.kind !== 'office') Object.assign(place, { exit: person.tunnel, tunnelled: true })
  }
  for (const it of script.sits) add(it, it.site)
  const seen = throughSase(run, person, day, places)
  for (const it of script.tunnels) {
    const site = placeAt(seen, it.from)?.site ?? person.home
    seen.push({ ...it, site, tunnelled: true })
  }
  return seen
}

export function placeAt(places: readonly Place[], time: number): Place | undefined {
  for (let at = places.length - 1; at >= 0; at--) {
    const place = places[at]!
    if (place.from <= time && time < place.to) return place
  }
  return undefined
}

const leases = new WeakMap<Site, { nth: number; month: number; site: Site }>()

/**
 * Consumers' addresses change now and then: a lease of 20 to 200 days. And once a month there is a new edition of the
 * address database, which moves one line in 25 to where it may err anew (both assumed). A scene's own sites keep address
 * and place.
 */
function leased(run: Run, site: Site, day: number): Site {
  if (site.leaseDays === null) return site
  const nth = Math.floor((day + site.leaseDays / 3) / site.leaseDays)
  const month = monthsSince(run.start, dateOf(run, day))
  if (nth === 0 && month === 0) return site
  const before = leases.get(site)
  if (before?.nth === nth && before.month === month) return before.site
  const { kind, name, city, exit: first } = site
  const named = (name: string) => exitAt(run.seed, city, name, first.geo.class)
  const line = nth === 0 ? first : named(`${kind} ${name} ${nth}`)
  const moved = Array.from({ length: month }, (_, at) => at + 1).findLast((at) =>
    chance(stream(run.seed, 'edition', kind, city.city, name, at), 1 / 25),
  )
  const place = moved === undefined ? line : named(`${kind} ${name} edition ${moved}`)
  const { asn, asName } = line.geo
  const exit = { ...line, geo: { ...place.geo, asn, asName } }
  const fresh = { ...site, exit: { ...exit, lastMileMs: first.lastMileMs, jitterMs: first.jitterMs } }
  leases.set(site, { nth, month, site: fresh })
  return fresh
}

function monthsSince(from: number, to: number): number {
  const month = (at: number) => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth()
  return Math.max(0, month(to) - month(from))
}
