/**
 * Countries by code and by English name.
 *
 * Source  the names of ISO 3166-1 alpha-2 codes in Unicode's CLDR, which comes with Node, and the few spellings below
 *         that are common and missing in CLDR.
 */
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

/** Codes with names in CLDR that are not countries: groups, pseudo codes and 'unknown'. */
const NO_COUNTRIES = new Set(['EU', 'EZ', 'UN', 'QO', 'XA', 'XB', 'ZZ'])

const CODES = countryCodes()
const BY_NAME = namesOf(CODES)
const NAMES_BY_LENGTH = Map.groupBy(BY_NAME.keys(), (name) => name.length)

function countryCodes(): ReadonlySet<CountryCode> {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  const pairs = letters.flatMap((first) => letters.map((second) => first + second))
  // A locale replaces a retired code (DD, SU, UK) by its successor.
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

/** The code for a code or name; if there is none, null and the code of the most similar name. */
export function countryCode(text: string): { code: CountryCode | null; nearest: CountryCode | null } {
  if (CODES.has(text.toUpperCase())) return { code: text.toUpperCase(), nearest: null }
  if (text.length > LONGEST) return { code: null, nearest: null }
  const name = plain(text)
  const code = BY_NAME.get(name)
  if (code) return { code, nearest: null }
  const meant = nearestName(name)
  return { code: null, nearest: meant && BY_NAME.get(meant)! }
}

/** No name is longer than this, even when misspelt. */
const LONGEST = 64

/**
 * The name with the fewest edits, two at most. A roster can have an unknown country in each of 100,000 rows, so only
 * names of about the same length are compared, and a comparison stops as soon as it exceeds the limit.
 */
function nearestName(name: string): string | null {
  let best: string | null = null
  let most = Math.min(2, Math.ceil(name.length / 2) - 1)
  const row = new Uint8Array(LONGEST + 3)
  for (const difference of [0, -1, 1, -2, 2]) {
    if (Math.abs(difference) > most) break
    for (const candidate of NAMES_BY_LENGTH.get(name.length + difference) ?? []) {
      const edits = editsUpTo(most, name, candidate, row)
      if (edits > most) continue
      best = candidate
      most = edits - 1
    }
  }
  return best
}

/**
 * The number of edits from `a` to `b` (Levenshtein), or any number above `most` when it takes more. Only cells within
 * `most` of the diagonal are computed. `row` is scratch space, longer than `b`.
 */
function editsUpTo(most: number, a: string, b: string, row: Uint8Array): number {
  for (let j = 0; j <= b.length; j++) row[j] = j
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - most)
    const to = Math.min(b.length, i + most)
    const letter = a.charCodeAt(i - 1)
    let diagonal = row[from - 1]!
    row[from - 1] = from === 1 ? i : most + 1
    let least = row[from - 1]!
    for (let j = from; j <= to; j++) {
      const above = j < i + most ? row[j]! : most + 1
      const edits = letter === b.charCodeAt(j - 1) ? diagonal : 1 + Math.min(diagonal, above, row[j - 1]!)
      diagonal = row[j]!
      row[j] = edits
      if (edits < least) least = edits
    }
    if (least > most) return least
  }
  return row[b.length]!
}
