/**
 * What the title and the sentence of a rule claim, against what its condition checks.
 *
 * Shape   a claim is words, and the fields or numbers of which the condition must read one. Of a correlation, each way
 *         in which it can fire must have a rule that does; words with 'or' claim only one of them.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Expression } from '../../rules/language/expression.ts'
import { canHold, fieldsIn, type LoadedCorrelation, type LoadedRule, load } from '../../rules/language/index.ts'
import { readRuleFiles } from '../../rules/tooling/load.ts'
import { DAY, HOUR, MINUTE } from '../../wire/time.ts'

type Any = LoadedRule | LoadedCorrelation

/** The fields, or the category, that show what the words say: 'tool.Approved', 'Contract.country', 'silence'. */
const CLAIMS: readonly { words: RegExp; shownBy: RegExp }[] = [
  {
    words: /\b(another|other|three|many) countr(y|ies)\b|\babroad\b/i,
    shownBy: /Country$|^Contract\.country$|\.Abroad$|^login_place\.Reason$/,
  },
  { words: /\b(sits|used|used on .*), elsewhere\b/i, shownBy: /Country$|DistanceKm$/ },
  { words: /\b(part of the world|part of the country)\b/i, shownBy: /TimeZone$|Country$/ },
  { words: /\bjourney\b/i, shownBy: /TravelNotice$/ },
  { words: /\bsilent\b|\bsilence\b/i, shownBy: /^silence$/ },
  { words: /\b(is|was) off\b/i, shownBy: /^silence\.Announced$|^login_place\.Reason$/ },
  { words: /\bsame hour\b/i, shownBy: /RepeatsAtHour$/ },
  { words: /\bneither sleep nor shutdown\b|\bwithout a word\b/i, shownBy: /Announced$/ },
  {
    words: /\bwhile (its|the|their) (worker|account)\b|\bin use elsewhere\b/i,
    shownBy: /ActiveElsewhere$|LaptopCountry$|^login_place\.Reason$/,
  },
  { words: /\brenamed\b/i, shownBy: /\.Renamed$|OriginalFileName$/ },
  {
    words: /\bnobody approved\b|\bnot approve\b|\bunapproved\b/i,
    shownBy: /\.Approved$|^(slow_evidence\.Metric|login_place\.Reason)$/,
  },
  { words: /\bunattended\b|\b(nobody is|without anybody) at the laptop\b/i, shownBy: /\.Unattended$/ },
  { words: /\bcame back\b|\bremoved from it\b|\bremoval\b/i, shownBy: /DaysSinceRemoval$/ },
  { words: /\bnew laptop\b|\blaptop's first\b|\bfirst start\b/i, shownBy: /DaysSinceFirstBoot$/ },
  { words: /\bfirst month\b|\bnewcomer\b|\bnew worker\b/i, shownBy: /DaysSinceStart$/ },
  { words: /\blid\b|\b(is|that is) shut\b/i, shownBy: /LidClosed$/ },
  { words: /\bmains\b|, plugged in\b/i, shownBy: /OnBattery$/ },
  { words: /\brestarted\b/i, shownBy: /UptimeSeconds$/ },
  { words: /\bnever idle\b|\blongest pause\b/i, shownBy: /LongestIdleSeconds$/ },
  { words: /\bat night\b|\boutside the contract's hours\b/i, shownBy: /OffHoursShare$/ },
  { words: /\bvirtual machine\b/i, shownBy: /\.Virtual$|^identity_conflict\.Reason$/ },
  { words: /\bone home's\b/i, shownBy: /^shared_key\.NetworkClass$/ },
  {
    words: /\brouter\b(?!.*\bVPN\b)(?<!\bVPN\b.*)/i,
    shownBy: /^shared_key\.(Corroborated|KeyKind)$|WitnessesAgainst$/,
  },
  { words: /\bnever (anywhere else|leaves it|moves)\b/i, shownBy: /\.Roams$|LidClosed$/ },
  { words: /\b(several|two|three) workers\b|\bother workers'/i, shownBy: /\.Workers$/ },
  { words: /\bnot (ours|managed)\b/i, shownBy: /ManagedDevice$|^(slow_evidence\.Metric|login_place\.Reason)$/ },
  { words: /\bwith a password\b/i, shownBy: /Encrypted$|^slow_evidence\.Metric$/ },
  {
    words: /\boutside the organisation\b|\bplace outside\b/i,
    shownBy: /InsideOrganisation$|^code_destination\.Inside$/,
  },
  { words: /\bother teams?\b|\banother team\b/i, shownBy: /OutsideTeam$|^slow_evidence\.Metric$/ },
  { words: /\bthan usual\b|\busual for\b/i, shownBy: /^volume_anomaly$/ },
  { words: /\bpeers\b|\banybody else takes\b/i, shownBy: /^volume_anomaly\.Metric$/ },
  { words: /\bremovable disk\b/i, shownBy: /RootKind$|\.Metric$|process_creation\.Image$/ },
  { words: /\bsync folders?\b/i, shownBy: /RootKind$|\.Metric$/ },
  { words: /\bphone\b(?! emulator)/i, shownBy: /\.Mobile$|ToolCategory$/ },
  {
    words: /\bround trips?\b|\banswers take\b/i,
    shownBy: /^rtt_(excess|change)|^slow_evidence\.Metric$|WitnessesAgainst$/,
  },
  { words: /\bnever where the contract says\b/i, shownBy: /DaysInPlace$/ },
  { words: /\b(laptop's clock|geofeed|witness(es)?)\b/i, shownBy: /TimeZone$|ClockJumpMs$|WitnessesAgainst$/ },
]

const ours = load(await readRuleFiles([join(import.meta.dirname, '../../rules/content')]))
const all: readonly Any[] = [...ours.rules, ...ours.correlations]
const byId = new Map(all.map((it) => [it.id, it]))

const ofRule = (it: Any): it is LoadedRule => 'condition' in it

/** What one rule reads, or one of the ways in which a correlation can fire. */
function waysOf(rule: Any): ReadonlySet<string>[] {
  if (ofRule(rule)) {
    const { category } = rule.logsource
    const fields = fieldsIn(rule.condition).map((it) => (it.startsWith('Contract.') ? it : `${category}.${it}`))
    return [new Set([category ?? '', ...fields])]
  }
  const { members, anyOf } = rule
  const every = members.length === 1 || anyOf === null ? [(1 << members.length) - 1] : anyOf.map(({ all }) => all)
  return every.flatMap((bits) => {
    const needed = members.filter((_, n) => (bits & (1 << n)) !== 0)
    let ways: ReadonlySet<string>[] = [new Set()]
    for (const { id, valueFields } of needed) {
      const member = byId.get(id)
      assert.ok(member, id)
      const own = valueFields.map((it) => `${member.logsource.category}.${it}`)
      ways = ways.flatMap((way) => waysOf(member).map((theirs) => new Set([...way, ...theirs, ...own])))
    }
    return ways
  })
}

function unproven(rule: Any, text: string): string[] {
  const plain = text.replace(/\{[^{}]*\}/g, '…')
  const ways = waysOf(rule)
  return CLAIMS.filter(({ words }) => words.test(plain)).flatMap(({ words, shownBy }) => {
    const shown = ways.map((way) => [...way].some((it) => shownBy.test(it)))
    const isShown = / or /.test(plain) ? shown.includes(true) : !shown.includes(false)
    return isShown ? [] : [`${words.exec(plain)?.[0]}`]
  })
}

const UNITS: Readonly<Record<string, number>> = {
  minute: MINUTE,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
  month: 30 * DAY,
}
const NUMBERS: Readonly<Record<string, number>> = {
  ...{ a: 1, an: 1, one: 1, first: 1, two: 2, three: 3, four: 4, five: 5, six: 6, fourteen: 14 },
  ...{ 'a quarter of an': 0.25, 'the first': 1 },
}
const SPAN =
  /\b(?:within|in|over|for|of|than|last|first)(?: its| the| a laptop's)?(?: first| last)? (a quarter of an|an?|one|two|three|four|five|six|fourteen|\d+) (minute|hour|day|week|month)s?\b/gi
const FIRST = /\bthe first (minute|hour|day|week|month)\b/gi

/** How often something happened, or how many there were. */
const COUNTS: readonly [words: RegExp, least: number][] = [
  [/\btwice\b|\bmore than once\b|\bsecond\b(?! factor)|\bseveral\b(?! identities)|\bmore than one\b/i, 2],
  [/\bagain and again\b/i, 3],
  [/\btwo (?!days|weeks|months|hours|years|computers)/i, 2],
  [/\bthree (?!days|weeks|months|hours|years)/i, 3],
  [/\bmany\b/i, 5],
  [/\ba hundred\b/i, 100],
]

/** Numbers that a deriver has checked before it gives a field this value, or any value. */
const BY_DERIVER: Readonly<Record<string, { spans?: readonly number[]; counts?: readonly number[] }>> = {
  'place_mismatch.Reason never_converged': { spans: [14 * DAY] },
  'volume_anomaly.Metric archive_then_upload_bytes': { spans: [2 * HOUR] },
  'contract_event.Action ending': { spans: [14 * DAY] },
  'identity_conflict.Reason two_places': { spans: [7 * DAY], counts: [2] },
  'identity_conflict.Reason two_fingerprints': { counts: [2] },
  'identity_conflict.Reason two_machines_at_once': { counts: [2] },
  'identity_conflict.Reason two_boots_at_once': { counts: [2] },
  'tool.VendorsLast30d': { spans: [30 * DAY] },
  'silence.RepeatsAtHour': { counts: [3] },
}

interface Numbers {
  /** Durations, ms. */
  spans: number[]
  counts: number[]
}

/** The unit of a field's number, by the end of its name; null: a count. */
function unitOf(field: string): number | null {
  if (/Days$|^Days/.test(field)) return DAY
  if (/Hours/.test(field)) return HOUR
  if (/Seconds$/.test(field)) return 1_000
  return /Ms$/.test(field) ? 1 : null
}

function numbersOf(rule: Any): Numbers {
  const found: Numbers = { spans: [], counts: [] }
  if (!ofRule(rule)) {
    found.spans.push(rule.spanMs)
    found.counts.push(...rule.bounds.map(({ by, than }) => (by === 'gt' ? than + 1 : than)))
    for (const { id } of rule.members) {
      const theirs = numbersOf(byId.get(id)!)
      found.spans.push(...theirs.spans)
      found.counts.push(...theirs.counts)
    }
    return found
  }
  const visit = (of: Expression): void => {
    if (of.kind === 'not') visit(of.of)
    else if (of.kind !== 'test') of.of.forEach(visit)
    else if (of.field !== null) {
      const { test } = of
      const text = test.op === 'text' && test.how === 'equals' ? test.text : null
      const field = `${rule.logsource.category}.${of.field}`
      for (const known of [BY_DERIVER[field], BY_DERIVER[`${field} ${text}`]]) {
        found.spans.push(...(known?.spans ?? []))
        found.counts.push(...(known?.counts ?? []))
      }
      const number = test.op === 'compare' ? Number(test.than) : Number.parseFloat(text ?? '')
      if (Number.isNaN(number)) return
      const unit = unitOf(of.field)
      if (unit !== null) found.spans.push(number * unit)
      // The value of a metric may be hours.
      if (of.field === 'Value') found.spans.push(number * HOUR)
      found.counts.push(number)
    }
  }
  visit(rule.condition)
  return found
}

function wrongNumbers(rule: Any, text: string): string[] {
  const plain = text.replace(/\{[^{}]*\}/g, '…')
  const { spans, counts } = numbersOf(rule)
  const claimed = [
    ...[...plain.matchAll(SPAN)].map(([words, number = '', unit = '']) => ({
      words,
      ms: (NUMBERS[number.toLowerCase()] ?? Number(number)) * UNITS[unit.toLowerCase()]!,
    })),
    ...[...plain.matchAll(FIRST)].map(([words, unit = '']) => ({ words, ms: UNITS[unit.toLowerCase()]! })),
  ]
  const wrongSpans = claimed
    .filter(({ words, ms }) => !(/\bthan\b/.test(words) ? spans.some((it) => Math.abs(it) >= ms) : spans.includes(ms)))
    .map(({ words }) => words)
  const wrongCounts = COUNTS.filter(([words, least]) => words.test(plain) && !counts.some((it) => it >= least))
  return [...wrongSpans, ...wrongCounts.map(([words]) => words.exec(plain)?.[0] ?? '')]
}

/** Words, and a value of a field that must not be enough for them. */
const NOT_BY: readonly { words: RegExp; field: string; value: string }[] = [
  { words: /\bhome's\b/, field: 'NetworkClass', value: 'unknown' },
  { words: /\bhome's\b/, field: 'NetworkClass', value: 'hosting' },
]

describe('the words of rules', () => {
  it('name a kind of network only when the condition asks for it', () => {
    const wrong = ours.rules.flatMap((rule) =>
      NOT_BY.filter(({ words }) => words.test(rule.title) || words.test(rule.tellwire?.says ?? ''))
        .filter(({ field, value }) => canHold(rule.condition, (it) => (it === field ? [value] : null)))
        .map(({ value }) => `${rule.title}: also ${value}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('claim numbers and times that the condition has', () => {
    const wrong = all.flatMap((rule) =>
      [rule.title, rule.tellwire?.says ?? ''].flatMap((text) => {
        const claims = wrongNumbers(rule, text)
        return claims.length === 0 ? [] : [`${rule.path.split('/content/')[1]}: '${claims.join("', '")}' in "${text}"`]
      }),
    )
    assert.deepEqual(wrong, [])
  })

  it('claim what the condition checks', () => {
    const wrong = all.flatMap((rule) =>
      [rule.title, rule.tellwire?.says ?? ''].flatMap((text) => {
        const claims = unproven(rule, text)
        return claims.length === 0 ? [] : [`${rule.path.split('/content/')[1]}: '${claims.join("', '")}' in "${text}"`]
      }),
    )
    assert.deepEqual(wrong, [])
  })
})
