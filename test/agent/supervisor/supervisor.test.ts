import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Collector } from '../../../agent/collect.ts'
import { BanList } from '../../../agent/supervisor/bans.ts'
import { SAMPLE_MS } from '../../../agent/supervisor/budget.ts'
import { Deaths, SETTLED_MS } from '../../../agent/supervisor/deaths.ts'
import { Reader } from '../../../agent/supervisor/reader.ts'
import { Supervisor } from '../../../agent/supervisor/supervisor.ts'
import type { Observation } from '../../../wire/event.ts'
import { fakeHost } from '../fake-host.ts'
import { NOW, removeFolder, temporaryFolder } from '../laptop.ts'

const PLACES = { isSafe: () => true, placeOf: (it: string) => it, isSystemPlace: () => true, remoteBelow: () => [] }
const collector = (name: string, category: Collector['categories'][number]): Collector => ({
  name,
  categories: [category],
  async *run() {},
})
const ALL = [collector('processes', 'process_creation'), collector('software', 'software')]

describe('agent/supervisor/supervisor', () => {
  let folder = ''
  beforeEach(() => {
    folder = temporaryFolder()
    mkdirSync(folder, { recursive: true })
  })
  afterEach(() => removeFolder(folder))

  /** After so many deaths, the last one while these were at work. */
  function supervisor(died: number, atWork: string[] = []) {
    const paths = { running: join(folder, 'running'), looks: join(folder, 'looks'), spool: join(folder, 'spool') }
    if (died > 0) writeFileSync(paths.running, JSON.stringify({ bootId: 'b', phase: 'running', deaths: died - 1 }))
    if (atWork.length > 0) writeFileSync(paths.looks, JSON.stringify(atWork))
    const told: Observation[] = []
    const state = { awake: 1_000, cpu: 0, resident: 80e6, changes: 0, exhausted: 0 }
    const made = new Supervisor({
      host: fakeHost({}),
      reader: new Reader({ places: PLACES }),
      places: PLACES,
      collectors: ALL,
      emit: (it) => void told.push(it),
      bans: new BanList(join(folder, 'bans'), () => NOW),
      deaths: new Deaths(paths, 'b'),
      clocks: { wall: () => NOW, awake: () => state.awake, booted: () => state.awake },
      random: () => 0.5,
      gauges: { threadCpuMs: () => 0, residentBytes: () => state.resident },
      cpuMs: () => state.cpu,
      onChange: () => state.changes++,
      onExhausted: () => state.exhausted++,
    })
    const pass = (ms: number) => {
      for (const end = state.awake + ms; state.awake < end; ) {
        state.awake += SAMPLE_MS
        made.sample()
      }
    }
    const held = () => ALL.flatMap((it) => (made.held(it) === null ? [] : [it.name]))
    const gaps = () => told.flatMap((it) => (it.category === 'collection_gap' ? [`${it.About} ${it.Categories}`] : []))
    return { made, state, pass, held, gaps, told }
  }

  it('holds nothing at a first start', () => {
    const { held, gaps, made } = supervisor(0)
    assert.deepEqual([held(), gaps(), made.blindness.take()], [[], [], {}])
  })

  it('after a death everything waits, says so, and is counted as blindness', () => {
    const { held, gaps, made, state, pass } = supervisor(1)
    assert.deepEqual(held(), ['processes', 'software'])
    assert.deepEqual(gaps(), ['processes process_creation', 'software software'])
    pass(3_000)
    assert.deepEqual([held(), state.changes], [[], 1])
    made.reportHeld()
    assert.deepEqual(made.blindness.take(), { process_creation: 3, software: 3 })
  })

  it('what was at work at the second death is banned on disk before anything runs', () => {
    const { held, pass } = supervisor(2, ['software'])
    assert.match(
      String(new BanList(join(folder, 'bans'), () => NOW).of('software')?.why),
      /when the agent died 2 times/,
    )
    pass(6_000)
    assert.deepEqual(held(), ['software'])
  })

  it('after three, only the minimum runs until it has settled', () => {
    const { held, pass } = supervisor(3)
    pass(21_000)
    assert.deepEqual(held(), ['software'])
    pass(SETTLED_MS)
    assert.deepEqual(held(), [])
  })

  it('a collector that fills the memory is banned, and if that does not help, the agent is started again', () => {
    const { made, state, pass, held, gaps } = supervisor(0)
    const host = made.hostOf(ALL[1]!)
    state.resident = 300e6
    void host.sleep(1, AbortSignal.abort())
    pass(18_000)
    assert.deepEqual([held(), gaps(), state.changes], [['software'], ['software software'], 1])
    pass(18_000)
    assert.equal(state.exhausted, 1)
  })
})
