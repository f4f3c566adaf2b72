import assert from 'node:assert/strict'
import { LANGUAGES } from '../../../agent/show/languages.ts'
import { showReport } from '../../../agent/show/report.ts'
import { formatShowReport } from '../../../agent/show/terminal.ts'
import { NOW, ROOT, sources } from './sample.ts'

describe('agent/show: the terminal', () => {
  const text = (language: (typeof LANGUAGES)[number], last = 20) =>
    formatShowReport(showReport(sources(), ROOT), language, NOW, last)

  it('prints plain text without control characters from names', () => {
    const english = text('en')
    assert.match(english, /reports to https:\/\/tellwire\.example\/ as d-1/)
    assert.match(english, /Not collected:\n {2}egress .*\n +Switched off by your company\./)
    assert.match(english, /Never collected:\n {2}what you type/)
    assert.match(english, /Whom to ask:\n {2}Works council, floor 2 <rat@example\.org>/)
    assert.match(english, /usb_device: VendorId=534d ProductId=2109 ProductName=<img .*\ufffd\[31m\ufffdko\n/)
    for (const it of english) assert.ok(it === '\n' || it >= ' ', JSON.stringify(it))
  })

  for (const language of LANGUAGES)
    it(`${language}: has no value that was forgotten`, () => {
      const printed = text(language)
      assert.doesNotMatch(printed, /[{}]|undefined|NaN|null/)
      assert.match(printed, /d-1/)
      assert.match(printed, /designers/)
    })

  it('prints as many of the events sent last as it is asked for', () => {
    const lines = (last: number) =>
      text('en', last)
        .split('\n')
        .filter((it) => /^ {2}2026-11-2/.test(it)).length
    assert.deepEqual([lines(0), lines(2), lines(20)], [0, 2, 4])
  })
})
