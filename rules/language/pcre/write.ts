/** Writes the tree in RE2's syntax, and in the form that `regex-demands.ts` reads. */
import type { Node } from './tree.ts'

/** RE2's limit for one repetition, and for nested ones multiplied. */
const RE2_REPEAT = 1_000
const MAX_WRITTEN = 262_144

/** At least `least` characters of one set (RE2's syntax), from the start on or anywhere. */
export interface LongRun {
  set: string
  least: number
  anchored: boolean
}

type Form = 're2' | 'read'

export function written(node: Node, form: Form): string {
  const text = writtenIn(node, form)
  if (text.length > MAX_WRITTEN) throw new Error('The regular expression repeats too much; use smaller repetitions.')
  return text
}

function writtenIn(node: Node, form: Form): string {
  switch (node.kind) {
    case 'set':
      return node.i && form === 're2' ? `(?i:${node.re2})` : node[form]
    case 'assert':
      return node[form]
    case 'end':
      return form === 're2' ? '(?:\\n?\\z)' : '$'
    case 'sequence':
      return joined(node.of, form)
    case 'choice':
      return `(?:${node.of.map((each) => written(each, form)).join('|')})`
    case 'atomic':
      return written(node.of, form)
    case 'repeat':
      return repeated(node, form)
  }
}

/** Neighbours that ignore case share one group. */
function joined(of: readonly Node[], form: Form): string {
  let text = ''
  for (let i = 0; i < of.length; i++) {
    const node = of[i]!
    if (node.kind !== 'set' || !node.i || form === 'read') {
      text += written(node, form)
      continue
    }
    let run = ''
    for (; of[i]?.kind === 'set' && (of[i] as typeof node).i; i++) run += (of[i] as typeof node).re2
    i--
    text += `(?i:${run})`
  }
  return text
}

/** In copies where RE2 would refuse the number. */
function repeated({ of, least, most, lazy }: Node & { kind: 'repeat' }, form: Form): string {
  const inner = written(of, form)
  const one = of.kind === 'set' && (form === 'read' || !of.i) ? inner : `(?:${inner})`
  const sign = lazy && form === 're2' ? '?' : ''
  const short = SHORT[`${least},${most}`]
  if (short) return one + short + sign
  if (form === 'read') return `${one}{${Math.min(9_999, least)}${least === most && least <= 9_999 ? '' : ','}}`
  const limit = Math.max(1, Math.floor(RE2_REPEAT / nestedCount(of)))
  const parts: string[] = []
  const add = (text: string): void => {
    parts.push(text)
    if (parts.length * text.length > MAX_WRITTEN)
      throw new Error('The regular expression repeats too much; use smaller repetitions.')
  }
  for (let left = least; left > 0; left -= limit) add(`${one}{${Math.min(left, limit)}}`)
  if (most === Number.POSITIVE_INFINITY) add(`${one}*${sign}`)
  else for (let left = most - least; left > 0; left -= limit) add(`${one}{0,${Math.min(left, limit)}}${sign}`)
  return parts.length === 1 ? parts[0]! : `(?:${parts.join('')})`
}

const SHORT: Readonly<Record<string, string>> = { '0,Infinity': '*', '1,Infinity': '+', '0,1': '?', '1,1': '' }

/** How often the innermost part of it is repeated, which RE2 limits. */
function nestedCount(node: Node): number {
  switch (node.kind) {
    case 'sequence':
    case 'choice':
      return Math.max(1, ...node.of.map(nestedCount))
    case 'atomic':
      return nestedCount(node.of)
    case 'repeat': {
      const count = Math.max(1, node.least, Number.isFinite(node.most) ? node.most : 1)
      return Math.min(RE2_REPEAT, count) * nestedCount(node.of)
    }
    default:
      return 1
  }
}

/** `.{5000,}`: counted by the caller, because an automaton would need thousands of states. */
export function longRunOf(whole: Node): LongRun | null {
  const of = whole.kind === 'sequence' ? whole.of : [whole]
  const anchored = of[0]?.kind === 'assert' && of[0].re2 === '\\A'
  const [only, more] = anchored ? of.slice(1) : of
  if (more || only?.kind !== 'repeat' || only.of.kind !== 'set' || only.least <= RE2_REPEAT) return null
  const set = only.of.i ? `(?i:${only.of.re2})` : only.of.re2
  return { set, least: only.least, anchored }
}
