/** The `tellwire:` key of a rule. All keys in it are checked; unknown ones are refused. */

import { keysOf, mappingOf, numberIn, oneOf, textIn, textsIn } from './field.ts'
import { type Mapping, type Node, plain } from './node.ts'
import { Refusal } from './refusal.ts'
import type { RuleTest, TellwireFacts } from './rule.ts'
import { SENSORS } from './sensors.ts'

export const FAMILIES = [
  'remote-access',
  'hardware',
  'network',
  'presence',
  'exfiltration',
  'tampering',
  'identity',
  'finance',
] as const

const KEYS = [
  'family',
  'strength',
  'halfLifeDays',
  'pattern',
  'sensor',
  'rate',
  'rareBy',
  'decibans',
  'fact',
  'signals',
  'step',
  'sensitive',
  'ordinaryFor',
  'groupBy',
  'says',
  'blindTo',
  'response',
  'tests',
]

export function parseTellwire(node: Node): TellwireFacts {
  const map = mappingOf(node, '`tellwire`')
  keysOf(map, KEYS, '`tellwire`')
  const strength = numberIn(map, 'strength')
  if (strength !== 1 && strength !== 2 && strength !== 3 && strength !== 4)
    throw new Refusal(map.entries.get('strength')?.at ?? map.at, '`strength` is 1, 2, 3 or 4.')
  const halfLife = map.entries.get('halfLifeDays')
  if (!halfLife)
    throw new Refusal(
      map.at,
      '`halfLifeDays` is missing.',
      'Give the days after which it counts half, or null when it never decays.',
    )
  const isNull = halfLife.value.kind === 'scalar' && halfLife.value.value === null
  const halfLifeDays = isNull ? null : numberIn(map, 'halfLifeDays')
  if (halfLifeDays !== null && !(halfLifeDays > 0 && halfLifeDays <= 3_650))
    throw new Refusal(halfLife.at, '`halfLifeDays` is between 0 and 3,650, or null.')
  const family = textIn(map, 'family')
  if (family === null) throw new Refusal(map.at, '`family` is missing.', `One of ${FAMILIES.join(', ')}.`)
  return {
    family: oneOf(map, 'family', FAMILIES)!,
    strength,
    halfLifeDays,
    pattern: oneOf(map, 'pattern', ['high', 'critical'] as const),
    sensor: oneOf(map, 'sensor', SENSORS),
    rate: rateIn(map),
    rareBy: textsIn(map, 'rareBy'),
    decibans: textIn(map, 'decibans'),
    fact: textIn(map, 'fact'),
    signals: signals(map),
    step: flagIn(map, 'step'),
    sensitive: flagIn(map, 'sensitive'),
    ordinaryFor: textsIn(map, 'ordinaryFor'),
    groupBy: textsIn(map, 'groupBy'),
    says: sentenceIn(map, 'says'),
    blindTo: sentenceIn(map, 'blindTo'),
    response: sentenceIn(map, 'response'),
    tests: tests(map),
  }
}

function rateIn(map: Mapping): number | null {
  const rate = numberIn(map, 'rate')
  if (rate !== null && !(rate > 0 && rate < 1))
    throw new Refusal(map.entries.get('rate')!.at, '`rate` is a share between 0 and 1: one in a hundred is 0.01.')
  return rate
}

/** YAML's `>` and `|` end a text with a line break, which a reader must not see. */
function sentenceIn(map: Mapping, key: string): string | null {
  return textIn(map, key)?.replace(/\s+/g, ' ').trim() ?? null
}

function signals(map: Mapping): readonly string[] {
  const found = textsIn(map, 'signals')
  const wrong = found.find((signal) => !/^(#\d{1,3}|[PN]\d{1,2})$/.test(signal))
  if (wrong !== undefined)
    throw new Refusal(
      map.entries.get('signals')!.at,
      `'${wrong}' is not a signal of the threat model.`,
      "Quote them: '#13', 'P7'.",
    )
  return found
}

function flagIn(map: Mapping, key: string): boolean {
  const value = map.entries.get(key)?.value
  if (!value) return false
  if (value.kind !== 'scalar' || typeof value.value !== 'boolean')
    throw new Refusal(value.at, `\`${key}\` is true or false.`)
  return value.value
}

function tests(map: Mapping): RuleTest[] {
  const node = map.entries.get('tests')?.value
  if (!node) return []
  if (node.kind !== 'list') throw new Refusal(node.at, '`tests` is a list.')
  return node.items.map((item) => {
    const test = mappingOf(item, 'A test')
    keysOf(test, ['name', 'events', 'fires'], 'a test')
    const name = textIn(test, 'name')
    const fires = numberIn(test, 'fires')
    const events = test.entries.get('events')?.value
    if (name === null) throw new Refusal(test.at, 'The test has no name.')
    if (fires === null || !Number.isInteger(fires) || fires < 0)
      throw new Refusal(test.at, '`fires` is how many findings the events make: 0, 1, 2 …')
    if (events?.kind !== 'list' || events.items.length === 0) throw new Refusal(test.at, 'The test has no events.')
    return { name, fires, events: events.items.map(testEvent) }
  })
}

function testEvent(node: Node): RuleTest['events'][number] {
  const map = mappingOf(node, 'An event')
  const at = textIn(map, 'at')
  if (at === null || !/^\d{1,6}(\.\d{1,3})?(ms|s|m|h|d)$/.test(at))
    throw new Refusal(map.entries.get('at')?.value.at ?? map.at, "`at` is a time from the test's start: 90s, 5h, 30d.")
  return { ...(plain(map) as Record<string, unknown>), at }
}
