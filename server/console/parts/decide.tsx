/**
 * The decision about a worker, and the four ways to decide: a verdict, and a reason.
 *
 * Keys    1 to 4 choose, Enter sends, Shift+Enter begins a new line, Escape cancels.
 */

import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { CaseView, Verdict } from '../../model/case.ts'
import { pointsOf } from '../../model/points.ts'
import { ask } from '../api.ts'
import { useKeys, useWaitingKeys } from '../keys.ts'
import { leaving } from '../listing.ts'
import { heldRows } from '../queue.ts'
import { useSending } from '../sending.ts'
import { may } from '../session.ts'
import { BandChip } from './band.tsx'
import { Failure } from './failure.tsx'
import { Text } from './text.tsx'
import { Time } from './time.tsx'
import './decide.css'

const REASON_MIN = 3
const REASON_MAX = 2_000

export const VERDICTS: readonly { verdict: Verdict['verdict']; name: string; about: string }[] = [
  { verdict: 'confirmed', name: 'Confirmed', about: 'The findings are true, and this should not happen.' },
  {
    verdict: 'benign_expected',
    name: 'Benign and expected',
    about: 'The findings are true, and there is a good reason.',
  },
  {
    verdict: 'rule_too_wide',
    name: 'Rule too wide',
    about: 'The rule fires where it should not, here and elsewhere.',
  },
  { verdict: 'bad_data', name: 'Bad data', about: 'What the laptop, a feed or a database reported is wrong.' },
]

export function Decide({ worker, state }: { worker: string; state: CaseView }) {
  const chosen = useSignal<number | null>(null)
  const { busy, failure, send } = useSending()
  const answer = useSignal<CaseView | null>(null)
  const bar = useRef<HTMLFieldSetElement>(null)
  const reason = useRef<HTMLTextAreaElement>(null)
  const mayDecide = may('case.decide')
  useWaitingKeys(busy.value)
  const choose = (index: number) => {
    failure.value = null
    chosen.value = index
  }
  const cancel = () => {
    const before = chosen.value
    chosen.value = null
    bar.current?.querySelectorAll('button')[before ?? 0]?.focus()
  }
  // Before the page is painted: the next key must not reach the button that still has the focus.
  useLayoutEffect(() => {
    if (chosen.value !== null) reason.current?.focus()
  }, [chosen.value])
  useKeys({
    ...(mayDecide && Object.fromEntries(VERDICTS.map((_, index) => [String(index + 1), () => choose(index)]))),
    ...(chosen.value !== null && { Escape: cancel }),
  })

  // The page gets the decision with the next notice; until then this answer is newer than the page.
  const now = (answer.value?.verdict?.at ?? 0) > (state.verdict?.at ?? 0) ? (answer.value ?? state) : state
  const choice = chosen.value === null ? null : VERDICTS[chosen.value]
  const decide = (event: SubmitEvent) => {
    event.preventDefault()
    if (!choice) return
    const body = { verdict: choice.verdict, reason: reason.current?.value.trim() }
    const goOn = leaving(heldRows(), worker)
    return send(async () => {
      answer.value = await ask<CaseView>(`/workers/${encodeURIComponent(worker.toWellFormed())}/verdict`, {
        method: 'POST',
        body,
      })
      goOn()
      cancel()
    })
  }

  return (
    <section class="panel decide" aria-labelledby="decide-title">
      <div class="decide-head">
        <h2 id="decide-title">Case</h2>
        <div class="decide-state" role="status">
          <State now={now} />
        </div>
        {mayDecide && (
          <fieldset class="decide-bar" ref={bar} aria-label="Verdict">
            {VERDICTS.map(({ verdict, name, about }, index) => (
              <button
                key={verdict}
                type="button"
                title={about}
                aria-pressed={chosen.value === index}
                onClick={() => (chosen.value === index ? cancel() : choose(index))}
              >
                <kbd>{index + 1}</kbd> {name}
              </button>
            ))}
          </fieldset>
        )}
      </div>
      {choice && (
        <form class="decide-form" onSubmit={decide}>
          <label>
            <span>
              Why: {choice.name} <span class="muted">{choice.about}</span>
            </span>
            <textarea
              ref={reason}
              required
              minLength={REASON_MIN}
              maxLength={REASON_MAX}
              rows={2}
              placeholder="What the next person will want to know"
              onKeyDown={(event) => {
                if (event.isComposing) return
                if (event.key === 'Escape') {
                  event.preventDefault()
                  cancel()
                } else if (event.key === 'Enter' && !event.shiftKey) {
                  event.preventDefault()
                  event.currentTarget.form?.requestSubmit()
                }
              }}
            />
          </label>
          {failure.value && <Failure failure={failure.value} />}
          <div class="actions">
            <span class="muted">Evidence of a new kind reopens the case; more of the same does not.</span>
            <button type="button" onClick={cancel}>
              Cancel <kbd>Esc</kbd>
            </button>
            <button type="submit" class="primary" disabled={busy.value}>
              Send <kbd>Enter</kbd>
            </button>
          </div>
        </form>
      )}
    </section>
  )
}

function State({ now: { state, verdict, newKinds } }: { now: CaseView }) {
  return (
    <>
      <p>
        {state === 'none' ? <span class="muted">No decision needed.</span> : <CaseMark state={state} />}{' '}
        {state === 'open' && <span class="muted">Nobody has decided yet.</span>}
        {newKinds.length > 0 && (
          <>
            {state === 'reopened' ? 'new evidence: ' : 'new since then: '}
            <Text value={newKinds.join('; ')} max={400} />
          </>
        )}
      </p>
      {verdict && (
        <p class="decided">
          <strong>{VERDICTS.find((it) => it.verdict === verdict.verdict)?.name ?? verdict.verdict}</strong>{' '}
          <span class="muted">
            by <Text value={verdict.by} max={80} />, <Time ms={verdict.at} />, on
          </span>{' '}
          <BandChip band={verdict.band} /> <span class="muted">with {pointsOf(verdict)} points:</span>{' '}
          <Text value={verdict.reason} max={400} />
        </p>
      )}
    </>
  )
}

const MARKS: Record<CaseView['state'], { mark: string; words: string }> = {
  none: { mark: '', words: 'No case' },
  open: { mark: '●', words: 'Open' },
  reopened: { mark: '↻', words: 'Reopened' },
  closed: { mark: '✓', words: 'Closed' },
}

/** A case by mark and word. */
export function CaseMark({ state }: { state: CaseView['state'] }) {
  const { mark, words } = MARKS[state]
  return (
    <span class={`case case-${state}`}>
      {mark && <span aria-hidden="true">{mark}</span>} {words}
    </span>
  )
}
