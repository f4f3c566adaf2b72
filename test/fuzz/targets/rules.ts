/** Rule files, conditions, regular expressions, and archives of rules. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { RE2JS } from 're2js'
import { fold } from '../../../rules/language/fold.ts'
import { compile, correlator, load } from '../../../rules/language/index.ts'
import { compileRegex, MAX_SOURCE } from '../../../rules/language/regex.ts'
import { translate } from '../../../rules/language/regex-dialect.ts'
import { textsIn } from '../../../rules/tooling/archive.ts'
import { runRuleTests } from '../../../rules/tooling/tests.ts'
import { below } from '../../../server/simulate/random.ts'
import { removeFolder, temporaryFolder } from '../../agent/laptop.ts'
import type { Target } from '../target.ts'

const GOOD = {
  path: 'good.yml',
  text: 'title: good\nid: good\nlogsource: { category: c }\ndetection: { sel: { F: a }, condition: sel }\n',
}
const START = Date.UTC(2026, 5, 1)
const EVENT = {
  category: 'c',
  F: 'a',
  Image: '/usr/bin/curl',
  CommandLine: 'curl -d @x https://example.com',
  Nested: { a: [1, null, { b: 'x' }] },
}
const EVENTS = [
  EVENT,
  { ...EVENT, category: 'process_creation', product: 'linux' },
  { ...EVENT, category: 'network_connection', product: 'linux', DestinationIp: '203.0.113.9', DestinationPort: 443 },
]
const WORDS = [
  ...['|contains', '|re', '|cidr', '|base64offset', '|windash', '|all', '|fieldref', '|expand', '|exists', '|gt'],
  ...['1 of ', 'all of them', 'not ', 'and', ' or ', 'condition:', 'detection:', 'tellwire:', 'correlation:', '---\n'],
  ...['&a', '*a', '!!js', '<<: ', '? ', '|-\n', '>\n', '{', '[', '"', '\t', '%placeholder%', 'timespan: 1d', 'null'],
]

export const sigma: Target = {
  name: 'sigma',
  shape: 'yaml',
  dictionary: WORDS,
  open: async () => ({ run: loadAndMatch }),
}

function loadAndMatch(input: Buffer): void {
  const { rules, correlations, filters, problems } = load([{ path: 'fuzzed.yml', text: input.toString('utf8') }, GOOD])
  const isTaken = problems.some((it) => it.path === GOOD.path)
  assert.ok(isTaken || rules.some((it) => it.path === GOOD.path), 'the good rule beside it is loaded')
  for (const { line, column, message } of problems) assert.ok(line >= 1 && column >= 1 && message.length > 0)
  const program = compile(rules)
  const engine = correlator(correlations)
  let time = START
  for (const event of EVENTS) {
    const matches = program.match(event)
    if (!isTaken && filters.length === 0 && event.category === 'c')
      assert.ok(matches.some(({ rule }) => rule.path === GOOD.path))
    engine.take({ event, id: String((time += 1_000)), time, matches })
  }
  engine.advance(time + 86_400_000)
  assert.ok(JSON.stringify(problems).length < 5_000_000)
  runRuleTests(rules, compile, correlations)
}

export const conditions: Target = {
  name: 'conditions',
  shape: 'text',
  dictionary: [
    'and ',
    'or ',
    'not ',
    '(',
    ')',
    '1 of ',
    'all of ',
    'them',
    'sel',
    'other',
    'sel*',
    '*',
    'any of ',
    '|',
  ],
  open: async () => ({
    run(input) {
      const condition = JSON.stringify(input.toString('utf8'))
      const text = `title: t\nid: t\nlogsource: { category: c }\ndetection:\n  sel: { F: a }\n  sel2: { G: b }\n  other: { F: c }\n  condition: ${condition}\n`
      const { rules, problems } = load([{ path: 'fuzzed.yml', text }, GOOD])
      assert.ok(rules.some((it) => it.path === GOOD.path))
      const found = rules.find((it) => it.path === 'fuzzed.yml')
      assert.ok(found || problems.some((it) => it.severity === 'error'), 'it is loaded, or there is an error')
      const program = compile(rules)
      for (const event of EVENTS) program.match(event)
    },
  }),
}

export const regex: Target = {
  name: 'regex',
  shape: 'json',
  dictionary: [
    ...[
      '(?i)',
      '(?:',
      '(?=',
      '(?P<a>',
      '\\b',
      '\\w+',
      '[^a-z]',
      '{2,}',
      '{1,100}',
      '.*',
      '\\Q',
      '\\E',
      '\\pL',
      '$',
      '^',
    ],
    ...['[[:alpha:]]', '|', '\\x{10ffff}', '(a+)+', '\\u0130', 'ſ', 'K', '[\\]]', '(?s)', '\\n', '\\C', '\\z', '-]'],
  ],
  open: async () => ({ run: compareWithRe2 }),
}

/** The cheap checks before an expression must not change what it matches. */
function compareWithRe2(input: Buffer): void {
  const { source, flags, text } = values(input)
  const set = new Set(flags)
  let compiled: ReturnType<typeof compileRegex>
  try {
    compiled = compileRegex(source, set)
  } catch (cause) {
    assert.ok(cause instanceof Error && cause.message.length > 0 && cause.message.length <= 400)
    return
  }
  assert.ok(source.length <= MAX_SOURCE)
  const { re2, run } = translate(source, set)
  const found = compiled.test(text, fold(text))
  // A long run of one set is counted and not compiled: nothing to compare with.
  if (run !== null) return
  const expected = RE2JS.compile(re2).test(text)
  assert.equal(found, expected, `${JSON.stringify(source)} on ${JSON.stringify(text)}`)
}

function values(input: Buffer): { source: string; flags: ('i' | 'm' | 's')[]; text: string } {
  try {
    const { source, flags, text } = JSON.parse(input.toString('utf8'))
    const known = String(flags)
      .split('')
      .filter((it) => 'ims'.includes(it)) as ('i' | 'm' | 's')[]
    return { source: String(source), flags: known, text: String(text) }
  } catch {
    return { source: input.toString('utf8'), flags: [], text: 'aa bb 12 \u0130' }
  }
}

export const ruleArchive: Target = {
  name: 'rule-archive',
  shape: 'bytes',
  dictionary: ['ustar\0', '././@LongLink', '../', '/etc/passwd', '12 path=a\n', '77777777777', '\0'],
  /** Changes the tar inside the gzip, and makes the first header's sum right again. */
  mutate(input, random) {
    try {
      const tar = gunzipSync(input, { maxOutputLength: 1_048_576 })
      for (let left = 1 + below(random, 3); left > 0; left--) tar[below(random, tar.length)] = below(random, 256)
      const block = 512 * below(random, Math.ceil(tar.length / 512))
      const header = tar.subarray(block, block + 512)
      if (header.length === 512) {
        header.fill(0x20, 148, 156)
        header.write(
          `${header
            .reduce((sum, byte) => sum + byte, 0)
            .toString(8)
            .padStart(6, '0')}\0 `,
          148,
          'latin1',
        )
      }
      return gzipSync(tar)
    } catch {
      return input
    }
  },
  async open() {
    const folder = temporaryFolder()
    const path = join(folder, 'rules.tar.gz')
    return {
      async run(input) {
        writeFileSync(path, input)
        try {
          for await (const { name, text } of textsIn(path, { wanted: () => true, maxBytes: 65_536 })) {
            assert.ok(!name.startsWith('/') && !name.split('/').includes('..'), `${name} leads out of the archive`)
            assert.ok(text === null || Buffer.byteLength(text) <= 3 * 65_536)
          }
        } catch (cause) {
          if (!(cause instanceof Error) || cause.name === 'AssertionError' || cause instanceof TypeError) throw cause
        }
      },
      close: async () => removeFolder(folder),
    }
  },
}
