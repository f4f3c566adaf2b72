import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatStatus, freshStatus, type Status, statusWriter } from '../../agent/status.ts'
import { DAY } from '../../wire/time.ts'
import { NOW, removeFolder, temporaryFolder } from './laptop.ts'

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
    sent: null,
    page: null,
    wireBytes: 0,
  }
  for (const { name, change, pid, text } of [
    {
      name: 'connected',
      change: {},
      pid: 7,
      text: /running, process 7[\s\S]*yes, for 30 s[\s\S]*2 s ago[\s\S]*12 events, 1\.0 MiB/,
    },
    { name: 'not running', change: {}, pid: null, text: /not running \(last seen 0 s ago\)[\s\S]*connected +no\./ },
    {
      name: 'revoked',
      change: { connected: false, trouble: 'This device has been revoked.', nextTryAt: NOW + 600_000 },
      pid: 7,
      text: /no\. This device has been revoked\. Next attempt in 10 min\./,
    },
    {
      name: 'losing events',
      change: {
        spool: { ...status.spool, trouble: 'ENOSPC', dropped: { egress: 5 } },
        rejected: { 'event.malformed': 2 },
        gaps: [{ about: '/dev/input', reason: 'denied', lastAt: NOW }],
      },
      pid: 7,
      text: /ENOSPC[\s\S]*egress 5[\s\S]*event\.malformed 2[\s\S]*\/dev\/input: denied/,
    },
  ])
    it(`as text: ${name}`, () => assert.match(formatStatus({ ...status, ...change }, pid, NOW), text))

  it('is written when a fact changes, when somebody asks, and otherwise every ten minutes', async () => {
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
    // What every heartbeat changes would be 156 MB a day on the disk.
    Object.assign(facts, { wireBytes: 7, lastAckAt: NOW, spool: { ...facts.spool, unsent: 3, acked: 14, last: 17 } })
    pass(60_000)
    write()
    assert.equal(writtenAt(), 5_000)
    const answer = freshStatus(path, 5_000)
    write()
    assert.equal(await answer, true)
    assert.equal(writtenAt(), 65_000)
    wall -= DAY
    pass(600_000)
    write()
    assert.equal(writtenAt(), 665_000 - DAY, 'it is written although the clock was set back')
    assert.equal(await freshStatus(path, 1), false, 'nobody answers')
    removeFolder(folder)
  })
})
