/**
 * Loaded rules → a program.
 *
 * Shape   one small program per logsource that events can have. In each, an index of witnesses picks the few rules
 *         that an event could match at all; only these are asked, each question once, the cheap ones first.
 */
import { SAID_ABOUT } from './cell.ts'
import { ANYWHERE, type FieldIndex, indexByField, type Notebook, type Witnessed } from './index-by-field.ts'
import { type About, judge, NO_PLACE } from './judge.ts'
import { covers, LOGSOURCE_KEYS } from './logsource.ts'
import { type Budget, budget } from './memory.ts'
import { type Interning, interning, type Predicate, type Question } from './predicates.ts'
import type { FlatEvent, LoadedRule, Logsource, Match, Program } from './rule.ts'
import { type Clues, cluesOf, type Witness, witnessOf } from './witness.ts'

export function compile(rules: readonly LoadedRule[]): Program {
  const interned = interning()
  const clues = remembered(cluesOf)
  const prepared = rules.map((rule, place): Prepared => {
    const question = interned.question(rule.condition)
    return { rule, place, question, witness: witnessOf(question, clues) }
  })
  const bySource = Map.groupBy(prepared, ({ rule }) => keyOf(rule.logsource))
  const judging = judge(interned)
  const known = valuesOf(rules)
  const remembering = budget(MAX_REMEMBERED)
  const programs = new Map<string, Small>()
  /** The same, by the numbers of what the logsource says: an event's is found without writing it out. */
  const numbered = new Map<number, Small>()
  for (const { logsource } of rules) programFor(logsource)

  function programFor(logsource: Logsource): Small {
    const key = keyOf(logsource)
    let program = programs.get(key)
    if (!program) {
      const fitting = [...bySource.values()].filter(([first]) => covers(first!.rule.logsource, logsource)).flat()
      fitting.sort((a, b) => a.place - b.place)
      program = small(fitting, interned, clues, judging.note, remembering)
      programs.set(key, program)
    }
    return program
  }

  function programOf(event: FlatEvent): Small {
    let number = 0
    for (let i = 0; i < LOGSOURCE_KEYS.length; i++)
      number = number * (known[i]!.size + 1) + (known[i]!.get(event[LOGSOURCE_KEYS[i]!]) ?? 0)
    let program = numbered.get(number)
    if (!program) numbered.set(number, (program = programFor(logsourceOf(event, known))))
    return program
  }

  return {
    rules,
    match(event) {
      const program = programOf(event)
      if (program.rules.length === 0) return []
      judging.begin(event)
      program.begin()
      const { candidates, about, indexes, notebook } = program
      for (let i = 0; i < indexes.length; i++) {
        const index = indexes[i]!
        if (index.slot === ANYWHERE) scanBeside(index, program)
        else index.scan(judging.cell(index.slot), notebook)
      }
      const hits: number[] = []
      for (let i = 0; i < candidates.length; i++) {
        const place = candidates[i]!
        if (judging.answer(program.rules[place]!.question, about)) hits.push(place)
      }
      if (hits.length > 1) hits.sort((a, b) => a - b)
      return hits.map((place): Match => ({ rule: program.rules[place]!.rule }))
    },
    reads(category, prefix) {
      return prepared.some(
        ({ rule, question }) => (rule.logsource.category ?? category) === category && readsField(question, prefix),
      )
    },
  }

  function scanBeside(index: FieldIndex, { covered, notebook }: Small): void {
    const lines = judging.besideAsOne(covered)
    if (lines === null || index.mayFind(lines)) judging.beside(covered, (cell) => index.scan(cell, notebook))
  }

  function readsField(question: Question, prefix: string): boolean {
    if (question.kind === 'not') return readsField(question.of, prefix)
    if (question.kind !== 'ask') return question.of.some((each) => readsField(each, prefix))
    const { slot, tests } = question.predicate
    if (slot < 0) return !SAID_ABOUT.has(prefix)
    const names = tests.flatMap((test) => (test.op === 'reference' ? [test.other] : []))
    return [interned.fields[slot]!, ...names].some((field) => field.startsWith(prefix))
  }
}

/** Characters, in two generations. */
const MAX_REMEMBERED = 4_194_304

interface Prepared {
  rule: LoadedRule
  /** In the order of all rules. */
  place: number
  question: Question
  /** Null: must always be asked. */
  witness: Witness | null
}

/** The rules of one logsource. */
interface Small {
  rules: readonly Prepared[]
  indexes: readonly FieldIndex[]
  about: About
  /** Places of rules worth asking about the present event. */
  candidates: number[]
  /** By slot: 1 when an index reads the field. */
  covered: Uint8Array
  notebook: Notebook
  begin(): void
}

function small(
  rules: readonly Prepared[],
  { predicates, fields }: Interning,
  clues: (predicate: Predicate) => Clues,
  holds: (predicate: number) => void,
  remembering: Budget,
): Small {
  const witnessed: Witnessed[] = []
  const always: number[] = []
  const decided = new Uint8Array(predicates.length)
  for (const [place, { witness }] of rules.entries()) {
    if (witness === null) always.push(place)
    else {
      witnessed.push({ rule: place, predicates: witness.predicates })
      for (const predicate of witness.predicates) if (clues(predicate).exact) decided[predicate.id] = 1
    }
  }
  const { places, widths } = placesOf(rules, predicates.length)
  const chosen = new Int32Array(rules.length)
  const candidates: number[] = []
  let turn = 0
  const ask = (place: number): void => {
    if (chosen[place] === turn) return
    chosen[place] = turn
    candidates.push(place)
  }
  const indexes = indexByField(witnessed, clues, (slot) => widths.get(slot) ?? 0, remembering)
  const covered = new Uint8Array(fields.length)
  for (const { slot } of indexes) if (slot !== ANYWHERE) covered[slot] = 1
  return {
    rules,
    indexes,
    covered,
    about: { decided, places },
    candidates,
    notebook: { holds, ask },
    begin() {
      turn = (turn + 1) | 0
      candidates.length = 0
      for (let i = 0; i < always.length; i++) candidates.push(always[i]!)
    },
  }
}

/** Numbers the predicates of each field, as far as these rules ask them. */
function placesOf(
  rules: readonly Prepared[],
  predicates: number,
): { places: Uint16Array; widths: Map<number, number> } {
  const places = new Uint16Array(predicates).fill(NO_PLACE)
  const widths = new Map<number, number>()
  for (const { question } of rules) number(question)
  return { places, widths }

  function number(question: Question): void {
    if (question.kind === 'not') number(question.of)
    else if (question.kind !== 'ask') question.of.forEach(number)
    else {
      const { id, slot, byText } = question.predicate
      const width = widths.get(slot) ?? 0
      if (!byText || places[id] !== NO_PLACE || width === NO_PLACE) return
      places[id] = width
      widths.set(slot, width + 1)
    }
  }
}

function keyOf({ category, product, service }: Logsource): string {
  return `${category ?? ''}\n${product ?? ''}\n${service ?? ''}`
}

/** What rules state, each numbered from 1. */
function valuesOf(rules: readonly LoadedRule[]): ReadonlyMap<unknown, number>[] {
  return LOGSOURCE_KEYS.map((key) => {
    const values = new Set(rules.flatMap(({ logsource }) => logsource[key] ?? []))
    return new Map([...values].map((value, i) => [value, i + 1]))
  })
}

/** What no rule states makes no difference, so events cannot make us build programs without end. */
function logsourceOf(event: FlatEvent, known: readonly ReadonlyMap<unknown, number>[]): Logsource {
  const [category, product, service] = [event.category, event.product, event.service].map((value, i) =>
    typeof value === 'string' && known[i]!.has(value) ? value : null,
  )
  return { category: category!, product: product!, service: service! }
}

function remembered(of: (predicate: Predicate) => Clues): (predicate: Predicate) => Clues {
  const known = new Map<Predicate, Clues>()
  return (predicate) => {
    let found = known.get(predicate)
    if (!found) known.set(predicate, (found = of(predicate)))
    return found
  }
}
