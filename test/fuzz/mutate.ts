/**
 * Makes inputs from seeds: byte flips, splices, dictionary words, repetitions and truncations; and for JSON, YAML and
 * CSV, changes of the structure, with hostile values from fast-check.
 *
 * Shape   `inputAt` depends only on corpus, seed and number, so that every input can be made again.
 */
import fc from 'fast-check'
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml'
import { below, chance, pick, type Random, stream } from '../../server/simulate/random.ts'
import type { Target } from './target.ts'

const MAX_BYTES = 262_144
/** For numbers in texts, and as values. */
const NUMBERS = [0, -0, 1, -1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53)]
const NUMBER_TEXTS = [...NUMBERS.map(String), '1e308', '1e-320', '1e999', 'NaN', '0x10', '010', '9'.repeat(40), '-']
const TEXTS = [
  ...['', ' ', '\0', '\ufeff', '\u2028', '\ud800', '\udfff\ud800', '\u0130', '\u1e9e', '\u202e', 'a\u0301', '😀'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '../../../etc/passwd', 'C:\\', '%s%n', '{x}'],
  ...['<script>', "'", '"', '\\', '\\u0000', '\n', '\r\n', '\t', '\x1b[2J', '=1+1', '*', '?', '.*', '(((((', 'null'],
  ...['2026-02-30', '9999-12-31T23:59:59Z', '0000-00-00', 'x'.repeat(300), '\u00e9'.repeat(300), 'a'.repeat(70_000)],
]
const BYTES = ['00', 'ff', '7f', '80', 'c0af', 'eda080', 'f4908080', 'feff', 'efbbbf', '0a', '0d0a', '1b5b'].map(
  (hex) => Buffer.from(hex, 'hex'),
)

/** Makes the inputs of one run. `seeds` are the corpus; `values` come from fast-check with the same seed. */
export function inputs(target: Target, seeds: readonly Buffer[], seed: number): (number: number) => Buffer {
  const values = fc.sample(
    fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.double(),
      fc.maxSafeInteger(),
      fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 5 }),
    ),
    { seed, numRuns: 400 },
  )
  const hostile = (random: Random): unknown => {
    const kind = random()
    if (kind < 0.3) return pick(random, TEXTS)
    if (kind < 0.5) return pick(random, NUMBERS)
    if (kind < 0.6 && target.dictionary) return pick(random, target.dictionary)
    if (kind < 0.65) return nested(below(random, 200))
    if (kind < 0.75) return pick(random, [null, true, false, [], {}])
    return pick(random, values)
  }
  return (number) => {
    const random = stream(seed, target.name, number)
    let input = pick(random, seeds)
    const rounds = 1 + below(random, 4)
    for (let round = 0; round < rounds; round++) {
      if (target.mutate && chance(random, 1 / 3)) input = target.mutate(input, random)
      else if (chance(random, 0.5)) input = restructured(target, input, seeds, random, hostile)
      else input = mutated(input, seeds, target.dictionary ?? [], random)
    }
    return input.subarray(0, MAX_BYTES)
  }
}

function mutated(input: Buffer, seeds: readonly Buffer[], words: readonly string[], random: Random): Buffer {
  const at = below(random, input.length + 1)
  const length = Math.min(input.length - at, 1 + below(random, chance(random, 0.5) ? 8 : input.length + 1))
  const replaced = (by: Buffer, cut = length) =>
    Buffer.concat([input.subarray(0, at), by, input.subarray(Math.min(input.length, at + cut))])
  const other = pick(random, seeds)
  const ways: (() => Buffer)[] = [
    () => flipped(input, random),
    () => flipped(input, random),
    () => replaced(Buffer.alloc(0)),
    () => replaced(Buffer.from(input.subarray(at, at + length)), 0),
    () => replaced(pick(random, BYTES), below(random, 3)),
    () => replaced(Buffer.from(pick(random, TEXTS)), below(random, 3)),
    () => replaced(other.subarray(below(random, other.length + 1)), input.length),
    () => replaced(other.subarray(0, below(random, other.length + 1)), 0),
    () => input.subarray(0, at),
    () => repeated(input, at, length, random, replaced),
    () => renumbered(input, random),
    () => (words.length === 0 ? flipped(input, random) : replaced(Buffer.from(pick(random, words)), below(random, 8))),
    () => Buffer.from(Array.from({ length: below(random, 64) }, () => below(random, 256))),
  ]
  return pick(random, ways)()
}

function flipped(input: Buffer, random: Random): Buffer {
  if (input.length === 0) return input
  const changed = Buffer.from(input)
  for (let left = 1 + below(random, 4); left > 0; left--) {
    const at = below(random, changed.length)
    changed[at] = chance(random, 0.5) ? changed[at]! ^ (1 << below(random, 8)) : below(random, 256)
  }
  return changed
}

function repeated(input: Buffer, at: number, length: number, random: Random, replaced: (by: Buffer) => Buffer): Buffer {
  const part = input.subarray(at, at + Math.min(length, 64))
  if (part.length === 0) return input
  const times = 1 + below(random, chance(random, 0.2) ? 20_000 : 40)
  return replaced(Buffer.alloc(Math.min(part.length * times, MAX_BYTES), part))
}

/** Replaces one number in the text. */
function renumbered(input: Buffer, random: Random): Buffer {
  const text = input.toString('latin1')
  const found = [...text.matchAll(/\d+/g)]
  if (found.length === 0) return flipped(input, random)
  const { 0: digits, index } = pick(random, found)
  const by = chance(random, 0.3) ? String(Number(digits) + pick(random, [-1, 1])) : pick(random, NUMBER_TEXTS)
  return Buffer.from(text.slice(0, index) + by + text.slice(index + digits.length), 'latin1')
}

type Hostile = (random: Random) => unknown

function restructured(
  target: Target,
  input: Buffer,
  seeds: readonly Buffer[],
  random: Random,
  hostile: Hostile,
): Buffer {
  const text = input.toString('utf8')
  try {
    switch (target.shape) {
      case 'json':
        return Buffer.from(written(changed(JSON.parse(text), random, hostile)))
      case 'json-lines': {
        const lines = text.split('\n')
        const at = below(random, lines.length)
        if (chance(random, 0.2)) lines.splice(at, below(random, 3), pick(random, lines))
        else lines[at] = written(changed(JSON.parse(lines[at]!), random, hostile))
        return Buffer.from(lines.join('\n'))
      }
      case 'yaml':
        return Buffer.from(
          stringifyYaml(changed(parseYaml(text, { logLevel: 'error' }), random, hostile), {
            aliasDuplicateObjects: false,
          }),
        )
      case 'csv':
        return Buffer.from(recelled(text, random, hostile))
      default:
        return mutated(input, seeds, target.dictionary ?? [], random)
    }
  } catch {
    // The input is no longer of its shape.
    return mutated(input, seeds, target.dictionary ?? [], random)
  }
}

function written(value: unknown): string {
  return JSON.stringify(value) ?? 'null'
}

/** The value with one change somewhere in it. */
function changed(value: unknown, random: Random, hostile: Hostile): unknown {
  const isHere = chance(random, 0.25)
  if (Array.isArray(value) && value.length > 0 && !isHere) {
    const list = [...value]
    const at = below(random, list.length)
    const way = random()
    if (way < 0.1) list.splice(at, 1)
    else if (way < 0.2) list.splice(at, 0, list[below(random, list.length)])
    else if (way < 0.25) return Array.from({ length: below(random, 2_000) }, () => list[at])
    else if (way < 0.3) list.reverse()
    else list[at] = changed(list[at], random, hostile)
    return list
  }
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0 && !isHere) {
    const entries = Object.entries(value)
    const at = below(random, entries.length)
    const [key, inner] = entries[at]!
    const way = random()
    if (way < 0.08) entries.splice(at, 1)
    else if (way < 0.14) entries.push([String(hostile(random)).slice(0, 100), inner])
    else if (way < 0.18) entries[at] = [pick(random, ['__proto__', 'constructor', key.toUpperCase(), `${key} `]), inner]
    else entries[at] = [key, changed(inner, random, hostile)]
    return Object.fromEntries(entries)
  }
  if (typeof value === 'string' && chance(random, 0.4))
    return mutated(Buffer.from(value), [Buffer.from(value)], TEXTS.slice(0, 30), random).toString('utf8')
  if (typeof value === 'number' && chance(random, 0.4)) return value + pick(random, [-1, 1, 0.5, -value, 1e12])
  return hostile(random)
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let at = 0; at < depth; at++) value = at % 2 ? { a: value } : [value]
  return value
}

function recelled(text: string, random: Random, hostile: Hostile): string {
  const rows = text.split('\n').map((row) => row.split(','))
  const row = pick(random, rows)
  const at = below(random, row.length)
  const way = random()
  if (way < 0.1) row.splice(at, 1)
  else if (way < 0.2) for (const it of rows) it.splice(at, 0, it[at] ?? '')
  else if (way < 0.3) rows.push([...row])
  else if (way < 0.4) row[at] = pick(random, rows)[at] ?? ''
  else if (way < 0.5) row[at] = `"${row[at]}`
  else row[at] = String(typeof row[at] === 'string' ? changed(row[at], random, hostile) : hostile(random))
  return rows.map((it) => it.join(',')).join('\n')
}
