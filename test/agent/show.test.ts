import assert from 'node:assert/strict'
import { formatShowReport, showReport } from '../../agent/show.ts'
import { CATEGORIES } from '../../wire/event.ts'
import { NOW } from './laptop.ts'
import { POLICY } from './server.ts'

const config = { url: 'https://tellwire.example/', serverKey: 'k', device: 'd-1', ca: null }

describe('agent/show', () => {
  it("lists every category that this system's agent collects, and which are off", () => {
    const { collected } = showReport(config, { ...POLICY, on: ['presence'], off: ['egress'] }, [], 'linux')
    const here = Object.entries(CATEGORIES).filter(([, it]) => it.on.includes('linux'))
    assert.deepEqual(
      collected.map((it) => it.category),
      here.map(([category]) => category),
    )
    assert.deepEqual(
      collected.filter((it) => !it.on).map((it) => it.category),
      ['egress'],
    )
  })

  it('prints plain text without control characters from names', () => {
    const event = {
      category: 'usb_device',
      time: NOW,
      id: 'x',
      seq: 1,
      ProductName: 'a\u001b[31mb\n\u202ec',
      Serial: null,
    }
    const text = formatShowReport(showReport(config, { ...POLICY, off: ['egress'] }, [event], 'linux'))
    assert.match(text, /reports to https:\/\/tellwire\.example\/ as d-1/)
    assert.match(text, /Switched off by your company:\n {2}egress/)
    assert.match(text, /Never collected:\n {2}what you type/)
    assert.match(text, /2026-11-22 00:00:00 usb_device: ProductName=a\ufffd\[31mb\ufffd\ufffdc$/)
  })
})
