/** Regular expressions mean what PCRE2 says: a table, and random expressions compared with Perl's own engine. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fold } from '../../../rules/language/fold.ts'
import { compileRegex } from '../../../rules/language/regex.ts'
import { notTested } from '../../not-tested.ts'

type Flags = '' | 'i' | 'm' | 's'

function matches(source: string, flags: string, text: string): boolean {
  return compileRegex(source, new Set([...flags] as ('i' | 'm' | 's')[])).test(text, fold(text))
}

/** Expression, flags, texts that match, texts that do not. */
const TABLE: [construct: string, source: string, flags: Flags, yes: string[], no: string[]][] = [
  ['\\s has the vertical tab', 'a\\sb', '', ['a\vb', 'a b', 'a\tb', 'a\fb', 'a\rb', 'a\nb'], ['a\u00a0b', 'ab']],
  ['\\S has not', '^\\S$', '', ['a', '\u00a0'], ['\v', ' ']],
  ['[\\s] and [^\\s]', '^[\\sx][^\\s]$', '', ['\va', 'xa'], ['a\v', '\v\v']],
  ['[\\S] as a member', '^[\\S ]$', '', ['a', ' '], ['\v', '\t']],
  ['$ before a last line break', 'evil$', '', ['evil', 'evil\n'], ['evil\n\n', 'evil\r\n', 'evil\nx']],
  ['\\Z is the same, \\z is not', 'a\\Z', '', ['a', 'a\n'], ['a\n\n']],
  ['\\z', 'a\\z', '', ['a'], ['a\n']],
  ['$ in an alternative', 'a($|\\s)', '', ['a', 'a\n', 'a b'], ['ab']],
  ['$ with an assertion after it', 'a$\\b', '', ['a', 'a\n'], ['ab']],
  ['$ with what may be empty after it', 'a$\\s*', '', ['a', 'a\n'], ['ab']],
  ['$ with what cannot follow', 'a$b', '', [], ['a', 'ab', 'a\nb']],
  ['multiline $ and ^', '^b$', 'm', ['b', 'a\nb\nc', 'b\n'], ['ab', 'a b']],
  ['\\A and \\Z in multiline', '\\Ab\\Z', 'm', ['b', 'b\n'], ['a\nb']],
  ['repetitions above 1,000', 'x{1001}', '', ['x'.repeat(1_001)], ['x'.repeat(1_000)]],
  ['open repetitions above 1,000', '^a.{2048,}', '', [`a${'.'.repeat(2_048)}`], [`a${'.'.repeat(2_047)}`]],
  [
    'a long run',
    '.{5000,}',
    '',
    ['é'.repeat(5_000)],
    ['é'.repeat(4_999), `${'x'.repeat(4_999)}\n${'x'.repeat(4_999)}`],
  ],
  ['a long run from the start', '^[a-f]{1500,}', '', ['a'.repeat(1_500)], [`x${'a'.repeat(1_500)}`, 'a'.repeat(1_499)]],
  ['a long run of characters beyond U+FFFF', '.{1500}', '', ['😀'.repeat(1_500)], ['😀'.repeat(1_499)]],
  ['upper bounds above 1,000', '^x{2,1200}$', '', ['xx', 'x'.repeat(1_200)], ['x', 'x'.repeat(1_201)]],
  ['nested repetitions above 1,000', '^(?:ab{40}){30}$', '', [`a${'b'.repeat(40)}`.repeat(30)], ['ab']],
  ['{,n}', '^a{,2}$', '', ['', 'a', 'aa'], ['aaa']],
  ['braces as characters', 'a{b}{', '', ['a{b}{'], ['ab']],
  ['a repeated repetition', '^(?:a{2}){2}$', '', ['aaaa'], ['aaa', 'aa']],
  ['\\h and \\H', '^\\h\\H$', '', ['\u00a0a', '\tb', ' \n'], ['\na', '  ']],
  ['\\v and \\V', '^\\v\\V$', '', ['\na', '\u2028a', '\u0085a'], ['aa', '\n\n']],
  ['\\R', 'a\\Rb', '', ['a\r\nb', 'a\nb', 'a\rb', 'a\u2029b'], ['a b', 'a\n\nb']],
  ['\\N', '^\\N$', 's', ['a'], ['\n']],
  ['dot', '^a.b$', '', ['a\rb', 'a😀b'], ['a\nb']],
  ['dotall', '^a.b$', 's', ['a\nb'], ['ab']],
  ['\\Q..\\E', '^\\Qa.b*\\E+$', '', ['a.b*', 'a.b**'], ['axb*']],
  ['\\Q without \\E', '\\Q(', '', ['('], []],
  ['POSIX classes', '^[[:alpha:]_][[:^digit:]]$', '', ['aB', '_-'], ['a1', 'é1']],
  ['classes are ASCII', '^[\\w\\d]$', '', ['a', '1', '_'], ['é', '٣']],
  ['\\b is ASCII', 'é\\bx', '', ['éx'], ['éé']],
  ['possessive, where nothing is needed back', '^[^"]*+"$', '', ['ab"'], ['ab']],
  ['possessive at the end', '^ab++', '', ['abb'], ['a']],
  ['possessive with a count', '^a{2}+a$', '', ['aaa'], ['aa']],
  ['atomic of one length', '(?>ab|cd)b', '', ['abb', 'cdb'], ['ab']],
  ['flags at the start', '(?i)EVIL', '', ['evil', 'Evil'], ['evi']],
  ['flags in the middle', 'a(?i)b|c', '', ['aB', 'C'], ['AB']],
  ['flags for a group', 'a(?i:b)c', '', ['aBc'], ['aBC']],
  ['flags off', '(?-i:a)b', 'i', ['aB'], ['AB']],
  ['(?s) and (?m)', '(?sm)^a.b$', '', ['x\na\nb\nx'], ['xa\nb']],
  ['(?x)', '(?x) a b # c\n \\ d [ ]', '', ['ab d '], ['abd']],
  ['(?^)', '(?i)a(?^:b)', '', ['Ab'], ['AB']],
  ['comments', 'a(?#x)b', '', ['ab'], ['axb']],
  ['named groups', "(?<n>a)(?P<m>b)(?'k'c)(?|d|e)", '', ['abce'], ['abc']],
  ['code points', '^\\x41\\x{1F600}\\u0042\\o{103}\\011\\cI\\e$', '', ['A😀BC\t\t\x1b'], ['ABC']],
  ['[\\b] is a backspace', '[\\b]', '', ['\b'], ['b']],
  ['[]a] and [^]a]', '^[]a][^]a]$', '', [']b', 'ab'], [']]']],
  ['[a-\\d]', '^[a-\\d]+$', '', ['a-1'], ['b']],
  ['Unicode classes', '^\\p{Lu}\\P{L}\\p{^L}\\p{L&}\\p{Greek}\\p{Xan}$', '', ['Ä12aα3'], ['ä12aα3']],
  ['\\p{Lu} without regard to case', '^\\p{Lu}$', 'i', ['a', 'Ä'], ['1']],
  ['Unicode case', 'ÄK', 'i', ['äk', 'ä\u212a'], ['ak']],
  ['classes without regard to case', '^[a-c]+$', 'i', ['aBc'], ['d']],
  ['\\K and \\G', '\\Ga\\Kb', '', ['ab'], ['xab']],
  ['lazy', '^a+?b??$', '', ['aab'], ['b']],
  ['escaped punctuation', '\\<\\é\\/\\"\\ \\-', '', ['<é/" -'], ['<é']],
]

const REFUSED: [source: string, says: RegExp][] = [
  ['a(?=b)', /Look-around.*two selections/],
  ['(?<!a)b', /Look-around/],
  ['(a)\\1', /refers back/],
  ['(?<n>a)\\k<n>', /refers back/],
  ['(?R)', /recursion/],
  ['(?(1)a|b)', /Conditions/],
  ['(*UTF)a', /instruction to PCRE/],
  ['a++a', /gives nothing back/],
  ['(?>a|ab)c', /gives nothing back/],
  ['a$\\n', /line break/],
  ['(a$|b)\\b', /line break/],
  ['*a', /nothing before '\*'/],
  ['a(b', /never closed/],
  ['a)b', /no opening one/],
  ['[ab', /never closed/],
  ['[z-a]', /backwards/],
  ['a{3,2}', /larger number/],
  ['a{70000}', /65535/],
  ['\\y', /no meaning/],
  ['\\p{Nonsense}', /no Unicode class/],
  ['[[:foo:]]', /no class/],
  ['(?q)a', /no flag 'q'/],
  ['(?:.{900}){900}', /too (large|much)/],
]

describe("PCRE's regular expressions", function () {
  this.timeout(120_000)

  for (const [construct, source, flags, yes, no] of TABLE)
    it(construct, () => {
      for (const text of yes) assert.ok(matches(source, flags, text), `${source} on ${JSON.stringify(text)}`)
      for (const text of no) assert.ok(!matches(source, flags, text), `${source} on ${JSON.stringify(text)}`)
    })

  for (const [source, says] of REFUSED)
    it(`refuses ${source}`, () => assert.throws(() => matches(source, '', 'a'), says))

  it('agree with V8 on repetitions beyond 1,000, which RE2 does not take', () => {
    const random = randomFrom(1_001)
    for (let n = 0; n < LONG_EXPRESSIONS; n++) {
      const least = 1_001 + Math.floor(random() * 300)
      const most = least + Math.floor(random() * 200)
      const [set, member] = pick(random, [
        ['x', 'x'],
        ['[a-c]', 'b'],
        ['\\w', '_'],
        ['.', '-'],
      ] as const)
      const counts = pick(random, [`{${least}}`, `{${least},}`, `{${least},${most}}`, `{0,${most}}`])
      const [start, end] = [pick(random, ['', '^', 'A']), pick(random, ['', '$', 'Z'])]
      const source = `${start}${set}${counts}${end}`
      for (const length of [least - 1, least, most, most + 1]) {
        const body = member.repeat(length)
        const text = pick(random, [body, `A${body}`, `A${body}Z`, `${body.slice(1)}\n${member}`])
        assert.equal(matches(source, '', text), new RegExp(source).test(text), `${source} on ${length} ${member}`)
      }
      // PCRE reads {,n} as {0,n}; V8 does not.
      const short = `^${set}{,${most}}$`
      assert.ok(matches(short, '', member.repeat(most)) && !matches(short, '', member.repeat(most + 1)), short)
    }
  })

  it('agree with Perl on random expressions', function () {
    const random = randomFrom(20_261_130)
    const expressions = Array.from({ length: EXPRESSIONS }, () => ({
      flags: pick(random, ['', '', 'i', 's', 'm'] as const),
      source: alternatives(random, 3),
      texts: Array.from({ length: TEXTS }, () => textOf(random)),
    }))
    const answers = perl(expressions)
    if (answers === null) return notTested(this, 'perl is not installed')
    let compared = 0
    const differences: string[] = []
    for (const [i, { source, flags, texts }] of expressions.entries()) {
      const answer = answers[i]!
      if (answer === 'E') continue
      let mine: string
      try {
        mine = texts.map((text) => Number(matches(source, flags, text))).join('')
      } catch (cause) {
        // A refusal is honest; a wrong answer is not.
        if (/gives nothing back|line break/.test((cause as Error).message)) continue
        mine = (cause as Error).message
      }
      compared++
      if (mine !== answer) differences.push(`${JSON.stringify({ source, flags, texts })}: ${mine}, Perl ${answer}`)
    }
    assert.deepEqual(differences.slice(0, 5), [])
    assert.ok(compared > EXPRESSIONS / 2, `${compared} expressions were compared`)
  })
})

const EXPRESSIONS = 3_000
const LONG_EXPRESSIONS = 15
const TEXTS = 8

/** One line of answers for each expression: 1 and 0 by text, or E when Perl refuses it. Null: there is no Perl. */
function perl(expressions: readonly { source: string; flags: string; texts: string[] }[]): string[] | null {
  const input = expressions.map(({ source, flags, texts }) =>
    [`-${flags}`, ...[source, ...texts].map((it) => Buffer.from(it, 'utf8').toString('hex'))].join(' '),
  )
  const script = `
    use utf8; no warnings;
    while (<STDIN>) {
      chomp; my ($flags, @all) = split / /, $_, -1; $flags =~ s/-//;
      my ($source, @texts) = map { my $it = pack('H*', $_); utf8::decode($it); $it } @all;
      my $made = eval { qr/(?a$flags:$source)/ };
      print defined $made ? join('', map { $_ =~ $made ? 1 : 0 } @texts) : 'E', "\\n";
    }`
  const { status, stdout, error } = spawnSync('perl', ['-e', script], {
    input: `${input.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  if (error || status !== 0) return null
  return stdout.trimEnd().split('\n')
}

type Random = () => number

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

function alternatives(random: Random, depth: number): string {
  const parts = Array.from({ length: random() < 0.25 ? 2 : 1 }, () => sequence(random, depth))
  return parts.join('|')
}

function sequence(random: Random, depth: number): string {
  return Array.from({ length: Math.floor(random() * 4) + 1 }, () => piece(random, depth)).join('')
}

function piece(random: Random, depth: number): string {
  if (random() < 0.12) return pick(random, ['^', '$', '\\b', '\\B', '\\A', '\\z', '\\Z', '(?i)', '(?s)', '(?#c)'])
  const atom = depth > 0 && random() < 0.25 ? group(random, depth - 1) : pick(random, ATOMS)
  return atom + pick(random, REPEATS)
}

function group(random: Random, depth: number): string {
  const open = pick(random, ['(', '(?:', '(?i:', '(?s:', '(?-i:', '(?>', '(?<n>', '(?|'])
  return `${open}${alternatives(random, depth)})`
}

/** Without \Q…\E, which Perl reads before its engine does. */
const ATOMS = [
  ...['a', 'b', 'A', 'é', 'É', 'k', '.', '-', ' ', '_', '1', '😀', '\\.', '\\n', '\\t', '\\x41', '\\x{e9}'],
  ...[
    '\\s',
    '\\S',
    '\\d',
    '\\D',
    '\\w',
    '\\W',
    '\\h',
    '\\H',
    '\\v',
    '\\V',
    '\\R',
    '\\N',
    '\\p{L}',
    '\\P{L}',
    '\\p{Lu}',
  ],
  ...[
    '[ab]',
    '[^ab]',
    '[a-c1]',
    '[\\s-]',
    '[^\\s]',
    '[\\S ]',
    '[[:alpha:]]',
    '[[:^space:]x]',
    '[\\h\\d]',
    '[\\v]',
    '[]a]',
  ],
  ...['[^\\n]', '[\\x00-\\x20]', '[A-Z]', '[^A-Z]', '\\x0b', '\\cK', '\\e', '[\\b]', '[.$^]'],
]
const REPEATS = [
  ...[
    '',
    '',
    '',
    '',
    '',
    '',
    '*',
    '+',
    '?',
    '*?',
    '+?',
    '??',
    '{2}',
    '{1,2}',
    '{0,3}',
    '{2,}',
    '{,2}',
    '*+',
    '++',
    '?+',
  ],
]

/** No multiline ^ is asked about after a last line break: see the table in the dialect. */
function textOf(random: Random): string {
  const chars = [
    'a',
    'b',
    'A',
    'B',
    'é',
    'É',
    'k',
    'K',
    '\u212a',
    '.',
    '-',
    ' ',
    '_',
    '1',
    '😀',
    '\n',
    '\r',
    '\t',
    '\v',
  ]
  return Array.from({ length: Math.floor(random() * 7) }, () => pick(random, chars)).join('')
}
