/** What must hold in a window for a correlation to fire, from its condition. */
import { Refusal } from '../refusal.ts'
import type { CorrelationDraft } from './parse.ts'
import type { Target } from './references.ts'
import type { Alternative, Bound } from './rule.ts'
import { atLeast, parseWords } from './words.ts'

/** Each rule is one bit. */
const MAX_TEMPORAL_RULES = 31

export interface Demand {
  bounds: readonly Bound[]
  anyOf: readonly Alternative[] | null
  atEnd: boolean
}

/** Errors  Refusal for a condition that can never hold, or that the type cannot decide. */
export function demandOf({ type, words, bounds, at }: CorrelationDraft, targets: readonly Target[]): Demand {
  const temporal = type === 'temporal' || type === 'temporal_ordered'
  if (temporal && targets.length > MAX_TEMPORAL_RULES)
    throw new Refusal(at, `A ${type} has at most ${MAX_TEMPORAL_RULES} rules.`)
  if (words) {
    const names = targets.map(({ id, name }) => name ?? id)
    const anyOf = parseWords(words.text, words.at, names)
    return { bounds: [], anyOf, atEnd: anyOf.some(({ none }) => none !== 0) }
  }
  const required: readonly Bound[] = bounds.length > 0 ? bounds : [{ by: 'gte', than: targets.length }]
  const atEnd = required.some(({ by }) => by !== 'gt' && by !== 'gte')
  if (!temporal) return { bounds: required, anyOf: null, atEnd }
  const [{ by, than }] = required as [Bound]
  const least = by === 'gt' ? Math.floor(than) + 1 : Math.ceil(than)
  if (!atEnd && least > targets.length)
    throw new Refusal(at, `${targets.length} rules can never be ${least}.`, 'Lower the number, or add rules.')
  if (type === 'temporal') return { bounds: required, anyOf: null, atEnd }
  if (atEnd || least < 1)
    throw new Refusal(at, 'A temporal_ordered takes gt or gte of at least one rule, or a condition in words.')
  return { bounds: required, anyOf: atLeast(least, targets.length, at), atEnd }
}
