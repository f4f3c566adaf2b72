/** Values that YAML reads as something else: the hint says to quote them, and that mends the rule. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compile, load } from '../../../rules/language/index.ts'

const RUNS = Number(process.env.PROPERTY_RUNS ?? 60)

/** Without characters that YAML or Sigma interpret. The last one is never a digit, so that no number is made of it. */
const word = fc
  .string({ unit: fc.constantFrom(...'abcdwxyzCDW.-_/19'), minLength: 1, maxLength: 8 })
  .map((text) => `q${text}z`)

interface Kind {
  name: string
  /** The value that was meant, made of two words. */
  meant(a: string, b: string): string
  /** As it was written; without it as it was meant. */
  written?(a: string, b: string): string
  hint: RegExp
  /** Positions where YAML reads it as it was meant, or as something that is right. */
  except?: readonly string[]
}

const QUOTE = /quote/i
const SINGLE = /single quotes/
const ALIAS = /^Without quotes a leading \* is an alias\. Quote the value: '\*/
const TWICE = /^A quote ends the value .* single quotes, and write each ' in it twice/
const EMPTY = /^Write null if that is meant\. Quote/

const KINDS: readonly Kind[] = [
  { name: 'begins with *', meant: (a) => `*${a}`, hint: ALIAS },
  { name: 'begins with * and a backslash', meant: (a) => `*\\${a}.exe`, hint: ALIAS },
  { name: 'begins and ends with *', meant: (a) => `*${a}*`, hint: ALIAS },
  { name: 'begins with * and has a blank', meant: (a, b) => `*${a} ${b}`, hint: QUOTE },
  { name: 'begins with %', meant: (a) => `%${a}`, hint: QUOTE },
  { name: 'begins with @', meant: (a) => `@${a}`, hint: QUOTE },
  { name: 'begins with a backtick', meant: (a) => `\`${a}`, hint: QUOTE },
  { name: 'begins with !', meant: (a) => `!${a}`, hint: QUOTE },
  { name: 'begins with &', meant: (a) => `&${a}`, hint: EMPTY },
  { name: 'begins with |', meant: (a) => `|${a}`, hint: QUOTE },
  { name: 'begins with >', meant: (a) => `>${a}`, hint: QUOTE },
  { name: 'begins with #', meant: (a) => `#${a}`, hint: EMPTY, except: ['flow list'] },
  { name: 'begins with }', meant: (a) => `}${a}`, hint: QUOTE },
  { name: 'begins with ]', meant: (a) => `]${a}`, hint: QUOTE },
  { name: 'begins with a comma', meant: (a) => `,${a}`, hint: QUOTE },
  { name: 'begins with an open bracket', meant: (a) => `[${a}`, hint: QUOTE },
  { name: 'is in braces', meant: (a) => `{${a}}`, hint: QUOTE },
  { name: 'begins with - and a blank', meant: (a) => `- ${a}`, hint: QUOTE },
  { name: 'begins with ? and a blank', meant: (a) => `? ${a}`, hint: QUOTE },
  { name: 'holds a colon and a blank', meant: (a, b) => `${a}: ${b}`, hint: QUOTE },
  { name: 'ends in a colon', meant: (a) => `${a}:`, hint: QUOTE },
  {
    name: 'has a path in double quotes',
    meant: (a) => `C:\\W${a}`,
    written: (a) => `"C:\\W${a}"`,
    hint: SINGLE,
  },
  {
    name: 'has a path of control characters in double quotes',
    meant: (a, b) => `C:\\t${a}\\n${b}`,
    written: (a, b) => `"C:\\t${a}\\n${b}"`,
    hint: SINGLE,
  },
  {
    name: 'has a class of an expression in double quotes',
    meant: (a) => `${a}\\d`,
    written: (a) => `"${a}\\d"`,
    hint: SINGLE,
  },
  {
    name: 'has an apostrophe in single quotes',
    meant: (a, b) => `${a}'${b}`,
    written: (a, b) => `'${a}'${b}'`,
    hint: TWICE,
  },
  { name: 'goes on after double quotes', meant: (a, b) => `"${a}" ${b}`, hint: TWICE },
  { name: 'goes on after single quotes', meant: (a, b) => `'${a}' ${b}`, hint: TWICE },
  { name: 'begins with a single quote', meant: (a) => `'${a}`, hint: TWICE },
  { name: 'begins with a double quote', meant: (a) => `"${a}`, hint: TWICE },
]

/** A rule with the value at a place; the value is on line 5 or 6. */
const POSITIONS: Readonly<Record<string, (value: string) => string>> = {
  'one value': (value) => `    F: ${value}`,
  'a value with a modifier': (value) => `    F|contains: ${value}`,
  'a list': (value) => `    F:\n      - ${value}\n      - other`,
  'flow list': (value) => `    F: [${value}, other]`,
}

const rule = (selection: string) =>
  `title: t\nlogsource: { category: c }\ndetection:\n  s:\n${selection}\n  condition: s\n`
const problemsOf = (text: string) => load([{ path: 'r.yml', text }]).problems

describe('the hint about quotes', function () {
  this.timeout(120_000)

  for (const { name, meant, written = meant, hint, except = [] } of KINDS)
    it(`is given for a value that ${name}, and is right`, () => {
      fc.assert(
        fc.property(word, word, fc.constantFrom(...Object.entries(POSITIONS)), (a, b, [position, at]) => {
          fc.pre(!except.includes(position))
          const text = rule(at(written(a, b)))
          const problems = problemsOf(text)
          assert.ok(problems.length > 0, `no problem in ${text}`)
          // In a flow list the brackets of a value may end or open others.
          const wanted = position === 'flow list' && hint !== SINGLE && hint !== ALIAS ? QUOTE : hint
          for (const problem of problems) assert.match(problem.hint ?? 'no hint', wanted, text)
          const quoted = rule(at(`'${meant(a, b).replaceAll("'", "''")}'`))
          assert.deepEqual(problemsOf(quoted), [], quoted)
          const program = compile(load([{ path: 'r.yml', text: quoted }]).rules)
          const found = [meant(a, b), `${meant(a, b)}.`].map((F) => program.match({ category: 'c', F }).length)
          assert.deepEqual(found, [1, position === 'a value with a modifier' || meant(a, b).endsWith('*') ? 1 : 0])
        }),
        { numRuns: RUNS },
      )
    })

  it('is not given for values that need no quotes', () => {
    const plain = fc.constantFrom<(a: string, b: string) => string>(
      (a) => a,
      (a, b) => `${a} ${b}`,
      (a) => `C:\\${a}\\`,
      (a, b) => `${a}:${b}`,
      (a) => `-${a}`,
      (a) => `?${a}`,
      (a, b) => `${a}#${b}`,
      (a, b) => `${a}*${b}`,
      (a, b) => `${a}'${b}`,
      (a, b) => `'${a} # ${b}'`,
      (a, b) => `"${a}: \\\\${b}"`,
      (a, b) => `"C:\\\\t${a}\\\\n${b}"`,
    )
    fc.assert(
      fc.property(word, word, plain, fc.constantFrom(...Object.values(POSITIONS)), (a, b, value, at) => {
        const text = rule(at(value(a, b)))
        assert.deepEqual(problemsOf(text), [], text)
      }),
      { numRuns: 5 * RUNS },
    )
  })
})
