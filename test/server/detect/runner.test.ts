/** What stands is what a replay of the log by the rules in use finds: across restarts and changes of the rules. */
import assert from 'node:assert/strict'
import { compile, load } from '../../../rules/language/index.ts'

import type { Ruleset } from '../../../server/detect/program.ts'
import { Judgement, type JudgementDeps } from '../../../server/detect/runner.ts'
import { memoryLog, memoryState } from '../../../server/store/memory/memory.ts'
import type { Stored } from '../../../server/store/state.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, HOUR, holding, processStart, received, T0 } from '../events.ts'

const QUIET = { debug() {}, info() {}, warn() {}, error() {} }
const ruleset = (ending: string): Ruleset => {
  const text = `
title: A program that ends with ${ending}
id: 11111111-1111-4111-8111-1111111111${ending}
logsource: { category: process_creation }
detection: { it: { Image|endswith: '${ending}' }, condition: it }
`
  const { rules, correlations } = load([{ path: 'test.yml', text }])
  return { program: compile(rules), correlations, credit: () => ({}) }
}

async function* readUpTo(log: AsyncIterable<Stored>, last: number): AsyncIterable<Stored> {
  for await (const it of log) if (it.position <= last) yield it
}

describe('judgement', () => {
  const deps = (horizon = 0): JudgementDeps => ({
    log: memoryLog(),
    state: memoryState(),
    needs: { recognise: () => undefined, lookup: () => AUSTIN },
    horizon: () => horizon,
    says: QUIET,
  })
  const start: Recorded[] = [contract('w1'), holding('d1', 'w1')]
  const program = (image: string, hours: number) => received('d1', processStart(image, T0 + hours * HOUR))
  const titles = (judgement: Judgement) => judgement.pipeline.findings.all().map((it) => it.title)

  async function store(to: JudgementDeps, judgement: Judgement, records: Recorded[]): Promise<void> {
    const { first } = await to.log.append(records)
    judgement.take(records.map((record, index) => ({ position: first + index, record })))
  }

  it('other rules judge the whole log, and what comes after', async () => {
    const given = deps()
    const judgement = await Judgement.open(ruleset('aa'), given)
    await store(given, judgement, [...start, program('/x/aa', 0), program('/x/bb', 1)])
    assert.deepEqual(titles(judgement), ['A program that ends with aa'])
    assert.equal(await judgement.follow(ruleset('bb')), true)
    assert.deepEqual(titles(judgement), ['A program that ends with bb'])
    await store(given, judgement, [program('/y/bb', 30)])
    assert.equal(judgement.pipeline.findings.size, 2)
    assert.equal(await judgement.follow(ruleset('bb')), false)
  })

  it('events that come while the log is judged anew are not missed', async () => {
    const given = deps()
    const judgement = await Judgement.open(ruleset('aa'), given)
    await store(given, judgement, [...start, program('/x/bb', 0)])
    const following = judgement.follow(ruleset('bb'))
    for (let hours = 30; hours < 300; hours += 30) await store(given, judgement, [program('/x/bb', hours)])
    await following
    assert.equal(judgement.pipeline.findings.size, 10)
  })

  it('what was stored but not handed on yet is judged once', async () => {
    const given = deps()
    const judgement = await Judgement.open(ruleset('aa'), given)
    await store(given, judgement, start)
    const records = [program('/x/bb', 0), program('/x/bb', 1)]
    const { first } = await given.log.append(records)
    const following = judgement.follow(ruleset('bb'))
    judgement.take([{ position: first, record: records[0] as Recorded }])
    await following
    judgement.take([{ position: first + 1, record: records[1] as Recorded }])
    assert.deepEqual(
      judgement.pipeline.findings.all().map((it) => it.events.length),
      [2],
    )
    assert.equal(judgement.pipeline.events, 2)
  })

  it('a damaged end of the log does not hold up a change of the rules', async () => {
    const given = deps()
    const { log } = given
    const damaged = { ...log, read: (after = 0) => readUpTo(log.read(after), 2) }
    const judgement = await Judgement.open(ruleset('aa'), { ...given, log: damaged })
    await store(given, judgement, [...start, program('/x/bb', 0)])
    assert.equal(await judgement.follow(ruleset('bb')), true)
    assert.equal(judgement.pipeline.findings.size, 0)
  })

  it('a restart goes on where the progress was saved, and judges the rest', async () => {
    const given = deps()
    const first = await Judgement.open(ruleset('aa'), given)
    await store(given, first, [...start, program('/x/aa', 0)])
    first.save()
    await store(given, first, [program('/x/aa', 1), program('/x/aa', 30)])
    const again = await Judgement.open(ruleset('aa'), given)
    assert.deepEqual(
      again.pipeline.findings.all().map((it) => it.count),
      first.pipeline.findings.all().map((it) => it.count),
    )
  })

  it('a progress that could not be saved is saved whole the next time', async () => {
    const given = deps()
    const { state } = given
    let refuses = true
    const refusing = {
      ...state,
      saveProgress: (...it: Parameters<typeof state.saveProgress>) => {
        if (refuses) throw new Error('disk full')
        state.saveProgress(...it)
      },
    }
    const judgement = await Judgement.open(ruleset('aa'), { ...given, state: refusing })
    await store(given, judgement, [...start, program('/x/aa', 0)])
    judgement.save()
    assert.equal(state.findings({}).length, 0)
    refuses = false
    judgement.save()
    assert.equal(state.findings({}).length, 1)
  })

  it('findings whose telemetry is gone stay when the rules change', async () => {
    const given = deps(T0 + 10 * HOUR)
    const judgement = await Judgement.open(ruleset('aa'), given)
    await store(given, judgement, [...start, program('/x/aa', 0), program('/x/aa', 30)])
    await judgement.follow(ruleset('bb'))
    assert.deepEqual(
      judgement.pipeline.findings.all().map((it) => (it.time - T0) / HOUR),
      [0],
    )
  })
})
