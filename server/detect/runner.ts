/**
 * The pipeline in use, and how far along the log it is: across restarts, and across changes of the rules.
 *
 * Shape   a restart goes on from the saved progress and judges what was stored after it. Other rules judge the whole
 *         log anew, beside the ones in use, which go on until the new ones have caught up; then one takes the other's
 *         place between two records. So what stands is always what a replay of the log by these rules finds.
 *         Findings whose telemetry was deleted are carried over: they cannot be judged anew, and stay as they are.
 * Errors  a damaged segment is told and passed over. Progress that cannot be saved is told and tried again: the log is
 *         the truth, a restart only takes longer.
 */
import type { Rule } from '../../rules/language/index.ts'
import type { Log } from '../log.ts'
import type { State, Stored, TelemetryLog } from '../store/state.ts'
import { Pipeline, type PipelineDeps } from './pipeline.ts'
import type { Ruleset } from './program.ts'

/** More than this is worth a line before people wonder: about half a second. */
const WORTH_A_LINE = 50_000

export interface JudgementDeps {
  log: TelemetryLog
  state: Pick<State, 'progress' | 'saveProgress' | 'findings' | 'clearFindings'>
  /** A pipeline's needs besides the rules. */
  needs: Omit<PipelineDeps, 'program' | 'correlations'>
  /** Findings from before this may stand on telemetry that is gone. Epoch ms. */
  horizon(): number
  says: Log
}

interface Course {
  pipeline: Pipeline
  position: number
  rules: readonly Rule[]
  credit: Ruleset['credit']
  key: string
}

export class Judgement {
  readonly #deps: JudgementDeps
  #course: Course
  #changing: Promise<void> | null = null

  private constructor(deps: JudgementDeps, course: Course) {
    this.#deps = deps
    this.#course = course
  }

  /** Resolves when everything that is stored has been judged. */
  static async open(ruleset: Ruleset, deps: JudgementDeps): Promise<Judgement> {
    const course = begin(ruleset, deps)
    const saved = deps.state.progress()
    const before = deps.state.findings({})
    const goesOn = saved?.rules === course.key && course.pipeline.load(saved.pipeline, before)
    if (saved && goesOn) course.position = saved.position
    else {
      deps.state.clearFindings()
      carryOver(before, course, deps.horizon())
    }
    await catchUp(course, deps)
    return new Judgement(deps, course)
  }

  get pipeline(): Pipeline {
    return this.#course.pipeline
  }

  get rules(): readonly Rule[] {
    return this.#course.rules
  }

  credit(rule: Rule): ReturnType<Ruleset['credit']> {
    return this.#course.credit(rule)
  }

  /** Records as the log holds them, in its order. */
  take(stored: readonly Stored[]): void {
    for (const it of stored) {
      // Rules that caught up may have read from the log what is only handed on now.
      if (it.position <= this.#course.position) continue
      this.#course.pipeline.take(it.record)
      this.#course.position = it.position
    }
  }

  /** True once other rules are in use; false when they are the ones in use, or a change is under way. */
  async follow(ruleset: Ruleset): Promise<boolean> {
    const { says } = this.#deps
    if (this.#changing || keyOf(ruleset, this.#deps.needs.thresholds) === this.#course.key) return false
    const next = begin(ruleset, this.#deps)
    says.info({ rules: next.rules.length }, 'the rules changed; judging the log by the new ones')
    const changing = this.#catchUpAndSwap(next)
    this.#changing = changing.finally(() => {
      this.#changing = null
    })
    await changing
    says.info({ rules: next.rules.length, findings: next.pipeline.findings.size }, 'the new rules are in use')
    return true
  }

  save(): void {
    const { pipeline, position, key } = this.#course
    try {
      const { changed, gone } = pipeline.findings.changes()
      this.#deps.state.saveProgress({ position, pipeline: pipeline.save(), rules: key }, changed, gone)
      pipeline.findings.settled()
    } catch (cause) {
      this.#deps.says.error({ err: cause }, 'the progress could not be saved; the log is safe, a restart takes longer')
    }
  }

  async #catchUpAndSwap(next: Course): Promise<void> {
    carryOver(this.#course.pipeline.findings.all(), next, this.#deps.horizon())
    // Each round leaves less behind; the last one ends in the same turn in which both stand at the same record.
    while (next.position < this.#course.position) await catchUp(next, this.#deps)
    next.pipeline.advance(this.#course.pipeline.time)
    this.#deps.state.clearFindings()
    this.#course = next
    this.save()
  }
}

function begin(ruleset: Ruleset, deps: JudgementDeps): Course {
  const rules = [...ruleset.program.rules, ...ruleset.correlations]
  return {
    pipeline: new Pipeline({ ...deps.needs, ...ruleset }),
    position: 0,
    rules,
    credit: ruleset.credit,
    key: keyOf(ruleset, deps.needs.thresholds),
  }
}

/** Other rules or other thresholds judge anew. */
function keyOf({ program, correlations }: Ruleset, thresholds: PipelineDeps['thresholds']): string {
  const rules = [...program.rules, ...correlations].map((rule) => `${rule.id} ${rule.version}`)
  return [...rules, JSON.stringify(thresholds ?? {})].join('\n')
}

function carryOver(before: ReturnType<Pipeline['findings']['all']>, course: Course, horizon: number): void {
  course.pipeline.findings.carry(before.filter((it) => it.lastTime < horizon))
}

async function catchUp(course: Course, { log, says }: JudgementDeps): Promise<void> {
  const end = log.last()
  const behind = end - course.position
  if (behind > WORTH_A_LINE) says.info({ records: behind }, 'judging what was stored')
  const onDamaged = (fault: Error) => says.error({ err: fault }, 'left out of judgement')
  for await (const it of log.read(course.position, { onDamaged })) {
    course.pipeline.take(it.record)
    course.position = it.position
  }
  // A damaged end has no records, but it has been passed: who waits for it would wait for ever.
  course.position = Math.max(course.position, end)
}
