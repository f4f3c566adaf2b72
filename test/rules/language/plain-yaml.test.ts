/** The fast reader of plain YAML returns the same as the full one, or null. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { anyDocuments } from '../../../rules/language/document.ts'
import { plainDocument } from '../../../rules/language/plain-yaml.ts'
import { needSharedData, ruleFiles, sigmaFiles } from './shared-data.ts'

/** Null when the fast reader returns null; else whether both results are equal. */
function agrees(text: string): boolean | null {
  const quick = plainDocument(text)
  if (quick === null) return null
  try {
    assert.deepEqual([quick], anyDocuments(text))
    return true
  } catch {
    return false
  }
}

const PLAIN = `# a comment
title: A rule of thumb   # and another
id: 11111111-1111-4111-8111-111111111111
date: 2024-01-31
description: |
    Two lines,

      the second indented.
references:
- https://example.com/a#b
- 'it''s'
tags:
    - attack.t1219
logsource:
    category: test
detection:
    sel-1:
        Image|endswith:
            - '\\a.exe'
            - "b"
        Count: 10
        Flag: true
    sel_2:
        - F: x
          G|contains|all:
              - z
        - H: C:\\Windows\\z
    '|all':
        - word
    condition: sel-1 and not 1 of sel_*
`

describe('plain YAML', function () {
  this.timeout(120_000)

  it('is read as the full reader reads it', () => {
    assert.equal(agrees(PLAIN), true)
  })

  it('is nearly all of SigmaHQ, and all of it is read alike', function () {
    needSharedData(this)
    const verdicts = ruleFiles(sigmaFiles()).map(({ path, text }) => ({ path, agrees: agrees(text) }))
    assert.deepEqual(
      verdicts.filter((each) => each.agrees === false).map(({ path }) => path),
      [],
    )
    const aside = verdicts.filter((each) => each.agrees === null).length
    assert.ok(aside < verdicts.length / 5, `${aside} of ${verdicts.length} were not plain`)
  })

  it('steps aside or agrees when the text is damaged anywhere', () => {
    const piece = fc.constantFrom(
      ' ',
      '  ',
      '\n',
      '\n\n',
      '-',
      '- ',
      ':',
      ': ',
      '#',
      ' #',
      "'",
      '"',
      '|',
      '|-',
      '>',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '!',
      '%',
      '@',
      '?',
      ',',
      '~',
      'null',
      'yes',
      '1',
      '0x1',
      '1:2',
      '.5',
      '\\',
      '---\n',
      '\t',
      '<<: ',
      'a: b',
      '=',
    )
    const damage = fc.record({ at: fc.nat(PLAIN.length), remove: fc.nat(6), piece: fc.oneof(piece, fc.constant('')) })
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        let text = PLAIN
        for (const { at, remove, piece } of damages) text = text.slice(0, at) + piece + text.slice(at + remove)
        assert.notEqual(agrees(text), false)
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 3_000) },
    )
  })
})
