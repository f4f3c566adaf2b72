/**
 * The witnesses of one program, arranged by field: a value goes in, and the rules that it makes worth asking come out.
 */
import { type Cell, isPresent } from './cell.ts'
import { fold, isAscii } from './fold.ts'
import { type Grams, grams, type Sought } from './grams.ts'
import { type Budget, memory, spend } from './memory.ts'
import type { Predicate } from './predicates.ts'
import type { Clue, Clues } from './witness.ts'

/** What one clue leads to. */
interface Lead {
  clue: Clue
  /** Predicates that hold when the clue is there. */
  decides: number[]
  /** Places in the program's list of rules. */
  rules: number[]
}

/** What the scan reports to: the predicate holds; the rule is worth asking. */
export interface Notebook {
  holds(predicate: number): void
  ask(rule: number): void
}

/**
 * Shape   with `slot` ANYWHERE: for the values that no other index is for. What is searched for anywhere stands in
 *         the indexes of all fields, so that every value is read once.
 */
export interface FieldIndex {
  slot: number
  scan(cell: Cell, notebook: Notebook): void
  /** False: scanning any of the lines of this text would find nothing. */
  mayFind(lines: string): boolean
}

export const ANYWHERE = -1

export interface Witnessed {
  /** Place in the program's list of rules. */
  rule: number
  predicates: readonly Predicate[]
}

export function indexByField(
  witnessed: readonly Witnessed[],
  clues: (predicate: Predicate) => Clues,
  width: (slot: number) => number,
  budget: Budget,
): FieldIndex[] {
  const bySlot = new Map<number, Map<string, Lead>>()
  const seen = new Map<Predicate, Lead[]>()
  for (const { rule, predicates } of witnessed)
    for (const predicate of predicates) {
      let leads = seen.get(predicate)
      if (!leads) {
        leads = leadsOf(predicate)
        seen.set(predicate, leads)
      }
      for (const lead of leads) if (lead.rules.at(-1) !== rule) lead.rules.push(rule)
    }
  const everywhere = [...(bySlot.get(ANYWHERE)?.values() ?? [])]
  return [...bySlot].map(([slot, leads]) =>
    fieldIndex(slot, slot === ANYWHERE ? everywhere : [...leads.values(), ...everywhere], width(slot), budget),
  )

  function leadsOf(predicate: Predicate): Lead[] {
    const { all, exact } = clues(predicate)
    let ofSlot = bySlot.get(predicate.slot)
    if (!ofSlot) bySlot.set(predicate.slot, (ofSlot = new Map()))
    return all!.map((clue) => {
      const key = `${clue.by}${'how' in clue ? clue.how : ''} ${'text' in clue ? clue.text : ''}`
      let lead = ofSlot.get(key)
      if (!lead) ofSlot.set(key, (lead = { clue, decides: [], rules: [] }))
      if (exact) lead.decides.push(predicate.id)
      return lead
    })
  }
}

/** What a value leads to, each once. */
interface Findings {
  folded: string
  holds: readonly number[]
  asks: readonly number[]
  /** From the second time on. */
  answers: Uint8Array | null
}

/** Longer values are rarely seen twice. */
const MAX_REMEMBERED = 8_192

/** So many texts are looked for one by one. */
const FEW = 4

function fieldIndex(slot: number, leads: readonly Lead[], width: number, budget: Budget): FieldIndex {
  const equals = new Map<string, Lead[]>()
  const names = new Map<string, Lead[]>()
  const parts: (Lead & { clue: Clue & { by: 'part' } })[] = []
  const present: Lead[] = []
  const nonAscii: Lead[] = []
  for (const lead of leads) {
    const { clue } = lead
    if (clue.by === 'equals') equals.set(clue.text, [...(equals.get(clue.text) ?? []), lead])
    else if (clue.by === 'name') names.set(clue.text, [...(names.get(clue.text) ?? []), lead])
    else if (clue.by === 'part') parts.push(lead as Lead & { clue: Clue & { by: 'part' } })
    else (clue.by === 'present' ? present : nonAscii).push(lead)
  }
  // Long texts are not hashed in vain.
  const [longestEqual, longestName] = [longestOf(equals.keys()), longestOf(names.keys())]
  const search: Grams | null = parts.length > 0 ? grams(parts.map(({ clue }) => clue)) : null
  const onlyParts = parts.length === leads.length
  const known = memory<Findings>(budget, weightOf)
  const longestRemembered = slot === ANYWHERE ? -1 : MAX_REMEMBERED
  const anyPart =
    slot === ANYWHERE && parts.length > FEW
      ? grams(parts.map(({ clue }): Sought => ({ how: 'contains', text: clue.text })))
      : null
  let anything = false
  const foundAnything = (): void => void (anything = true)
  const seen = new Int32Array(parts.length)
  let scans = 0
  let asks: number[] = []
  let holds: number[] = []
  const take = (lead: Lead): void => {
    for (let i = 0; i < lead.decides.length; i++) holds.push(lead.decides[i]!)
    for (let i = 0; i < lead.rules.length; i++) asks.push(lead.rules[i]!)
  }
  const foundPart = (place: number): void => {
    if (seen[place] === scans) return
    seen[place] = scans
    take(parts[place]!)
  }

  function findingsOf(text: string): Findings {
    const folded = fold(text)
    scans = (scans + 1) | 0
    asks = []
    holds = []
    if (folded.length <= longestEqual) equals.get(folded)?.forEach(take)
    if (names.size > 0) names.get(lastPart(folded, longestName))?.forEach(take)
    search?.scan(folded, foundPart)
    if (nonAscii.length > 0 && !isAscii(folded)) nonAscii.forEach(take)
    return { folded, holds, asks, answers: null }
  }

  let lastText = ''
  let lastFindings: Findings | undefined

  function scanOne(cell: Cell, notebook: Notebook): void {
    const { text } = cell
    if (text === null) return
    const isKept = text.length <= longestRemembered
    let findings = isKept ? (text === lastText ? lastFindings : known.get(text)) : undefined
    if (findings === undefined) {
      findings = findingsOf(text)
      if (isKept) known.set(text, findings)
    } else if (typeof cell.value === 'string') {
      if (findings.answers === null) {
        findings.answers = new Uint8Array(width)
        spend(budget, width)
      }
      cell.answers = findings.answers
    }
    if (isKept) {
      lastText = text
      lastFindings = findings
    }
    cell.folded = findings.folded
    const { holds, asks } = findings
    for (let i = 0; i < holds.length; i++) notebook.holds(holds[i]!)
    for (let i = 0; i < asks.length; i++) notebook.ask(asks[i]!)
  }

  return {
    slot,
    scan(cell, to) {
      if (cell.members) for (const member of cell.members) scanOne(member, to)
      else scanOne(cell, to)
      if (present.length > 0 && isPresent(cell)) for (const lead of present) follow(lead, to)
    },
    mayFind(lines) {
      if (!onlyParts) return true
      const text = fold(lines)
      if (parts.length <= FEW) return parts.some(({ clue }) => text.includes(clue.text))
      anything = false
      anyPart!.scan(text, foundAnything)
      return anything
    },
  }
}

function weightOf(text: string, { holds, asks, answers }: Findings): number {
  return 128 + 2 * text.length + 4 * (holds.length + asks.length) + (answers?.length ?? 0)
}

function follow(lead: Lead, notebook: Notebook): void {
  for (let i = 0; i < lead.decides.length; i++) notebook.holds(lead.decides[i]!)
  for (let i = 0; i < lead.rules.length; i++) notebook.ask(lead.rules[i]!)
}

/** With its separator; empty when there is none, or when it is longer than any name that is looked for. */
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
