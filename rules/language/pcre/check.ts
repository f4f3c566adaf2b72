/**
 * Refuses what RE2 would decide differently: `$` and groups that give nothing back, where what follows can tell.
 */
import { RE2JS } from 're2js'
import { BREAK } from './classes.ts'
import type { Node } from './tree.ts'

/** What follows a node until the end of the expression. */
type Rest = { node: Node; rest: Rest } | null

/** Refuses what RE2 would decide differently, and puts assertions before an `end` that they follow. */
export function check(node: Node, rest: Rest): void {
  switch (node.kind) {
    case 'sequence':
      commute(node.of)
      for (let i = node.of.length - 1, after = rest; i >= 0; i--) {
        check(node.of[i]!, after)
        after = { node: node.of[i]!, rest: after }
      }
      return
    case 'choice':
      for (const each of node.of) check(each, rest)
      return
    case 'repeat': {
      const { of, least, most } = node
      const again: Node = { kind: 'repeat', of, least: Math.max(0, least - 1), most, lazy: false }
      check(of, most > 1 ? { node: again, rest } : rest)
      return
    }
    case 'atomic':
      check(node.of, rest)
      if (!givesNothingBack(node.of, rest))
        throw new Error(
          `${node.written} gives nothing back, and what follows here may need it. ` +
            'Write the expression without it, or exclude the next character: [^x]*x.',
        )
      return
    case 'end':
      if (!endIsLast(rest))
        throw new Error(
          '`$` stands before a last line break, and what follows it here may match that. End the expression with `$`, or write \\z for the very end.',
        )
  }
}

/** `$\b` is `\b$`: both look at one place. */
function commute(of: Node[]): void {
  for (let i = of.length - 2; i >= 0; i--)
    for (let at = i; of[at]!.kind === 'end' && of[at + 1]?.kind === 'assert'; at++)
      [of[at], of[at + 1]] = [of[at + 1]!, of[at]!]
}

/** After `\n?\z` the rest must have the result that it has before a last line break. */
function endIsLast(rest: Rest): boolean {
  for (let at = rest; at; at = at.rest) {
    if (asserts(at.node)) return false
    // Nothing but a line break is left there, so what must match something else never matches.
    if (!canBeEmpty(at.node)) return !canMatchNewline(at.node)
  }
  return true
}

function asserts(node: Node): boolean {
  if (node.kind === 'assert') return node.re2 !== '(?m:$)'
  if (node.kind === 'sequence' || node.kind === 'choice') return node.of.some(asserts)
  return node.kind === 'repeat' || node.kind === 'atomic' ? asserts(node.of) : false
}

function canBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return false
    case 'sequence':
      return node.of.every(canBeEmpty)
    case 'choice':
      return node.of.some(canBeEmpty)
    case 'atomic':
      return canBeEmpty(node.of)
    case 'repeat':
      return node.least === 0 || canBeEmpty(node.of)
    default:
      return true
  }
}

function canMatchNewline(node: Node): boolean {
  if (node.kind === 'set') return matchesSet(node, '\n')
  if (node.kind === 'sequence' || node.kind === 'choice') return node.of.some(canMatchNewline)
  return node.kind === 'repeat' || node.kind === 'atomic' ? canMatchNewline(node.of) : false
}

function matchesSet(set: Node & { kind: 'set' }, char: string): boolean {
  return RE2JS.compile(set.i ? `(?i:${set.re2})` : set.re2).test(char)
}

/**
 * At the end of the expression nothing is needed back. What has one length has nothing to give back. A repeated set
 * gives nothing back if the next character is certain and not of the set.
 */
function givesNothingBack(node: Node, rest: Rest): boolean {
  if (rest === null || lengthOf(node) !== null) return true
  const repeated = node.kind === 'sequence' && node.of.length === 1 ? node.of[0]! : node
  const next = literalOf(rest.node)
  if (next === null) return false
  if (repeated.kind === 'repeat' && repeated.of.kind === 'set') return !matchesSet(repeated.of, next)
  // \R: only \r before \n could be given back.
  return repeated.kind === 'choice' && next !== '\n' && next !== '\r' && repeated.of.every(isBreak)
}

/** In characters; null when it varies. */
function lengthOf(node: Node): number | null {
  switch (node.kind) {
    case 'set':
      return 1
    case 'sequence':
      return node.of.map(lengthOf).reduce((sum, each) => (sum === null || each === null ? null : sum + each), 0)
    case 'choice': {
      const lengths = new Set(node.of.map(lengthOf))
      return lengths.size === 1 ? [...lengths][0]! : null
    }
    case 'atomic':
      return lengthOf(node.of)
    case 'repeat': {
      const length = lengthOf(node.of)
      return length !== null && node.least === node.most ? length * node.least : null
    }
    case 'assert':
      return 0
    case 'end':
      return null
  }
}

function isBreak(node: Node): boolean {
  return node.kind === 'set' ? node.re2 === `[${BREAK}]` : node.kind === 'sequence' && node.of.length === 2
}

/** The one character that comes first, if it is certain. */
function literalOf(node: Node): string | null {
  if (node.kind === 'sequence') return node.of.length > 0 ? literalOf(node.of[0]!) : null
  if (node.kind === 'repeat') return node.least > 0 ? literalOf(node.of) : null
  if (node.kind !== 'set' || node.i || /^[[(.]/.test(node.re2)) return null
  const coded = /^\\x\{(.*)\}$/.exec(node.re2)
  return coded ? String.fromCodePoint(Number.parseInt(coded[1]!, 16)) : node.re2.replace(/^\\/, '')
}
