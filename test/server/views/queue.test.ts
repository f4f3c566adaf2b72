/** The queue: filled once, kept up to date by events, and quiet when nothing changes. */
import assert from 'node:assert/strict'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { Queue } from '../../../server/views/queue.ts'
import type { Notice, QueuePage, WorkerRow } from '../../../server/views/schema.ts'
import { finding } from '../assess/finding.ts'
import { contract, DAY, event, HOUR, holding, MINUTE, T0 } from '../events.ts'
import { stage } from './stage.ts'

const TOOL = { rule: 'tool', title: 'A tool began', strength: 3 as const }
const WIPE = { rule: 'wipe', title: 'A disk was wiped', strength: 3 as const, family: 'tampering' }

async function running() {
  const clock = { at: T0 + HOUR }
  const all = await stage({ now: () => clock.at })
  await all.enroll('d1')
  await all.records(contract('w1', { name: 'Ada' }), holding('d1', 'w1'), contract('w2'), contract('w3'))
  await all.judge()
  const { queue } = all
  let at = queue.revision
  return {
    ...{ ...all, clock },
    row: (worker: string) => queue.row(worker),
    /** The changes since the last call. */
    delta: (): QueuePage => {
      const page = JSON.parse(queue.page(at, 1_000)) as QueuePage
      at = page.revision
      return page
    },
    /** The notices from now on. */
    notices: () => {
      const heard: Notice[] = []
      queue.onNotice((it) => heard.push(it))
      return heard
    },
  }
}

const workersOf = ({ rows }: QueuePage) => rows.map((it) => it.worker)

describe('the queue', () => {
  it('has everybody with a contract or a laptop, and shows when nothing has been evaluated', async () => {
    const all = await stage({ now: () => T0 })
    await all.records(contract('w1'), holding('d1', 'w2'))
    assert.deepEqual(all.queue.row('w1')?.reason, 'not evaluated yet')
    await all.judge()
    const { band, points, reason, case: state } = all.queue.row('w2')!
    assert.deepEqual([band, points, reason, state], ['none', -20, 'nothing found in what the agents can see', 'none'])
    assert.equal(all.queue.row('nobody'), null)
  })

  it('a finding changes only the row of its worker', async () => {
    const { find, judge, delta, notices } = await running()
    const heard = notices()
    find(finding({ ...TOOL, lastTime: T0 }))
    await judge()
    const page = delta()
    assert.deepEqual(workersOf(page), ['w1'])
    const { band, points, reason, case: state, lastFinding, name } = page.rows[0]!
    assert.deepEqual([band, points, state, lastFinding, name], ['medium', 3, 'open', T0, 'Ada'])
    assert.match(reason, /saw something/)
    assert.deepEqual(
      heard.map((it) => [it.workers, it.clusters, it.laptops]),
      [[['w1'], false, false]],
    )
  })

  it('says that a case waits undecided while its evidence fades, and no longer when somebody decides', async () => {
    const { find, judge, row, decide, clock } = await running()
    const strong = { strength: 4 as const, family: 'tampering', halfLifeDays: 7 }
    find(finding({ ...strong, rule: 'one', sensors: ['process'], lastTime: T0 }))
    find(finding({ ...strong, rule: 'two', sensors: ['address'], lastTime: T0 }))
    await judge()
    assert.deepEqual([row('w1')?.band, row('w1')?.waiting], ['critical', null])
    clock.at = T0 + 40 * DAY
    await judge()
    const day = new Date(T0).toISOString().slice(0, 10)
    assert.equal(row('w1')?.waiting, `It was that high on ${day}, and nobody has decided since.`)
    await decide('w1', { verdict: 'benign_expected', reason: 'the help desk, ticket 7' }, 'ann')
    await judge()
    assert.equal(row('w1')?.waiting, null)
  })

  it('without events, nothing changes and no notice is sent', async () => {
    const { judge, queue, delta, notices, clock } = await running()
    const heard = notices()
    await judge()
    clock.at += MINUTE
    await queue.tick()
    await queue.took([{ record: { type: 'clock', time: clock.at } }])
    assert.deepEqual([delta().rows, heard], [[], []])
  })

  it('repeated findings update the time at most every ten minutes, but always send a notice', async () => {
    const { find, judge, delta, notices, clock } = await running()
    const tool = finding({ ...TOOL, halfLifeDays: null })
    find(tool)
    await judge()
    delta()
    const heard = notices()
    for (const [minutes, rows] of [
      [4, []],
      [9, []],
      [10, [T0 + 10 * MINUTE]],
    ] as const) {
      clock.at += MINUTE
      find({ ...tool, lastTime: T0 + minutes * MINUTE })
      await judge()
      assert.deepEqual(
        delta().rows.map((it) => it.lastFinding),
        rows,
      )
    }
    assert.deepEqual(heard[0]?.workers, ['w1'])
  })

  it('a verdict closes the case, evidence of a new kind reopens it, and closed cases are last in their band', async () => {
    const { find, judge, decide, row, rows, store } = await running()
    find(finding(TOOL), finding({ ...TOOL, worker: 'w2', device: null }))
    await judge()
    const order = () => rows().map((it) => `${it.worker} ${row(it.worker)?.case}`)
    assert.deepEqual(order(), ['w1 open', 'w2 open', 'w3 none'])
    const decided = await decide('w1', { verdict: 'benign_expected', reason: 'the help desk, ticket 7' }, 'ann')
    assert.deepEqual([decided?.state, decided?.verdict?.points, decided?.verdict?.kinds], ['closed', 3, ['tool']])
    assert.deepEqual(order(), ['w2 open', 'w1 closed', 'w3 none'])
    find(finding(WIPE))
    await judge()
    assert.deepEqual(order(), ['w1 reopened', 'w2 open', 'w3 none'])
    assert.deepEqual(
      (await store.audit.newest(5)).map((it) => [it.user, it.action, it.about]),
      [['ann', 'verdict', 'w1']],
    )
  })

  it('a laptop connects and disconnects', async () => {
    const { connect, disconnect, delta, notices, clock, queue } = await running()
    const heard = notices()
    await connect('d1')
    const [online] = delta().rows
    assert.deepEqual([online?.online, online?.laptops, online?.lastSeen], [1, 1, clock.at])
    assert.deepEqual(heard[0], { revision: queue.revision, workers: ['w1'], clusters: false, laptops: true })
    assert.deepEqual([queue.laptops.size, queue.laptops.online], [1, 1])
    clock.at += 5 * MINUTE
    await connect('d1')
    assert.deepEqual(delta().rows, [])
    await disconnect('d1')
    const [offline] = delta().rows
    assert.deepEqual([offline?.online, offline?.lastSeen], [0, clock.at])
  })

  it('while a laptop is online, its row is updated once an hour', async () => {
    const { connect, delta, queue, clock } = await running()
    await connect('d1')
    delta()
    const moved: number[] = []
    for (let minute = 1; minute <= 180; minute++) {
      clock.at += MINUTE
      await queue.tick()
      if (delta().rows.length > 0) moved.push(minute)
    }
    assert.deepEqual(moved, [1, 61, 121])
  })

  it('reads the coverage after a laptop connected, and sends a notice when it gets worse', async () => {
    const { connect, book, judge, row, queue, clock, notices } = await running()
    await connect('d1')
    assert.equal(row('w1')?.coverage, null)
    book('d1', { events: 3, lastSeen: clock.at, categories: { process_creation: clock.at } })
    await judge()
    clock.at += MINUTE
    await queue.tick()
    const before = row('w1')?.coverage ?? 0
    assert.ok(before > 0.8, `${before}`)
    const gap = { about: '/dev/input', reason: 'denied', count: null, detail: null, time: clock.at }
    book('d1', { events: 4, gaps: [{ ...gap, categories: ['usb_device', 'display'] }] })
    await judge()
    const heard = notices()
    clock.at += HOUR
    await queue.tick()
    assert.ok((row('w1')?.coverage ?? 1) < before)
    assert.deepEqual(heard.at(-1)?.workers, ['w1'])
  })

  it('a laptop enrolls, and changes hands at a time recorded in advance', async () => {
    const { records, enroll, row, queue, clock } = await running()
    await enroll('d2')
    await records(holding('d2', 'w2'))
    assert.deepEqual([row('w2')?.laptops, queue.laptops.size], [1, 2])
    await records({ ...holding('d2', 'w3'), from: clock.at + DAY })
    assert.deepEqual([row('w2')?.laptops, row('w3')?.laptops], [1, 0])
    clock.at += DAY
    await queue.tick()
    assert.deepEqual([row('w2')?.laptops, row('w3')?.laptops], [0, 1])
  })

  it('a laptop without a holder has a row once it has a finding', async () => {
    const { records, enroll, find, retract, judge, row, queue, delta } = await running()
    await enroll('d9')
    await records({ ...holding('d9', ''), worker: null })
    assert.equal(row('d9'), null)
    const found = finding({ ...TOOL, worker: null, device: 'd9' })
    find(found)
    await judge()
    assert.deepEqual([row('d9')?.band, row('d9')?.laptops], ['medium', 1])
    delta()
    retract(found.id)
    await judge()
    assert.deepEqual([queue.row('d9'), delta().gone], [null, ['d9']])
  })

  it('a new name changes the row', async () => {
    const { records, delta, clock } = await running()
    await records(contract('w2', { name: 'Ben', from: clock.at }))
    assert.deepEqual(
      delta().rows.map((it) => [it.worker, it.name]),
      [['w2', 'Ben']],
    )
  })

  it('a new active evaluation changes only rows that differ', async () => {
    const { find, judge, reevaluate, retract, delta, row } = await running()
    const tool = finding(TOOL)
    find(tool, finding({ ...WIPE, worker: 'w2' }))
    await judge()
    delta()
    retract(tool.id)
    find(finding({ ...WIPE, worker: 'w3' }))
    await reevaluate('e2')
    assert.deepEqual(workersOf(delta()).sort(), ['w1', 'w3'])
    assert.deepEqual([row('w1')?.band, row('w2')?.band, row('w3')?.band], ['none', 'medium', 'medium'])
  })

  it('a farm is one cluster: the rows of its people show it, and a notice is sent', async () => {
    const { find, judge, row, queue, notices } = await running()
    const heard = notices()
    const uplink = (worker: string, days: number) => finding({ ...sharedKey(days), id: `of-${worker}`, worker })
    find(uplink('w1', 3), uplink('w2', 3), uplink('w3', 3))
    await judge()
    assert.deepEqual(
      queue.clusters.map((it) => [it.workers, it.band, it.kind]),
      [[['w1', 'w2', 'w3'], 'critical', 'uplink']],
    )
    assert.equal(row('w2')?.cluster, queue.clusters[0]?.key)
    assert.equal(heard[0]?.clusters, true)
  })

  it('is restored from the store with the same rows and order', async () => {
    const { find, judge, decide, book, reader, rows, clock } = await running()
    find(finding(TOOL), finding({ ...WIPE, worker: 'w2' }))
    book('d1', { events: 3, lastSeen: T0, categories: { process_creation: T0 } })
    await judge()
    await decide('w2', { verdict: 'bad_data', reason: 'a test machine' }, 'ann')
    const again = await Queue.open(reader)
    clock.at += HOUR
    const page = JSON.parse(again.page(null, 10)) as { rows: WorkerRow[] }
    assert.deepEqual(
      page.rows.map((it) => [it.worker, it.case]),
      rows().map((it) => [it.worker, again.row(it.worker)?.case]),
    )
    assert.deepEqual(
      page.rows.map((it) => [it.worker, it.case, it.lastSeen]),
      [
        ['w1', 'open', T0],
        ['w2', 'closed', null],
        ['w3', 'none', null],
      ],
    )
  })

  it('after a failure of the store, the next commit reads again', async () => {
    const store = memoryStore()
    const all = await stage({ now: () => T0 + HOUR, store })
    await all.records(contract('w1'))
    await all.judge()
    const { standingsSince } = store.evaluations
    store.evaluations.standingsSince = () => Promise.reject(new Error('the disk is slow'))
    all.find(finding(TOOL))
    await assert.rejects(all.judge(), /slow/)
    store.evaluations.standingsSince = standingsSince
    await all.queue.judged()
    assert.equal(all.queue.row('w1')?.band, 'medium')
  })

  it('notices name up to two hundred workers, and more count as all', async () => {
    const { records, notices, clock } = await running()
    const heard = notices()
    await records(...Array.from({ length: 201 }, (_, n) => contract(`n${n}`, { from: clock.at })))
    assert.equal(heard[0]?.workers, null)
  })
})

function sharedKey(days: number) {
  const shared = event('shared_key', {
    ...{ KeyKind: 'uplink', KeyHash: 'a'.repeat(64), Workers: 3, Days: days, Rarity: 0.01 },
    ...{ Corroborated: null, Roams: null, NetworkClass: null },
  })
  return {
    ...{ rule: 'uplink', title: 'One uplink', strength: 4 as const, family: 'network', halfLifeDays: null },
    events: [shared],
  }
}
