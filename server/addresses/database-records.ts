/**
 * Reads a database's record in any of the common formats.
 *
 * Shape   MaxMind's nested (`country.iso_code`, `location.latitude`, `traits.…`), which DB-IP's own files share; IPinfo's
 *         flat (`country`, `loc` or `lat` and `lng` as text, `asn` 'AS123'); ip-location-db's flat (`country_code`,
 *         `state1`, `latitude`). The record shows whether it is nested or flat; the two flat formats use no field
 *         name with different meanings. Null: the record has no such data, so the database may be of another kind.
 * Units   degrees WGS 84; `accuracyKm` is the radius that the database gives, or null.
 * Errors  none: a field of a wrong type, not finite, out of range or too long becomes null and affects no other.
 * Source  dev.maxmind.com/geoip/docs/databases; ipinfo.io's database documentation; github.com/sapics/ip-location-db.
 */
import type { AddressFacts } from '../../wire/recording.ts'
import type { RangeClass } from './range-list.ts'

export type Place = Pick<AddressFacts, 'country' | 'region' | 'city' | 'lat' | 'lon'> & { accuracyKm: number | null }
export type System = { asn: number; asName: string | null }
export type Privacy = { class: RangeClass; because: string }

/** Half of the Earth's circumference: no location can be less certain. */
const MAX_KM = 20_038
const MAX_ASN = 4_294_967_295

/** The length of the wire's `name`. Plain checks, because zod took five times as long per address. */
const MAX_TEXT = 256

export function placeOf(record: unknown): Place | null {
  if (!isObject(record)) return null
  const place = isObject(record.country) || isObject(record.location) ? nestedPlace(record) : flatPlace(record)
  return place.country === null && place.lat === null ? null : place
}

function nestedPlace({ country, subdivisions, city, location }: Fields): Place {
  const { latitude, longitude, accuracy_radius } = fieldsOf(location)
  return {
    country: code(fieldsOf(country).iso_code),
    region: Array.isArray(subdivisions) ? englishName(subdivisions[0]) : null,
    city: englishName(city),
    ...point(number(latitude, -90, 90), number(longitude, -180, 180)),
    accuracyKm: number(accuracy_radius, 0, MAX_KM),
  }
}

function englishName(it: unknown): string | null {
  return text(fieldsOf(fieldsOf(it).names).en)
}

function flatPlace(record: Fields): Place {
  const [lat, lon] = typeof record.loc === 'string' && record.loc.length < 64 ? record.loc.split(',') : []
  return {
    // IPinfo's smaller files have the country's name in `country`, and its code in `country_code`.
    country: code(record.country_code) ?? code(record.country),
    region: text(record.region) ?? text(record.state1),
    city: text(record.city),
    ...point(
      number(record.latitude ?? record.lat ?? lat, -90, 90),
      number(record.longitude ?? record.lng ?? lon, -180, 180),
    ),
    accuracyKm: number(record.radius, 0, MAX_KM),
  }
}

/** Half a point is no point. */
function point(lat: number | null, lon: number | null): Pick<Place, 'lat' | 'lon'> {
  return lat === null || lon === null ? { lat: null, lon: null } : { lat, lon }
}

export function systemOf(record: unknown): System | null {
  if (!isObject(record)) return null
  const it = isObject(record.traits) ? record.traits : record
  const digits = typeof it.asn === 'string' ? /^AS(\d{1,10})$/i.exec(it.asn)?.[1] : undefined
  const asn = number(it.autonomous_system_number ?? digits, 1, MAX_ASN)
  if (asn === null || !Number.isInteger(asn)) return null
  return { asn, asName: text(it.autonomous_system_organization) ?? text(it.as_name) ?? text(it.name) }
}

/**
 * The vendors' names for each class, strongest first. A residential or public proxy hides the user's place as a VPN
 * does, and has no class of its own. IPinfo's relay keeps the user's region, as Apple's does.
 */
const PRIVACY: readonly { class: RangeClass; because: string; keys: readonly string[] }[] = [
  { class: 'tor', because: 'Tor exit', keys: ['is_tor_exit_node', 'is_tor', 'tor'] },
  { class: 'private_relay', because: 'relay', keys: ['is_relay', 'relay'] },
  {
    class: 'vpn',
    because: 'residential proxy',
    keys: ['is_residential_proxy', 'is_res_proxy', 'residential_proxy', 'res_proxy'],
  },
  { class: 'vpn', because: 'VPN', keys: ['is_anonymous_vpn', 'is_vpn', 'vpn'] },
  { class: 'vpn', because: 'public proxy', keys: ['is_public_proxy', 'is_proxy', 'proxy'] },
  { class: 'hosting', because: 'hosting', keys: ['is_hosting_provider', 'is_hosting', 'hosting'] },
]
const PRIVACY_KEYS = new Set(['is_anonymous', ...PRIVACY.flatMap((it) => it.keys)])

/** What the address hides; 'nothing' where the record has privacy fields and none of our flags is set. */
export function privacyOf(record: unknown): Privacy | 'nothing' | null {
  if (!isObject(record)) return null
  const flags = isObject(record.traits) ? record.traits : record
  if (!Object.keys(flags).some((key) => PRIVACY_KEYS.has(key))) return null
  const found = PRIVACY.find(({ keys }) => keys.some((key) => flags[key] === true || flags[key] === 'true'))
  return found ? { class: found.class, because: found.because } : 'nothing'
}

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {}
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT ? value : null
}

function code(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Z]{2}$/.test(value) ? value : null
}

/** A number, or decimal text; '' is null. */
function number(value: unknown, least: number, most: number): number | null {
  const plain = typeof value === 'string' && value.length < 32 && /^-?\d+(\.\d+)?$/.test(value.trim())
  const found = plain ? Number(value) : value
  return typeof found === 'number' && found >= least && found <= most ? found : null
}
