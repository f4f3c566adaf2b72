/**
 * The witnesses of one program, arranged by field: a value goes in, and the rules that it makes worth asking come out.
 */
import { type Automaton, automaton } from './automaton.ts'
import { type Cell, foldedText, isPresent } from './cell.ts'
import { meets } from './evaluate.ts'
import { isAscii } from './fold.ts'
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
}

export const ANYWHERE = -1

export interface Witnessed {
  /** Place in the program's list of rules. */
  rule: number
  predicates: readonly Predicate[]
}

export function indexByField(witnessed: readonly Witnessed[], clues: (predicate: Predicate) => Clues): FieldIndex[] {
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
    fieldIndex(slot, slot === ANYWHERE ? everywhere : [...leads.values(), ...everywhere]),
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

function fieldIndex(slot: number, leads: readonly Lead[]): FieldIndex {
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
  // Several leads may share a word: the scan reports the word once for all of them.
  const words = [...new Set(parts.map(({ clue }) => clue.key))]
  const leadsOfWord = words.map((): (typeof parts)[number][] => [])
  const place = new Map(words.map((word, i) => [word, i]))
  for (const lead of parts) leadsOfWord[place.get(lead.clue.key)!]!.push(lead)
  const search: Automaton | null = words.length > 0 ? automaton(words) : null
  const reported = new Int32Array(words.length)
  let scans = 0
  let folded = ''
  let notebook: Notebook
  const foundWord = (word: number): void => {
    if (reported[word] === scans) return
    reported[word] = scans
    for (const lead of leadsOfWord[word]!) if (meets(lead.clue.how, folded, lead.clue.text)) follow(lead, notebook)
  }

  function scanOne(cell: Cell, to: Notebook): void {
    if (cell.text === null) return
    const text = foldedText(cell)
    if (text.length <= longestEqual) {
      const found = equals.get(text)
      if (found) for (const lead of found) follow(lead, to)
    }
    if (names.size > 0) {
      const found = names.get(lastPart(text, longestName))
      if (found) for (const lead of found) follow(lead, to)
    }
    if (search) {
      scans = (scans + 1) | 0
      folded = text
      notebook = to
      search.scan(text, foundWord)
    }
    if (nonAscii.length > 0 && !isAscii(text)) for (const lead of nonAscii) follow(lead, to)
  }

  return {
    slot,
    scan(cell, to) {
      if (cell.members) for (const member of cell.members) scanOne(member, to)
      else scanOne(cell, to)
      if (present.length > 0 && isPresent(cell)) for (const lead of present) follow(lead, to)
    },
  }
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
