/** Expressions that are compiled on first use must be those that the library accepts. */
import assert from 'node:assert/strict'
import { RE2JS } from 're2js'
import { compileRegex, MAX_PROGRAM } from '../../../rules/language/regex.ts'
import { translate } from '../../../rules/language/regex-dialect.ts'

const FRAGMENTS =
  String.raw`a b7 . ^ $ | ( (?: (?i: (?= (?<n> (?P<n> ) ) [ab] [^\\] [a-z-] [z-a] [] [^] [[:alpha:]] [\w-z] \w \b \1 \. \_ \- \q * + ? ?? {2} {3,9} {9,3} {,2} {999} {1001} { } ] - \ é`.split(
    ' ',
  )

describe('regex', function () {
  this.timeout(120_000)

  it('refuses at once what RE2 refuses or finds too large', () => {
    let [accepted, refused] = [0, 0]
    for (let seed = 1; seed <= 5_000; seed++) {
      const source = randomExpression(seed)
      const isUsable = usable(source)
      assert.equal(isCompiled(source), isUsable, source)
      if (isUsable) accepted++
      else refused++
    }
    assert.ok(accepted > 500 && refused > 500, `${accepted} accepted, ${refused} refused`)
  })
})

function usable(source: string): boolean {
  try {
    const { re2, run } = translate(source, new Set())
    return run !== null || RE2JS.compile(re2).programSize() <= MAX_PROGRAM
  } catch {
    return false
  }
}

function isCompiled(source: string): boolean {
  try {
    compileRegex(source, new Set())
    return true
  } catch {
    return false
  }
}

function randomExpression(seed: number): string {
  let state = Math.imul(seed, 0x9e3779b1)
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % below
  }
  const source = Array.from({ length: 1 + next(7) }, () => FRAGMENTS[next(FRAGMENTS.length)]).join('')
  // Parentheses are closed in half of them, so that enough are accepted.
  const open = source.split('(').length - source.split(')').length
  return next(2) === 0 || open < 0 ? source : source + ')'.repeat(open)
}
