/** Random rules and events that are valid, and in which something often matches: for property tests. */
import fc from 'fast-check'

/** Few letters, so that things match; and those that are special somewhere. */
const text = fc.string({
  unit: fc.constantFrom(
    'a',
    'b',
    'A',
    'B',
    '\\',
    '/',
    '-',
    '.',
    ' ',
    '1',
    'é',
    'É',
    'ſ',
    's',
    'ß',
    'Ω',
    'ω',
    'ς',
    'σ',
    '😀',
    '\n',
    '+',
    '$',
    '%',
  ),
  maxLength: 8,
})
const globbed = fc.string({
  unit: fc.constantFrom('a', 'b', 'A', '*', '?', '\\', '\\*', '\\?', '\\\\', '-', '/', ' ', 'é', 'ſ', '😀', '1'),
  maxLength: 7,
})
const scalar = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.integer({ min: -3, max: 20 }),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    '10.0.0.7',
    '10.1.2.3',
    'fe80::1',
    '::ffff:10.0.0.9',
    '2024-02-29 22:15:00',
    '2024-12-30',
    1_700_000_000_000,
    ' 7 ',
    '1.5',
  ),
)
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.record({ X: scalar }, { requiredKeys: [], noNullPrototype: true }),
)
export const event = fc.record(
  {
    A: value,
    B: value,
    C: value,
    'D D': value,
    N: fc.oneof(
      scalar,
      fc.record({ X: scalar, Y: fc.record({ Z: scalar }) }, { requiredKeys: [], noNullPrototype: true }),
    ),
  },
  { requiredKeys: [], noNullPrototype: true },
)

const field = fc.constantFrom('A', 'B', 'C', 'DD', 'N.X', 'N.Y.Z', 'Missing')
const FRAMES = ['', '|contains', '|startswith', '|endswith']
const frame = fc.constantFrom(...FRAMES)
const suffix = fc.constantFrom('', '', '', '|cased', '|all', '|neq')
const several = <T>(one: fc.Arbitrary<T>) => fc.oneof(one, fc.array(one, { minLength: 1, maxLength: 3 }))
const item = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.tuple(field, frame, suffix).map((each) => each.join('')),
      several(fc.oneof(globbed, text, fc.integer({ min: -3, max: 20 }), fc.boolean())),
    ),
  },
  fc.tuple(
    field.map((name) => `${name}|neq`),
    several(fc.oneof(globbed, fc.constant(null))),
  ),
  fc.tuple(field, fc.constantFrom(null, [null, 'a'], [null, ''])),
  fc.tuple(
    field.map((name) => `${name}|exists`),
    fc.boolean(),
  ),
  fc.tuple(
    fc
      .tuple(field, frame, fc.constantFrom('', '|cased', '|neq'))
      .map(([name, how, end]) => `${name}|fieldref${how}${end}`),
    field,
  ),
  fc.tuple(
    fc.tuple(field, fc.constantFrom('lt', 'lte', 'gt', 'gte')).map(([name, by]) => `${name}|${by}`),
    fc.integer({ min: -3, max: 20 }),
  ),
  fc.tuple(
    fc
      .tuple(
        field,
        fc.constantFrom('minute', 'hour', 'day', 'week', 'month', 'year'),
        fc.constantFrom('', '|lt', '|gte'),
      )
      .map(([name, unit, by]) => `${name}|${unit}${by}`),
    fc.constantFrom(0, 1, 2, 9, 11, 12, 15, 22, 29, 30, 2023, 2024),
  ),
  fc.tuple(
    field.map((name) => `${name}|cidr`),
    fc.constantFrom('10.0.0.0/8', '10.0.0.0/29', 'fe80::/10', '10.1.2.3'),
  ),
  fc.tuple(
    fc.tuple(field, fc.constantFrom('', '|i', '|s', '|m', '|i|s')).map(([name, flags]) => `${name}|re${flags}`),
    fc.constantFrom(
      'a',
      '^a',
      'a$',
      'a.b',
      '[ab]{2}',
      'a+b?',
      '(a|b)1',
      '\\\\',
      '^$',
      'a.*b',
      '(?:a|é)',
      '\\.',
      '[^a]b',
      'A{2,3}',
      '[ab ]{8}',
      'a?\\/',
    ),
  ),
  fc.tuple(
    fc.tuple(field, fc.constantFrom('|contains', '')).map(([name, how]) => `${name}|windash${how}`),
    fc.constantFrom('-a', ' -a', '/b a', 'a-b', '-a /b', '-a -b -1', '*-a'),
  ),
  fc.tuple(
    fc
      .tuple(
        field,
        fc.constantFrom(
          'base64',
          'base64offset|contains',
          'wide|base64',
          'wide|base64offset|contains',
          'utf16|base64',
          'utf16be|base64|startswith',
          'wide',
        ),
      )
      .map(([name, how]) => `${name}|${how}`),
    fc.constantFrom('a', 'ab', 'abc', 'a\\*'),
  ),
)
const mapping = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => Object.fromEntries(items))
const word = fc.oneof(globbed, text, fc.integer({ min: 0, max: 20 })).filter((each) => each !== '')
const keywords = fc.oneof(
  fc.array(word, { minLength: 1, maxLength: 3 }),
  fc
    .tuple(
      fc.constantFrom('|all', '|contains', '|startswith', '|endswith', '|cased'),
      fc.array(word, { minLength: 1, maxLength: 2 }),
    )
    .map(([key, words]) => ({ [key]: words })),
)
const selection = fc.oneof(
  { weight: 5, arbitrary: mapping },
  fc.array(mapping, { minLength: 1, maxLength: 2 }),
  keywords,
  fc.tuple(mapping, word).map((mixed) => [...mixed]),
)
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      'sel-1',
      'sel_2',
      'notepad',
      '_own',
      '1 of sel*',
      'all of sel*',
      '1 of them',
      'all of them',
      '2 of them',
      'any of _*',
    ),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `${a} and ${b}`),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `${a} or ${b}`),
    tie('condition').map((inner) => `not ${inner}`),
    tie('condition').map((inner) => `(${inner})`),
  ),
}))
export const detection = fc.record({
  'sel-1': selection,
  sel_2: selection,
  notepad: selection,
  _own: selection,
  condition: fc.oneof({ weight: 4, arbitrary: condition }, fc.array(condition, { minLength: 1, maxLength: 2 })),
})
