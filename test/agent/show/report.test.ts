import assert from 'node:assert/strict'
import { dayOf, showReport } from '../../../agent/show/report.ts'
import { sentCounter } from '../../../agent/show/sent-today.ts'
import { visibleTo } from '../../../agent/show/visible.ts'
import { CATEGORIES } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import { POLICY } from '../server.ts'
import { NOW, ROOT, SENT, sources } from './sample.ts'

const PEOPLE = [
  { name: 'ann', home: '/home/ann' },
  { name: 'bob', home: '/home/bob' },
]

describe('agent/show: the report', () => {
  it("lists every category that this system's agent collects, and which are off", () => {
    const policy = { ...POLICY, on: ['presence'], off: ['egress'] }
    const { collected } = showReport(sources({ policy }), ROOT)
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

  it('nothing is on without a policy', () => {
    const { collected, policy } = showReport(sources({ policy: null, status: null, isRunning: false }), ROOT)
    assert.deepEqual([policy, collected.filter((it) => it.on)], [null, []])
  })

  it('counts what was sent today, and not yesterday', () => {
    const { sentToday, collected } = showReport(sources(), ROOT)
    assert.equal(sentToday?.events, 1_286)
    assert.equal(collected.find((it) => it.category === 'usb_device')?.sentToday, 2)
    assert.equal(showReport(sources({ now: NOW + DAY }), ROOT).sentToday, null)
  })

  it('names the group, the contact, the pace and the folders of its policy', () => {
    const { policy, contact, collected, watchedFolders } = showReport(sources(), ROOT)
    assert.deepEqual(policy, { version: 7, group: 'designers', trouble: null })
    assert.equal(contact, 'Works council, floor 2 <rat@example.org>')
    assert.equal(collected.find((it) => it.category === 'software')?.slower, 4)
    assert.deepEqual(watchedFolders, [{ path: '~/Projects', kind: 'source' }])
  })

  const cases = [
    { who: 'root', asker: { name: null, isRoot: true }, shown: 4 },
    { who: 'ann', asker: { name: 'ann', isRoot: false }, shown: 3 },
    { who: 'bob', asker: { name: 'bob', isRoot: false }, shown: 3 },
    { who: 'a service', asker: { name: 'www-data', isRoot: false }, shown: 2 },
    { who: 'nobody known', asker: { name: null, isRoot: false }, shown: 2 },
  ]
  for (const { who, asker, shown } of cases)
    it(`${who} sees ${shown} of the events sent last`, () => {
      const { lastSent, hidden } = showReport(sources(), { asker, people: PEOPLE })
      assert.deepEqual([lastSent.length, hidden], [shown, SENT.length - shown])
      assert.ok(!lastSent.some((it) => who === 'ann' && it.User === 'bob'))
    })

  it('somebody unknown sees all of a laptop with one account', () => {
    const one = { asker: { name: null, isRoot: false }, people: [{ name: 'bob', home: '/home/bob' }] }
    assert.equal(showReport(sources(), one).hidden, 0)
    assert.equal(showReport(sources(), { ...one, asker: { name: 'www-data', isRoot: false } }).hidden, 1)
  })

  const events: { text: string; event: Record<string, unknown>; isVisible: boolean }[] = [
    { text: "another account's path in a list", event: { Paths: ['/home/bob/x'] }, isVisible: false },
    { text: 'a path that only begins like it', event: { Image: '/home/bobby/x' }, isVisible: true },
    { text: 'the home itself', event: { Root: '/home/bob' }, isVisible: false },
    { text: 'a name with a domain', event: { User: 'CORP\\Bob' }, isVisible: false },
    { text: "the system's account", event: { User: 'root', Image: '/usr/sbin/cron' }, isVisible: true },
  ]
  for (const { text, event, isVisible } of events)
    it(`${text}: ${isVisible ? 'shown' : 'hidden'}`, () =>
      assert.equal(visibleTo({ name: 'ann', isRoot: false }, PEOPLE)(event), isVisible))
})

describe('agent/show: the count of today', () => {
  const event = (seq: number, category: string) => ({
    seq,
    text: Buffer.from(JSON.stringify({ id: 'x', seq, category, Name: '"category":"x"' })),
  })

  it('counts each event once, however often it is sent', () => {
    const counter = sentCounter(() => NOW, null, 2)
    counter.add([event(1, 'software'), event(2, 'software'), event(3, 'software')])
    counter.add([event(3, 'software'), event(4, 'usb_device')])
    assert.deepEqual(counter.today, { day: dayOf(NOW), since: NOW, counts: { software: 1, usb_device: 1 } })
  })

  it('goes on after a restart, and begins again with the next day', () => {
    let now = NOW
    const counter = sentCounter(() => now, { day: dayOf(NOW), since: NOW - 5, counts: { software: 7 } }, 9)
    counter.add([event(10, 'software')])
    assert.deepEqual(counter.today, { day: dayOf(NOW), since: NOW - 5, counts: { software: 8 } })
    now += DAY
    counter.add([event(11, 'egress')])
    assert.deepEqual(counter.today, { day: dayOf(now), since: now, counts: { egress: 1 } })
  })
})
