/** One worker's page: read row by row, from one evaluation. */
import assert from 'node:assert/strict'
import { memoryStore } from '../../../server/store/memory/store.ts'
import type { Store } from '../../../server/store/store.ts'
import { workerPage } from '../../../server/views/worker.ts'
import { finding } from '../assess/finding.ts'
import { AUSTIN, agentState, contract, DAY, event, HOUR, holding, processStart, received, T0 } from '../events.ts'
import { stage } from './stage.ts'

const TOOL = { rule: 'tool', title: 'A tool began', strength: 3 as const }
const WIPE = { rule: 'wipe', title: 'A disk was wiped', strength: 3 as const, family: 'tampering' }
const FACTS = {
  ...{ blindTo: 'a renamed tool', response: 'call them', falsepositives: ['the help desk'], tags: ['attack.t1219'] },
  ...{ author: 'ann', license: 'DRL', link: 'https://rules.example/1' },
}

async function running(store?: Store) {
  const clock = { at: T0 + HOUR }
  const all = await stage({ now: () => clock.at, ...(store && { store }) })
  await all.enroll('d1')
  await all.records(contract('w1', { name: 'Ada' }), holding('d1', 'w1'), contract('w2'))
  const page = async (worker: string) => {
    const found = await workerPage(all.reader, worker)
    assert.ok(found, worker)
    return found
  }
  return { ...all, clock, page }
}

describe("a worker's page", () => {
  it('an unknown id', async () => {
    const { reader } = await running()
    assert.equal(await workerPage(reader, 'w99'), null)
  })

  it('before the first evaluation, shows that and the contract', async () => {
    const { page } = await running()
    const { assessment, contract, findings, case: decided } = await page('w1')
    assert.deepEqual(
      [assessment.reason, contract?.name, findings, decided.state],
      ['not evaluated yet', 'Ada', [], 'none'],
    )
  })

  it('says which sources have spoken about somebody without a laptop of ours, and which have not', async () => {
    const { page, find, judge, sources } = await running()
    find(finding({ ...TOOL, worker: 'w2', device: null }))
    sources('w2', { identity_provider: T0 })
    await judge()
    assert.deepEqual(
      (await page('w2')).sources.map((it) => [it.source, it.lastSeen]),
      [
        ['laptop', null],
        ['identity_provider', T0],
        ['code_host', null],
        ['hr', null],
      ],
    )
  })

  it('finds a worker in any letter case', async () => {
    const { page } = await running()
    assert.equal((await page('W1')).worker, 'w1')
  })

  it('the parts add up, and each has the score without it', async () => {
    const { find, judge, page, queue } = await running()
    find(finding(TOOL), finding(WIPE))
    await judge()
    const { assessment } = await page('w1')
    assert.equal(
      assessment.parts.reduce((sum, it) => sum + it.points, 0),
      assessment.points,
    )
    assert.deepEqual(
      assessment.parts.map((it) => it.without),
      [null, { points: 3, band: 'medium' }, { points: 3, band: 'medium' }, null],
    )
    const { band, points, reason } = queue.row('w1')!
    assert.deepEqual([assessment.band, assessment.points, assessment.reason], [band, points, reason])
  })

  it('a flagged referrer counts, by their band', async () => {
    const { find, judge, page, records, clock, queue } = await running()
    await records(contract('w2', { from: clock.at - DAY, referredBy: 'w1' }))
    find(finding(TOOL), finding(WIPE), finding({ ...TOOL, worker: 'w2' }))
    await judge()
    const { assessment } = await page('w2')
    assert.deepEqual(
      assessment.parts.map((it) => [it.kind, it.points, it.label]),
      [
        ['prior', -20, 'One contractor in a hundred, before anything is seen.'],
        ['finding', 23, 'tool saw something'],
        ['referral', 7, 'recommended by w1, who is high'],
      ],
    )
    assert.equal(assessment.points, queue.row('w2')?.points)
  })

  it('findings are newest first, each with the facts about its rule', async () => {
    const { find, facts, judge, page } = await running()
    facts('tool', FACTS)
    find(finding({ ...TOOL, time: T0, events: [processStart('/opt/anydesk')] }), finding({ ...WIPE, time: T0 + 1 }))
    await judge()
    const [wipe, tool] = (await page('w1')).findings
    assert.deepEqual([wipe?.title, wipe?.blindTo, wipe?.falsepositives], ['A disk was wiped', null, []])
    const { blindTo, response, falsepositives, tags, author, license, link } = tool!
    assert.deepEqual({ blindTo, response, falsepositives, tags, author, license, link }, FACTS)
    assert.equal(tool?.events[0]?.Image, '/opt/anydesk')
  })

  it('compares the contract with sightings, and lists what would be missed', async () => {
    const { judge, page, book, clock } = await running()
    assert.ok((await page('w1')).unseen.every(({ missed }) => missed.every((it) => it.state !== 'seen')))
    const place = {
      ...{ worker: 'w1', time: T0, country: 'US', region: 'Texas', city: 'Austin', lat: AUSTIN.lat, lon: AUSTIN.lon },
      ...{ networkClass: AUSTIN.class, asName: null, proves: true, approved: false },
    }
    book('d1', { events: 1, lastSeen: clock.at, sightings: { place, clock: null, things: [] } })
    await judge()
    const { observed, unseen, laptops } = await page('w1')
    const country = observed.find((it) => it.what === 'country')
    assert.deepEqual([country?.state, country?.agreed, country?.seen[0]?.text], ['agrees', ['US'], 'US'])
    const blind = unseen.flatMap(({ missed }) => missed.map((it) => `${it.category} ${it.state} ${it.devices}`))
    assert.deepEqual([...new Set(blind)].sort(), ['input_pattern off d1', 'presence off d1'])
    assert.deepEqual(
      laptops.map((it) => [it.device, it.worker, it.lastSeen, it.events]),
      [['d1', 'w1', clock.at, 1]],
    )
  })

  it('shows the laptops that the worker holds now', async () => {
    const { page, records, enroll, clock } = await running()
    await enroll('d2')
    await records(holding('d2', 'w1'), { ...holding('d2', 'w2'), from: clock.at })
    const devices = async (worker: string) => (await page(worker)).laptops.map((it) => it.device)
    assert.deepEqual([await devices('w1'), await devices('w2')], [['d1'], ['d2']])
  })

  it('a laptop without a holder has a page of its own', async () => {
    const { page, find, judge, enroll } = await running()
    await enroll('d9')
    find(finding({ ...TOOL, worker: null, device: 'd9' }))
    await judge()
    const { assessment, laptops, contract } = await page('d9')
    assert.deepEqual([assessment.band, laptops.map((it) => it.device), contract], ['medium', ['d9'], null])
  })

  it('the timeline has findings and notable events without hourly reports; the activity counts all events', async () => {
    const { page, records, find, judge } = await running()
    const usb = event('usb_device', {
      ...{ Action: 'attached', VendorId: '1d6b', ProductId: '0104', Manufacturer: 'PiKVM', ProductName: 'KVM' },
      ...{ SerialNumber: null, InterfaceClasses: [], HasKeyboard: true, HasAbsolutePointer: true },
      ...{ HasStorage: false, HasNetwork: false, ParentPort: null },
    })
    await records(received('d1', usb), received('d1', agentState('summary')), received('d1', processStart('/bin/ls')))
    find(finding({ ...TOOL, time: T0 + 5, says: 'AnyDesk began' }))
    await judge()
    const { timeline, activity } = await page('w1')
    assert.deepEqual(
      timeline.map((it) => [it.category, it.text]),
      [
        ['finding', 'AnyDesk began'],
        ['usb_device', 'USB attached: PiKVM KVM'],
      ],
    )
    assert.deepEqual(activity, [{ hour: T0, events: 3 }])
  })

  it('has the newest findings of each rule with few events; the timeline counts what was the same on a day', async () => {
    const { page, find, judge } = await running()
    for (let n = 0; n < 20; n++) {
      const events = Array.from({ length: 10 }, (_, at) => processStart(`/bin/${at}`))
      find(
        finding({
          ...(n % 2 ? TOOL : WIPE),
          group: `g${n}`,
          time: T0 + n,
          lastTime: T0 + n,
          says: `says ${n % 2}`,
          events,
        }),
      )
    }
    await judge()
    const { findings, findingsTotal, assessment, timeline } = await page('w1')
    assert.deepEqual(
      findings.map((it) => [it.time - T0, it.events.length]),
      Array.from({ length: 10 }, (_, n) => [19 - n, 3]),
    )
    assert.deepEqual([findingsTotal, assessment.parts.flatMap((it) => it.findings).length], [20, 20])
    assert.deepEqual(
      timeline.map((it) => [it.text, it.count, it.time - T0]),
      [
        ['says 1', 10, 19],
        ['says 0', 10, 18],
      ],
    )
  })

  it('is read again when another evaluation becomes active during the read', async () => {
    const store = memoryStore()
    const { find, judge, reevaluate, page } = await running(store)
    find(finding(TOOL))
    await judge()
    const { findingsOf } = store.evaluations
    let reads = 0
    store.evaluations.findingsOf = async (id, worker) => {
      // The evaluation is dropped during the read.
      if (reads++ === 0) await reevaluate('e2')
      return findingsOf(id, worker)
    }
    const { findings, assessment } = await page('w1')
    assert.deepEqual([findings.length, assessment.band, reads], [1, 'medium', 2])
  })

  it('the number of reads does not grow with the fleet', async () => {
    const store = memoryStore()
    const { find, judge, page, records, enroll } = await running(store)
    for (let n = 0; n < 50; n++) {
      await enroll(`x${n}`)
      await records(contract(`n${n}`), holding(`x${n}`, `n${n}`))
    }
    find(finding(TOOL))
    await judge()
    let reads = 0
    for (const part of [store.devices, store.cases, store.evaluations] as object[])
      for (const [name, method] of Object.entries(part))
        Object.assign(part, {
          [name]: (...args: unknown[]) => {
            reads++
            return (method as (...args: unknown[]) => unknown)(...args)
          },
        })
    await page('w1')
    assert.ok(reads > 0 && reads < 15, `${reads} reads`)
  })
})
