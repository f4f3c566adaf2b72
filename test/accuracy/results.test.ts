import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Course } from './course.ts'
import type { Task } from './fleet-process.ts'
import { courses } from './processes.ts'
import { nameOf, results } from './results.ts'

const task = (seed: number): Task => ({
  fleet: { kind: 'company', seed, scenarios: ['P1'], workers: 20, days: 9, start: 0 },
  ...{ explain: [], dump: false },
})
const course = (seed: number): Course => ({
  ...{ fleet: task(seed).fleet, people: [], mornings: [], reviews: [], events: 7, seconds: 1, explained: [] },
  alerts: { infiltrators: { findings: 0, medium: 0, high: 0 }, others: { findings: 0, medium: 0, high: 0 } },
  dump: null,
})

describe('results of finished fleets', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'accuracy-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const of = (code: string, fresh = false) => results(folder, { fresh, digest: () => code })

  it('come back as they were, each for its own task', () => {
    const kept = of('a')
    kept.keep(task(1), course(1))
    assert.deepEqual(of('a').known(task(1)), course(1))
    assert.equal(of('a').known(task(2)), null)
    assert.equal(of('a').known({ ...task(1), dump: true }), null)
    assert.equal(of('a').known({ ...task(1), fleet: { ...task(1).fleet, scenarios: ['P2'] } }), null)
  })
  it('of other code are not used, but counted, until they are removed', () => {
    of('a').keep(task(1), course(1))
    const other = of('b')
    assert.deepEqual([other.known(task(1)), other.stale], [null, 1])
    assert.deepEqual([of('b', true).stale, of('a').known(task(1))], [0, null])
  })
  it('are refused when the code changed during the run', () => {
    let code = 'a'
    const kept = results(folder, { digest: () => code })
    code = 'b'
    assert.throws(() => kept.keep(task(1), course(1)), /the code changed/)
  })
  it('that were cut, or renamed, count as absent', () => {
    const kept = of('a')
    kept.keep(task(1), course(1))
    writeFileSync(join(kept.folder, nameOf(task(2))), '{"task":')
    writeFileSync(join(kept.folder, nameOf(task(3))), JSON.stringify({ task: task(1), course: course(1) }))
    assert.deepEqual([kept.known(task(2)), kept.known(task(3))], [null, null])
    assert.equal(readdirSync(kept.folder).filter((it) => it.endsWith('.part')).length, 0)
  })
  it('are not run again', async () => {
    of('a').keep(task(1), course(1))
    const shares: number[] = []
    const all = await courses([task(1)], 2, ({ share }) => shares.push(share), of('a'))
    assert.deepEqual([all, shares], [[course(1)], []])
  })
})
