/**
 * One event at a time: its fields in cells, and what has been asked about it so far.
 *
 * Shape   everything is reused from event to event; a number that rises with each event tells old answers from new.
 */
import { type Cell, emptyCell, everyText, fill, path, withoutSpaces } from './cell.ts'
import { holds } from './evaluate.ts'
import type { Interning, Predicate, Question } from './predicates.ts'
import type { FlatEvent } from './rule.ts'

export interface Judge {
  begin(event: FlatEvent): void
  cell(slot: number): Cell
  /** The index knows that it holds. */
  note(predicate: number): void
  /** `decided[id]` 1: the index would have noted it if it held. */
  answer(question: Question, decided: Uint8Array): boolean
}

/** Names of fields that events had and rules do not read are remembered up to this many. */
const MAX_REMEMBERED = 4_096

export function judge({ fields, predicates }: Interning): Judge {
  const cells = fields.map(emptyCell)
  const anywhere: Cell = { value: [], text: null, folded: null, members: null }
  const slotOf = new Map<string, number>(fields.map((field, slot) => [field, slot]))
  const bare = new Map<string, number>(fields.map((field, slot) => [withoutSpaces(field), slot]))
  const dotted = fields.flatMap((field, slot) => (field.includes('.') ? [slot] : []))
  const filled: number[] = []
  const remembered = new Map<string, number>()
  const noted = new Int32Array(predicates.length)
  const answered = new Int32Array(predicates.length)
  let epoch = 0
  let event: FlatEvent = {}
  const other = (field: string): Cell => cells[slotOf.get(field)!]!

  function begin(next: FlatEvent): void {
    event = next
    if (++epoch === 0x3fffffff) {
      noted.fill(0)
      answered.fill(0)
      epoch = 1
    }
    for (let i = 0; i < filled.length; i++) fill(cells[filled[i]!]!, undefined)
    filled.length = 0
    anywhere.members = null
    let spaced: string[] | null = null
    for (const key of Object.keys(event)) {
      const slot = slotOf.get(key) ?? remembered.get(key) ?? remember(key)
      if (slot >= 0) put(slot, event[key])
      else if (slot === SPACED) (spaced ??= []).push(key)
    }
    for (let i = 0; i < dotted.length; i++) {
      const slot = dotted[i]!
      if (cells[slot]!.value === undefined) put(slot, path(event, fields[slot]!, 0))
    }
    for (const key of spaced ?? []) {
      const slot = bare.get(withoutSpaces(key))!
      if (cells[slot]!.value === undefined) put(slot, event[key])
    }
  }

  function put(slot: number, value: unknown): void {
    if (value === undefined) return
    fill(cells[slot]!, value)
    filled.push(slot)
  }

  function remember(key: string): number {
    const slot = key.includes(' ') && bare.has(withoutSpaces(key)) ? SPACED : UNREAD
    if (remembered.size < MAX_REMEMBERED) remembered.set(key, slot)
    return slot
  }

  function cell(slot: number): Cell {
    if (slot >= 0) return cells[slot]!
    anywhere.members ??= everyText(event)
    return anywhere
  }

  function ask(predicate: Predicate, decided: Uint8Array): boolean {
    const { id } = predicate
    if (noted[id] === epoch) return true
    if (decided[id] === 1) return false
    const before = answered[id]!
    if (before >> 1 === epoch) return (before & 1) === 1
    const subject = cell(predicate.slot)
    let result = false
    for (let i = 0; i < predicate.tests.length && !result; i++) result = holds(predicate.tests[i]!, subject, other)
    answered[id] = (epoch << 1) | (result ? 1 : 0)
    return result
  }

  function answer(question: Question, decided: Uint8Array): boolean {
    if (question.kind === 'ask') return ask(question.predicate, decided)
    if (question.kind === 'not') return !answer(question.of, decided)
    const { kind, of } = question
    const wanted = kind === 'or'
    for (let i = 0; i < of.length; i++) if (answer(of[i]!, decided) === wanted) return wanted
    return !wanted
  }

  return { begin, cell, note: (predicate) => void (noted[predicate] = epoch), answer }
}

const UNREAD = -1
const SPACED = -2
