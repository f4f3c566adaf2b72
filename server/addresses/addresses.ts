/**
 * What the databases and the imported range lists say about an address.
 *
 * Shape   place: from the user's own city database, else from DB-IP's, else the country alone from the fallback; never
 *         a mixture. ASN: from the user's own database, else from the ASN table. Class: from the range
 *         lists and the user's privacy database, whichever names the stronger class, else from the catalogue's
 *         entry for the ASN, else 'unknown': never a guess.
 *         An imported geofeed's place stands beside the database's; a satellite provider's replaces it, without a city:
 *         its exits may be in another country than its customers.
 *         An address that is not public (private, loopback, documentation) has no place, and only a list
 *         of class 'corporate' may classify it. Carrier-grade NAT has `by` 'cgnat'.
 * Units   degrees WGS 84; `accuracyKm` is null where the database has none, as DB-IP's.
 * Errors  a missing database gives nulls and one warning that says what to install.
 */
import type { NetworkClass } from '../../wire/events/derived.ts'
import type { AddressFacts } from '../../wire/recording.ts'
import type { Privacy } from './database-records.ts'
import { type GeofeedFacts, Geofeeds } from './geofeeds.ts'
import { installedFolder, NO_SYSTEM, NOWHERE, openInstalled, type PackageFolder } from './installed.ts'
import { type DatabaseFacts, type GeoipFiles, openOwnDatabases } from './own-databases.ts'
import { RANGE_CLASSES, type RangeListFacts } from './range-list.ts'
import { ageDays, Ranges, STALE_DAYS } from './ranges.ts'
import { parseAddress } from './table.ts'

export interface Addresses {
  /** `at` epoch ms: when the address was seen. For a list that was stale by then, `by` has its age. */
  lookup(address: string, at: number): AddressFacts
  /**
   * Looks for changed range lists and user databases; true when something changed. An unchanged file costs a stat; a
   * large one is read without blocking, and its previous edition answers in the meantime.
   */
  reload(): Promise<boolean>
  /** Reads the installed databases without blocking. Otherwise the first look-up per IP version blocks for 0.3 s. */
  preload(): Promise<void>
  /** Range lists, then geofeeds. */
  lists(): (RangeListFacts | GeofeedFacts)[]
  /** The user's own come first. */
  databases(): DatabaseFacts[]
  /** User files that cannot be used, each with what to do. */
  problems(): string[]
  /** The problems, and the databases that are not installed. */
  warnings(): string[]
}

export interface AddressSources {
  /** Where `tellwire feeds import` puts its lists. */
  rangesFolder: string
  /** What the catalogue knows of an ASN, or null. */
  catalogueAsnClass(asn: number): NetworkClass | null
  /** The user's own databases, where there are any. */
  geoip?: GeoipFiles
  /** The folder of an installed package, or null. Tests pass their own. */
  packageFolder?: PackageFolder
}

export async function openAddresses(sources: AddressSources): Promise<Addresses> {
  const { packageFolder = installedFolder } = sources
  const ranges = await Ranges.open(sources.rangesFolder)
  const geofeeds = new Geofeeds(sources.rangesFolder)
  await geofeeds.reload()
  const own = await openOwnDatabases(sources.geoip ?? { cityFile: null, asnFile: null, privacyFile: null })
  const installed = openInstalled(packageFolder)
  let reloading: Promise<boolean> | null = null
  const problems = () => [...own.problems(), ...ranges.problems(), ...geofeeds.problems()]
  return {
    lookup: (text, at) => {
      const address = parseAddress(text)
      if (address?.block !== 'unicast') {
        const corporate = address && ranges.classOf(address, 'corporate')
        const by = address?.block === 'carrierGradeNat' ? 'cgnat' : (address?.block ?? null)
        return { ...NOWHERE, ...NO_SYSTEM, ...(corporate ? byList(corporate, at) : { class: 'unknown', by }) }
      }
      const system = own.system(address) ?? installed.system(address)
      return withGeofeed(
        {
          ...(own.place(address) ?? installed.place(address)),
          ...system,
          ...(named(ranges.classOf(address), own.privacy(address), at) ?? classOf(system)),
        },
        geofeeds.find(address),
      )
    },
    // A second call joins the running one, so that nothing is read twice.
    reload: () => (reloading ??= reload().finally(() => (reloading = null))),
    preload: installed.preload,
    lists: () => [...ranges.lists(), ...geofeeds.lists()],
    databases: () => [...own.facts(), ...installed.facts()],
    problems,
    warnings: () => [...installed.warnings(), ...problems()],
  }

  async function reload(): Promise<boolean> {
    const changed = [await ranges.reload(), await geofeeds.reload(), await own.reload()]
    return changed.includes(true)
  }

  function classOf({ asn }: Pick<AddressFacts, 'asn'>): { class: NetworkClass; by: string | null } {
    const known = asn === null ? null : sources.catalogueAsnClass(asn)
    return known ? { class: known, by: 'asn' } : { class: 'unknown', by: null }
  }
}

/** A satellite provider's exit is where its geofeed says; of any other network it is a second opinion. */
function withGeofeed(facts: AddressFacts, geofeed: AddressFacts['geofeed']): AddressFacts {
  if (!geofeed) return facts
  if (facts.class !== 'satellite' || geofeed.country === null) return { ...facts, geofeed }
  const { country } = geofeed
  return { ...facts, geofeed, country, region: null, city: null, lat: null, lon: null, accuracyKm: null }
}

/** The stronger of the list's class and the privacy database's; the list where they agree. */
function named(
  list: RangeListFacts | null,
  privacy: (Privacy & { by: string }) | null,
  at: number,
): { class: NetworkClass; by: string } | null {
  const rank = (it: { class: RangeListFacts['class'] }) => RANGE_CLASSES.indexOf(it.class)
  if (privacy && (!list || rank(privacy) < rank(list))) return { class: privacy.class, by: privacy.by }
  return list && byList(list, at)
}

function byList(list: RangeListFacts, at: number): { class: NetworkClass; by: string } {
  const age = ageDays(list.date, at)
  return { class: list.class, by: `range:${list.name} ${list.date}${age > STALE_DAYS ? ` (${age} days old)` : ''}` }
}
