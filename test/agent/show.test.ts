import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describeShown, shown } from '../../agent/show.ts'
import { lastSent, sentLog } from '../../agent/spool/sent.ts'
import { describeStatus, type Status, statusWriter } from '../../agent/status.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { CATEGORIES } from '../../wire/event.ts'
import { NOW, removeFolder, temporaryFolder } from './laptop.ts'
import { POLICY } from './server.ts'

const config = { url: 'https://tellwire.example/', serverKey: 'k', device: 'd-1', ca: null }
const leased = (seq: number, event: object) => ({ seq, text: Buffer.from(JSON.stringify(event)) })

describe('agent/show', () => {
  it("names every category that this system's agent collects, and which are off", () => {
    const { collected } = shown(config, { ...POLICY, on: ['presence'], off: ['egress'] }, [], 'linux')
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

  it("is plain words, and others' names cannot command the terminal", () => {
    const event = {
      category: 'usb_device',
      time: NOW,
      id: 'x',
      seq: 1,
      ProductName: 'a\u001b[31mb\n\u202ec',
      Serial: null,
    }
    const text = describeShown(shown(config, { ...POLICY, off: ['egress'] }, [event], 'linux'))
    assert.match(text, /reports to https:\/\/tellwire\.example\/ as d-1/)
    assert.match(text, /Switched off by your company:\n {2}egress/)
    assert.match(text, /Never collected:\n {2}what you type/)
    assert.match(text, /2026-11-22 00:00:00 usb_device: ProductName=a\ufffd\[31mb\ufffd\ufffdc$/)
  })
})

describe('agent/sent', () => {
  let folder = ''
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => removeFolder(folder))

  it('keeps the last ones across restarts, within its bound', () => {
    const path = join(folder, 'sent.ndjson')
    const filler = 'x'.repeat(900)
    let log = sentLog(path)
    for (let seq = 1; seq <= 600; seq++) {
      if (seq === 300) log = sentLog(path)
      log([leased(seq, { seq, filler })])
    }
    appendFileSync(path, '{"seq":601,"cut')
    assert.deepEqual(
      lastSent(path, 3).map((it) => it.seq),
      [600, 599, 598],
    )
    assert.ok(statSync(path).size + statSync(`${path}.before`).size <= 262_144)
    log(Array.from({ length: 1_000 }, (_, index) => leased(index, { seq: 1_000 + index, filler })))
    assert.equal(lastSent(path, 1)[0]!.seq, 1_999)
    assert.ok(statSync(path).size <= 131_072)
  })

  it('nothing sent is nothing shown', () => assert.deepEqual(lastSent(join(folder, 'none'), 5), []))
})

describe('agent/status', () => {
  const status: Status = {
    at: NOW,
    version: '1',
    server: 'https://tellwire.example/',
    device: 'd-1',
    startedAt: NOW - 60_000,
    connected: true,
    connectedAt: NOW - 30_000,
    trouble: null,
    nextTryAt: null,
    lastAckAt: NOW - 2_000,
    policyVersion: 3,
    policyTrouble: null,
    spool: { bytes: 1_048_576, keptBytes: 0, unsent: 12, acked: 1, last: 13, trouble: null, dropped: {} },
    rejected: {},
    gaps: [],
    wireBytes: 0,
  }
  for (const { name, change, pid, says } of [
    {
      name: 'connected',
      change: {},
      pid: 7,
      says: /running, process 7[\s\S]*yes, for 30 s[\s\S]*2 s ago[\s\S]*12 events; 1\.0 MiB/,
    },
    { name: 'not running', change: {}, pid: null, says: /not running \(last seen 0 s ago\)[\s\S]*connected +no\./ },
    {
      name: 'revoked',
      change: { connected: false, trouble: 'This device has been revoked.', nextTryAt: NOW + 600_000 },
      pid: 7,
      says: /no\. This device has been revoked\. Next try in 10 min\./,
    },
    {
      name: 'losing events',
      change: {
        spool: { ...status.spool, trouble: 'ENOSPC', dropped: { egress: 5 } },
        rejected: { 'event.malformed': 2 },
        gaps: [{ about: '/dev/input', reason: 'denied', lastAt: NOW }],
      },
      pid: 7,
      says: /ENOSPC[\s\S]*egress 5[\s\S]*event\.malformed 2[\s\S]*\/dev\/input: denied/,
    },
  ])
    it(`says in words: ${name}`, () => assert.match(describeStatus({ ...status, ...change }, pid, NOW), says))

  it('is written when there is news, and once a minute', () => {
    const folder = temporaryFolder()
    const path = join(folder, 'status.json')
    let wall = NOW
    let booted = 0
    const pass = (ms: number) => {
      wall += ms
      booted += ms
    }
    const { at: _at, ...facts } = status
    const write = statusWriter(path, { wall: () => wall, awake: () => booted, booted: () => booted }, () => facts)
    const writtenAt = () => (JSON.parse(readFileSync(path, 'utf8')) as Status).at - NOW
    write()
    pass(5_000)
    write()
    assert.equal(writtenAt(), 0)
    facts.connected = false
    write()
    assert.equal(writtenAt(), 5_000)
    pass(60_000)
    write()
    assert.equal(writtenAt(), 65_000)
    wall -= 86_400_000
    pass(60_000)
    write()
    assert.equal(writtenAt(), 125_000 - 86_400_000, 'a clock that was set back stops nothing')
    removeFolder(folder)
  })
})

describe('agent/version', () => {
  it('is the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      version: string
    }
    assert.equal(AGENT_VERSION, version)
  })
})
