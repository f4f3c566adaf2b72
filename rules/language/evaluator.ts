/**
 * Evaluates predicates and trees of them on the current event, each predicate once.
 *
 * Shape   results are reused from event to event; the event's number distinguishes old results from new ones.
 */
import { type Cell, foldedText } from './cell.ts'
import { holds } from './evaluate.ts'
import type { EventCells } from './event-cells.ts'
import type { Predicate, PredicateTree } from './predicates.ts'

export interface Evaluator {
  /** Starts the next event: results of the last one are no longer valid. */
  begin(): void
  /** The index found that the predicate is true. */
  markTrue(predicate: number): void
  evaluateTree(tree: PredicateTree, facts: PredicateFacts): boolean
}

/** Facts about predicates in one logsource's program, by their ids. */
export interface PredicateFacts {
  /** 1: the index marks it whenever it is true. */
  decidedByIndex: Uint8Array
  /** Its index in `results` of the field's cell if it depends on the field's text only; else NO_PLACE. */
  places: Uint16Array
}

export const NO_PLACE = 65_535

const FALSE = 1
const TRUE = 2

export function evaluator(predicates: number, cells: EventCells): Evaluator {
  const markedIn = new Int32Array(predicates)
  /** The event's number and, in the last bit, the result. */
  const evaluatedIn = new Int32Array(predicates)
  let number = 0

  function begin(): void {
    if (++number < 0x3fffffff) return
    markedIn.fill(0)
    evaluatedIn.fill(0)
    number = 1
  }

  function evaluatePredicate(predicate: Predicate, { decidedByIndex, places }: PredicateFacts): boolean {
    const { id } = predicate
    if (markedIn[id] === number) return true
    if (decidedByIndex[id] === 1) return false
    const cell = cells.cell(predicate.slot)
    const { results, members } = cell
    const place = places[id]!
    if (results !== null && place !== NO_PLACE) {
      const before = results[place]!
      if (before !== 0) return before === TRUE
      const result = evaluateOn(predicate, cell)
      results[place] = result ? TRUE : FALSE
      return result
    }
    const before = evaluatedIn[id]!
    if (before >> 1 === number) return (before & 1) === 1
    const result =
      // An empty list has no member to evaluate, but it exists.
      members === null || members.length === 0
        ? evaluateOn(predicate, cell)
        : members.some((member) => evaluateOn(predicate, member))
    evaluatedIn[id] = (number << 1) | (result ? 1 : 0)
    return result
  }

  function evaluateOn({ equals, starts, ends, contains, others }: Predicate, cell: Cell): boolean {
    if (cell.text !== null) {
      const text = foldedText(cell)
      for (let i = 0; i < equals.length; i++) if (text === equals[i]!) return true
      for (let i = 0; i < starts.length; i++) if (text.startsWith(starts[i]!)) return true
      for (let i = 0; i < ends.length; i++) if (text.endsWith(ends[i]!)) return true
      for (let i = 0; i < contains.length; i++) if (text.includes(contains[i]!)) return true
    }
    for (let i = 0; i < others.length; i++) if (holds(others[i]!, cell, cells.cellOf)) return true
    return false
  }

  function evaluateTree(tree: PredicateTree, facts: PredicateFacts): boolean {
    if (tree.kind === 'predicate') return evaluatePredicate(tree.predicate, facts)
    if (tree.kind === 'not') return !evaluateTree(tree.of, facts)
    const { kind, of } = tree
    const decides = kind === 'or'
    for (let i = 0; i < of.length; i++) if (evaluateTree(of[i]!, facts) === decides) return decides
    return !decides
  }

  return { begin, markTrue: (predicate) => void (markedIn[predicate] = number), evaluateTree }
}
