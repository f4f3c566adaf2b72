/**
 * The places of a laptop during a day, and the exit through which the server sees it.
 *
 * Source  assumed: 3 % of working days have an afternoon in a café, 2 % an hour behind a telephone.
 */
import { throughSase } from './company-tools.ts'
import { dateOf, localAt, type Person, type Place, type Run, type Span } from './person.ts'
import { below, type Random } from './random.ts'
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

const leases = new WeakMap<Site, { nth: number; site: Site }>()

/**
 * Consumers' addresses change now and then: a lease of 20 to 200 days (assumed). A scene's own sites keep their
 * address.
 */
function leased(run: Run, site: Site, day: number): Site {
  const nth = site.leaseDays === null ? 0 : Math.floor((day + site.leaseDays / 3) / site.leaseDays)
  if (nth === 0) return site
  const before = leases.get(site)
  if (before?.nth === nth) return before.site
  const exit = exitAt(run.seed, site.city, `${site.kind} ${site.name} ${nth}`, site.exit.geo.class)
  const fresh = { ...site, exit: { ...exit, lastMileMs: site.exit.lastMileMs, jitterMs: site.exit.jitterMs } }
  leases.set(site, { nth, site: fresh })
  return fresh
}
