/**
 * The inputs in ../shared/cases that once failed: rules and filters as people first write them, and secrets on command
 * lines. Our own samples of each kind are in test/rules and test/agent/redact.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { redactArguments, redactCommandLine } from '../agent/redact/index.ts'
import { compile, type FlatEvent, load, parseExactly } from '../rules/language/index.ts'
import { readRuleFiles } from '../rules/tooling/load.ts'
import { SHIPPED_RULES } from '../rules/tooling/shipped.ts'
import { VOCABULARY } from '../rules/tooling/vocabulary.ts'
import { notTested } from './not-tested.ts'

const CASES = join(import.meta.dirname, '../../shared/cases')
const NOW = Date.UTC(2026, 10, 30)

describe('the shared cases', function () {
  this.timeout(120_000)
  let shipped: { path: string; text: string }[]
  before(async function () {
    if (!existsSync(CASES)) notTested(this, '../shared/cases is missing', 'skip')
    shipped = await readRuleFiles([SHIPPED_RULES])
  })
  const textOf = (path: string) => readFileSync(join(CASES, path), 'utf8')

  /** What `rules check` reports: a filter is checked beside the rules that it names. */
  const problemsOf = (path: string) => {
    const text = textOf(path)
    return load([{ path, text }, ...(text.includes('filter:') ? shipped : [])], { vocabulary: VOCABULARY, now: NOW })
      .problems.filter((it) => it.path === path)
      .map(({ line, message, hint }) => `${line}: ${message} ${hint ?? ''}`.trim())
  }

  const checked: [path: string, says: RegExp[]][] = [
    ['rules/f0-works-in-replay-only.yml', []],
    ['rules/f1-good.yml', []],
    ['rules/f10-logsource.yml', [/^3: .*Did you mean 'process_creation'\?$/]],
    ['rules/f2-typo-rule.yml', [/^5: .*no rule of that name or id/]],
    ['rules/f3-no-not.yml', [/^8: .*`condition: not selection`/]],
    ['rules/f4-wrong-logsource.yml', [/^3: .*hides nothing/]],
    ['rules/f5-field-typo.yml', [/^7: .*Did you mean 'KeyKind'\?$/, /^8: .*Did you mean 'worker'\?$/]],
    ['rules/f6-expired.yml', [/^9: .*expired on 2026-11-01/]],
    ['rules/f7-tab.yml', [/^4: .*Indent with spaces/]],
    ['rules/f8-modifier.yml', [/^6: .*Did you mean 'contains'\?$/]],
    ['rules/f9-cond.yml', [/^7: .*Did you mean 'selection'\?$/]],
    ['sigma/31_logsource_typo.yml', [/^4: .*'windows'\?$/, /^3: .*'process_creation'\?$/]],
    ['sigma/32_field_typo.yml', [/^7: .*'CommandLine'\?$/]],
    ['sigma/field-typo-own.yml', [/^5: .*'Image'\?$/]],
    ['sigma/12_unquoted_star.yml', [/^9: .*Quote the value: '\*cmd\.exe'\.$/]],
    ['sigma/14_bad_dquote_escape.yml', [/^9: .*single quotes/]],
    ['sigma/filter-empty.yml', [/^4: The filter names no rule/, /^2: No known events have the category 't'/]],
  ]
  for (const [path, says] of checked)
    it(`${path}: ${says.length > 0 ? 'is explained' : 'has no problem'}`, () => {
      const found = problemsOf(path)
      assert.equal(found.length, says.length, found.join('\n'))
      for (const [index, it] of says.entries()) assert.match(found[index]!, it)
    })

  const matching: [name: string, matches: readonly string[][]][] = [
    ['vt', [['re with vertical tab']]],
    ['dollar', [['dollar']]],
    ['bigint', [[], ['exact 2^53'], ['u64 max (BITS fileLength unknown)']]],
    ['exists-null', [['e']]],
    ['windash-endash', [['w'], ['w']]],
  ]
  for (const [name, matches] of matching)
    it(`sigma/${name}: matches what it should`, () => {
      const program = compile(load([{ path: name, text: textOf(`sigma/${name}.yml`) }]).rules)
      const lines = textOf(`sigma/${name}.ndjson`).trim().split('\n')
      assert.deepEqual(
        lines.map((line) => program.match(parseExactly(line) as FlatEvent).map(({ rule }) => rule.title)),
        matches,
      )
    })

  it('sigma/re-repeat-limit: loads', () =>
    assert.equal(load([{ path: 'it', text: textOf('sigma/re-repeat-limit.yml') }]).rules.length, 1))

  it('secrets.json: no secret comes through, as arguments and as a line', () => {
    const rows = JSON.parse(textOf('secrets.json')) as { name: string; args: string[]; secret: string }[]
    assert.ok(rows.length > 100, `${rows.length} rows`)
    assert.deepEqual(
      rows.filter(({ args, secret }) =>
        [redactArguments(args), redactCommandLine(args.join(' '))].some((it) => it.includes(secret)),
      ),
      [],
    )
  })
})
