/**
 * Countries by code and by English name.
 *
 * Source  the names that Unicode's CLDR, which comes with Node, gives to the ISO 3166-1 alpha-2 codes; and the few
 *         spellings below that people write and CLDR does not have.
 */
import { nearest } from '../../rules/language/refusal.ts'

export type CountryCode = string

const SPELLINGS: Record<string, CountryCode> = {
  usa: 'US',
  'united states of america': 'US',
  uk: 'GB',
  'great britain': 'GB',
  uae: 'AE',
  'republic of korea': 'KR',
  'korea, republic of': 'KR',
  'russian federation': 'RU',
  'viet nam': 'VN',
  'czech republic': 'CZ',
  turkey: 'TR',
  holland: 'NL',
}

/** CLDR names these too, and they are no countries: groups, pseudo codes and 'unknown'. */
const NO_COUNTRIES = new Set(['EU', 'EZ', 'UN', 'QO', 'XA', 'XB', 'ZZ'])

const CODES = countryCodes()
const BY_NAME = namesOf(CODES)

function countryCodes(): ReadonlySet<CountryCode> {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  const pairs = letters.flatMap((first) => letters.map((second) => first + second))
  // A locale gives a retired code (DD, SU, UK) its successor.
  const current = (code: string) => new Intl.Locale(`und-${code}`).region === code
  return new Set(pairs.filter((code) => !NO_COUNTRIES.has(code) && names.of(code) !== undefined && current(code)))
}

function namesOf(codes: Iterable<CountryCode>): ReadonlyMap<string, CountryCode> {
  const long = new Intl.DisplayNames(['en'], { type: 'region' })
  const short = new Intl.DisplayNames(['en'], { type: 'region', style: 'short' })
  const names = [...codes].flatMap((code) => [long, short].map((it): [string, string] => [plain(it.of(code)!), code]))
  return new Map([...names, ...Object.entries(SPELLINGS)])
}

/** Without case, accents, full stops and 'the'. */
function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}|\./gu, '')
    .toLowerCase()
    .replace(/^the /, '')
    .replaceAll('&', 'and')
    .replaceAll('’', "'")
    .trim()
}

export function isCountryCode(code: string): boolean {
  return CODES.has(code)
}

/** The code of a code or a name; null with the code of the name that was probably meant. */
export function countryCode(text: string): { code: CountryCode | null; nearest: string | null } {
  if (CODES.has(text.toUpperCase())) return { code: text.toUpperCase(), nearest: null }
  const code = BY_NAME.get(plain(text))
  if (code) return { code, nearest: null }
  const meant = nearest(plain(text), BY_NAME.keys())
  return { code: null, nearest: meant && BY_NAME.get(meant)! }
}
