/**
 * The index of one logsource's prefilters, by field: finds the candidate rules for a value.
 */
import { type Cell, isPresent } from './cell.ts'
import { fold, isAscii } from './fold.ts'
import { type Grams, grams, type Sought } from './grams.ts'
import { type Budget, memory, spend } from './memory.ts'
import type { Predicate } from './predicates.ts'
import type { IndexTerm, IndexTerms } from './prefilter.ts'

/** The effects of a term that is found. */
interface Posting {
  term: IndexTerm
  /** Predicates that are true when the term is found. */
  decides: number[]
  /** Indexes in the program's list of rules. */
  rules: number[]
}

/** Receives the results of a scan. */
export interface ScanSink {
  markTrue(predicate: number): void
  addCandidate(rule: number): void
}

/**
 * Shape   with `slot` ANYWHERE: for values without an index of their own. Terms that are searched anywhere are part of
 *         the indexes of all fields, so that every value is scanned once.
 */
export interface FieldIndex {
  slot: number
  scan(cell: Cell, sink: ScanSink): void
  /** False: scanning any of the lines of this text would find nothing. */
  mayFind(lines: string): boolean
}

export const ANYWHERE = -1

export interface Prefiltered {
  /** The index in the program's list of rules. */
  rule: number
  predicates: readonly Predicate[]
}

export function indexByField(
  prefiltered: readonly Prefiltered[],
  terms: (predicate: Predicate) => IndexTerms,
  width: (slot: number) => number,
  budget: Budget,
): FieldIndex[] {
  const bySlot = new Map<number, Map<string, Posting>>()
  const seen = new Map<Predicate, Posting[]>()
  for (const { rule, predicates } of prefiltered)
    for (const predicate of predicates) {
      let postings = seen.get(predicate)
      if (!postings) {
        postings = postingsOf(predicate)
        seen.set(predicate, postings)
      }
      for (const posting of postings) if (posting.rules.at(-1) !== rule) posting.rules.push(rule)
    }
  const everywhere = [...(bySlot.get(ANYWHERE)?.values() ?? [])]
  return [...bySlot].map(([slot, postings]) =>
    fieldIndex(slot, slot === ANYWHERE ? everywhere : [...postings.values(), ...everywhere], width(slot), budget),
  )

  function postingsOf(predicate: Predicate): Posting[] {
    const { all, exact } = terms(predicate)
    let ofSlot = bySlot.get(predicate.slot)
    if (!ofSlot) bySlot.set(predicate.slot, (ofSlot = new Map()))
    return all!.map((term) => {
      const key = `${term.by}${'how' in term ? term.how : ''} ${'text' in term ? term.text : ''}`
      let posting = ofSlot.get(key)
      if (!posting) ofSlot.set(key, (posting = { term, decides: [], rules: [] }))
      if (exact) posting.decides.push(predicate.id)
      return posting
    })
  }
}

/** The distinct effects of a value. */
interface ScanResult {
  folded: string
  isTrue: readonly number[]
  candidates: readonly number[]
  /** From the second time on. */
  results: Uint8Array | null
}

/** Longer values rarely recur, so their results are not remembered. */
const MAX_REMEMBERED = 8_192

/** Up to this many texts are searched one by one. */
const FEW = 4

function fieldIndex(slot: number, postings: readonly Posting[], width: number, budget: Budget): FieldIndex {
  const equals = new Map<string, Posting[]>()
  const names = new Map<string, Posting[]>()
  const parts: (Posting & { term: IndexTerm & { by: 'part' } })[] = []
  const present: Posting[] = []
  const existing: Posting[] = []
  const nonAscii: Posting[] = []
  for (const posting of postings) {
    const { term } = posting
    if (term.by === 'equals') equals.set(term.text, [...(equals.get(term.text) ?? []), posting])
    else if (term.by === 'name') names.set(term.text, [...(names.get(term.text) ?? []), posting])
    else if (term.by === 'part') parts.push(posting as Posting & { term: IndexTerm & { by: 'part' } })
    else (term.by === 'present' ? present : term.by === 'exists' ? existing : nonAscii).push(posting)
  }
  // Avoids hashing long texts that cannot be found.
  const [longestEqual, longestName] = [longestOf(equals.keys()), longestOf(names.keys())]
  const search: Grams | null = parts.length > 0 ? grams(parts.map(({ term }) => term)) : null
  const onlyParts = parts.length === postings.length
  const known = memory<ScanResult>(budget, weightOf)
  const longestRemembered = slot === ANYWHERE ? -1 : MAX_REMEMBERED
  const anyPart =
    slot === ANYWHERE && parts.length > FEW
      ? grams(parts.map(({ term }): Sought => ({ how: 'contains', text: term.text })))
      : null
  let anything = false
  const foundAnything = (): void => void (anything = true)
  const seen = new Int32Array(parts.length)
  let scans = 0
  let candidates: number[] = []
  let isTrue: number[] = []
  const take = (posting: Posting): void => {
    for (let i = 0; i < posting.decides.length; i++) isTrue.push(posting.decides[i]!)
    for (let i = 0; i < posting.rules.length; i++) candidates.push(posting.rules[i]!)
  }
  const foundPart = (place: number): void => {
    if (seen[place] === scans) return
    seen[place] = scans
    take(parts[place]!)
  }

  function resultOf(text: string): ScanResult {
    const folded = fold(text)
    scans = (scans + 1) | 0
    candidates = []
    isTrue = []
    if (folded.length <= longestEqual) equals.get(folded)?.forEach(take)
    if (names.size > 0) names.get(lastPart(folded, longestName))?.forEach(take)
    search?.scan(folded, foundPart)
    if (nonAscii.length > 0 && !isAscii(folded)) nonAscii.forEach(take)
    return { folded, isTrue, candidates, results: null }
  }

  let lastText = ''
  let lastResult: ScanResult | undefined

  function scanOne(cell: Cell, sink: ScanSink): void {
    const { text } = cell
    if (text === null) return
    const isKept = text.length <= longestRemembered
    let result = isKept ? (text === lastText ? lastResult : known.get(text)) : undefined
    if (result === undefined) {
      result = resultOf(text)
      if (isKept) known.set(text, result)
    } else if (typeof cell.value === 'string') {
      if (result.results === null) {
        result.results = new Uint8Array(width)
        spend(budget, width)
      }
      cell.results = result.results
    }
    if (isKept) {
      lastText = text
      lastResult = result
    }
    cell.folded = result.folded
    const { isTrue, candidates } = result
    for (let i = 0; i < isTrue.length; i++) sink.markTrue(isTrue[i]!)
    for (let i = 0; i < candidates.length; i++) sink.addCandidate(candidates[i]!)
  }

  return {
    slot,
    scan(cell, sink) {
      if (cell.members) for (const member of cell.members) scanOne(member, sink)
      else scanOne(cell, sink)
      if (present.length > 0 && isPresent(cell)) for (const posting of present) report(posting, sink)
      if (existing.length > 0 && cell.value !== undefined) for (const posting of existing) report(posting, sink)
    },
    mayFind(lines) {
      if (!onlyParts) return true
      const text = fold(lines)
      if (parts.length <= FEW) return parts.some(({ term }) => text.includes(term.text))
      anything = false
      anyPart!.scan(text, foundAnything)
      return anything
    },
  }
}

function weightOf(text: string, { isTrue, candidates, results }: ScanResult): number {
  return 128 + 2 * text.length + 4 * (isTrue.length + candidates.length) + (results?.length ?? 0)
}

function report(posting: Posting, sink: ScanSink): void {
  for (let i = 0; i < posting.decides.length; i++) sink.markTrue(posting.decides[i]!)
  for (let i = 0; i < posting.rules.length; i++) sink.addCandidate(posting.rules[i]!)
}

/** With its separator; empty when there is none, or when it is longer than all names in the index. */
function lastPart(text: string, longest: number): string {
  for (let at = text.length - 1; at >= 0 && text.length - at <= longest; at--) {
    const c = text.charCodeAt(at)
    if (c === 0x5c || c === 0x2f) return text.slice(at)
  }
  return ''
}

function longestOf(texts: Iterable<string>): number {
  return [...texts].reduce((most, text) => Math.max(most, text.length), -1)
}
