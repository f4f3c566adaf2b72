/** The loop of an evaluation: follows the stream, replaces the active one, continues after failed commits. */
import assert from 'node:assert/strict'
import type { Evaluation } from '../../../server/detect/evaluation.ts'
import { Runner, type RunnerDeps } from '../../../server/detect/runner.ts'
import type { Commit, Store } from '../../../server/store/store.ts'
import { Fault } from '../../../wire/fault.ts'
import { until } from '../../bench/children.ts'
import { contract, DAY, HOUR, holding, processStart, received, T0 } from '../events.ts'
import { evaluator, programRule, rulesetOf } from './evaluator.ts'

const WITHIN_MS = 10_000
const start = [contract('w1'), holding('d1', 'w1')]
const program = (image: string, hours: number) => received('d1', processStart(image, T0 + hours * HOUR))

describe('server/detect: the runner', () => {
  const stopping: AbortController[] = []
  afterEach(() => {
    for (const it of stopping.splice(0)) it.abort()
  })

  function running(it: ReturnType<typeof evaluator>, evaluation: Evaluation, more: Partial<RunnerDeps> = {}) {
    const stop = new AbortController()
    stopping.push(stop)
    const held: (object | null)[] = []
    const runner = new Runner({
      stream: it.stream,
      evaluation,
      now: () => T0 + 31 * HOUR,
      takeOver: async () => {},
      onCommit: () => {},
      onProgress: () => {},
      onClockHeld: (state) => held.push(state),
      log: it.log,
      ...more,
    })
    return { stop, held, runner, ended: runner.run(stop.signal) }
  }

  function isFound(it: ReturnType<typeof evaluator>, count: number): Promise<true> {
    return until(
      async () => ((await it.findings()).length === count ? true : null),
      WITHIN_MS,
      () => `not ${count} findings`,
    )
  }

  it('evaluates stored records, and those published afterwards', async () => {
    const it = evaluator()
    await it.stream.publish([...start, program('/x/aa', 0)])
    const { stop, ended } = running(it, await it.open(rulesetOf(programRule('aa'))))
    await isFound(it, 1)
    await it.stream.publish([program('/x/aa', 30)])
    await isFound(it, 2)
    stop.abort()
    await ended
  })

  it('waits until it may replace the active evaluation, and misses nothing meanwhile', async () => {
    const it = evaluator()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0)])
    const asked = Promise.withResolvers<void>()
    const granted = Promise.withResolvers<void>()
    const takeOver = () => {
      asked.resolve()
      return granted.promise
    }
    const beside = await it.open(rulesetOf(programRule('aa'), programRule('bb')))
    const { stop, ended } = running(it, beside, { takeOver })
    await asked.promise
    await it.stream.publish([program('/x/bb', 1)])
    assert.equal((await it.findings()).length, 1)
    granted.resolve()
    await isFound(it, 2)
    stop.abort()
    await ended
  })

  it('stopped while it waits for the place of the active evaluation, it does not take it', async () => {
    const it = evaluator()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0)])
    const active = await it.store.evaluations.active()
    const { promise: granted, resolve } = Promise.withResolvers<void>()
    const beside = await it.open(rulesetOf(programRule('aa'), programRule('bb')))
    const { stop, ended } = running(it, beside, { takeOver: () => granted })
    stop.abort()
    resolve()
    await ended
    assert.equal((await it.store.evaluations.active())?.id, active?.id)
  })

  it('commits when it is stopped', async () => {
    const it = evaluator()
    await it.stream.publish([...start, program('/x/aa', 0)])
    const evaluation = await it.open(rulesetOf(programRule('aa')))
    const { stop, ended } = running(it, evaluation)
    await isFound(it, 1)
    await it.stream.publish([program('/x/other', 1)])
    await until(
      () => (evaluation.position === 4 ? true : null),
      WITHIN_MS,
      () => 'not judged',
    )
    stop.abort()
    await ended
    assert.equal((await it.store.evaluations.active())?.position, 4)
  })

  it('continues when a commit fails, logs it once, and writes everything with the next', async () => {
    const it = evaluator()
    let refuses = false
    const { evaluations } = it.store
    const commit = async (id: string, what: Commit) => {
      if (refuses) throw new Fault('store.unwritable', { where: 'disk', todo: 'Free some space.' })
      await evaluations.commit(id, what)
    }
    const store: Store = { ...it.store, evaluations: { ...evaluations, commit } }
    await it.stream.publish([...start, program('/x/aa', 0)])
    const evaluation = await it.open(rulesetOf(programRule('aa')), { store })
    const { stop, ended } = running(it, evaluation)
    await isFound(it, 1)
    refuses = true
    await it.stream.publish([program('/x/aa', 30)])
    await until(
      () => (it.logged.some((line) => /could not be saved/.test(line.message)) ? true : null),
      WITHIN_MS,
      () => 'nothing was said',
    )
    refuses = false
    stop.abort()
    await ended
    assert.equal((await it.findings()).length, 2)
    assert.equal(it.logged.filter((line) => /could not be saved/.test(line.message)).length, 1)
  })

  it('tries again when it cannot be saved in the place of the active one, and reports each finding once', async () => {
    const it = evaluator()
    let refused = 0
    const { evaluations } = it.store
    const amend = async (id: string, what: Commit) => {
      if (refused++ < 2) throw new Fault('store.unwritable', { where: 'disk', todo: 'Free some space.' })
      await evaluations.amend(id, what)
    }
    const store: Store = { ...it.store, evaluations: { ...evaluations, amend } }
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0)])
    const reported = (await it.changes()).length
    const beside = await it.open(rulesetOf(programRule('bb')), { store })
    const { stop, runner, ended } = running(it, beside)
    await it.stream.publish([program('/x/bb', 1)])
    await until(
      async () => {
        runner.poke()
        return (await it.store.evaluations.active())?.id === beside.id || null
      },
      WITHIN_MS,
      () => 'it did not replace the active one',
    )
    stop.abort()
    await ended
    assert.deepEqual(
      (await it.findings()).map((found) => found.title.slice(-2)),
      ['bb'],
    )
    const kinds = (await it.changes()).slice(reported).map((it) => it.kind)
    assert.deepEqual(kinds.filter((kind) => kind.startsWith('finding')).sort(), ['finding_opened', 'finding_retracted'])
    assert.equal(it.logged.filter((line) => /could not be saved/.test(line.message)).length, 1)
  })

  it('ends when another evaluation replaced it', async () => {
    const it = evaluator()
    const first = await it.open(rulesetOf(programRule('aa')))
    await it.follow(first, start)
    await it.follow(await it.open(rulesetOf(programRule('bb'))))
    const { ended } = running(it, first)
    await it.stream.publish([program('/x/aa', 0)])
    await assert.rejects(ended, /store\.superseded/)
  })

  it('reports when the clock is held, and when it is released', async () => {
    const it = evaluator()
    let now = T0 + 365 * DAY
    await it.stream.publish([...start, program('/x/aa', 0)])
    const { stop, ended, held, runner } = running(it, await it.open(rulesetOf(programRule('aa'))), { now: () => now })
    await until(
      () => (held.length === 1 ? true : null),
      WITHIN_MS,
      () => 'nothing was said',
    )
    now = T0 + HOUR
    await it.stream.publish([program('/x/aa', 1)])
    runner.poke()
    await until(
      () => (held.at(-1) === null ? true : null),
      WITHIN_MS,
      () => 'it is still held',
    )
    stop.abort()
    await ended
  })
})
