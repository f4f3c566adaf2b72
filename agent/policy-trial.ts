/**
 * Whether a new policy works: every collector that it wants runs, and the server still acknowledges.
 *
 * Shape   judged at every tick while a policy is on trial. 'kept' at the first acknowledgement of an event that was made
 *         under it, once its collectors have had time to fail; 'failed' as soon as one of them fails twice that did not
 *         fail before, or without an acknowledgement for five minutes. While a server answers that it has no room, the
 *         time does not run.
 * Units   only time in which the laptop is awake counts: `awakeMs` stands still while it sleeps.
 */
export const SETTLE_MS = 15_000
export const DEADLINE_MS = 5 * 60_000

export interface PolicyTrialOptions {
  awakeMs(): number
  /** Collectors that fail now, again and again. */
  failing(): readonly string[]
  /** Events up to this number are acknowledged. */
  acked(): number
  isThrottled(): boolean
}

export type TrialVerdict = { works: true } | { works: false; why: string; isFinal: boolean }

export interface PolicyTrial {
  /** `failing`: before the policy was applied. `seq`: the number of an event that was made under it. */
  begin(failing: readonly string[], seq: number): void
  /** Null: not decided yet, or nothing is on trial. */
  judge(): TrialVerdict | null
}

export function policyTrial({ awakeMs, failing, acked, isThrottled }: PolicyTrialOptions): PolicyTrial {
  let trial: { excused: ReadonlySet<string>; seq: number; began: number; last: number; waited: number } | null = null
  return {
    begin(failing, seq) {
      const now = awakeMs()
      trial = { excused: new Set(failing), seq, began: now, last: now, waited: 0 }
    },
    judge() {
      if (trial === null) return null
      const verdict = verdictOf(trial)
      if (verdict !== null) trial = null
      return verdict
    },
  }

  function verdictOf(it: NonNullable<typeof trial>): TrialVerdict | null {
    const now = awakeMs()
    if (!isThrottled()) it.waited += now - it.last
    it.last = now
    const broken = failing().filter((name) => !it.excused.has(name))
    if (broken.length > 0)
      return { works: false, why: `It makes collectors fail: ${broken.join(', ')}.`, isFinal: true }
    if (now - it.began < SETTLE_MS) return null
    if (acked() >= it.seq) return { works: true }
    if (it.waited < DEADLINE_MS) return null
    return { works: false, why: 'The server has acknowledged nothing since it was applied.', isFinal: false }
  }
}
