/** Hostile text on its way to a terminal. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { printable, visible } from '../../wire/printable.ts'

const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u
const CHARACTERS = ['\u001b', '[', '3', '1', 'm', '\r', '\n', '\t', '\u0007', '\u009b', '\u202e', '\u2066', '\u200b']
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...CHARACTERS, '\u2028', '\ufeff', '\u{e0041}', '\ud800'), fc.string()), {
    maxLength: 40,
  })
  .map((it) => it.join(''))

describe('wire/printable', () => {
  it('leaves nothing that moves the cursor, starts a line, or hides or reverses text', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = printable(text)
        assert.doesNotMatch(shown, UNSAFE)
        assert.ok(!/[\n\t]/.test(shown))
        assert.doesNotMatch(visible(text), UNSAFE)
      }),
    )
  })

  it('leaves ordinary text of every script as it is', () => {
    for (const text of ['Zoë Müller', '李雷', 'שלום', 'مرحبا', 'C:\\Users\\x', '🙂']) {
      assert.equal(printable(text), text)
      assert.equal(visible(text), text)
    }
  })

  it('keeps lines and, if asked, colours', () => {
    assert.equal(visible('a\u001b[1mb\u001b[22m\nc'), 'a\\u001b[1mb\\u001b[22m\nc')
    assert.equal(visible('a\u001b[1mb\u001b[22m\nc\u001b[2J', true), 'a\u001b[1mb\u001b[22m\nc\\u001b[2J')
  })

  it('keeps what JSON means', () => {
    fc.assert(fc.property(hostile, (text) => assert.equal(JSON.parse(visible(JSON.stringify(text))), text)))
  })
})
