/** What the fleet has in common, and what of it the company says is its own: counts, examples, one button to approve. */
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { ApprovalView } from '../../api/schema.ts'
import type { LearningView } from '../../views/schema.ts'
import { ask } from '../api.ts'
import { useKeys } from '../keys.ts'
import { useLook } from '../live.ts'
import { confirm } from '../parts/confirm.tsx'
import { Effect } from '../parts/effect.tsx'
import { Failure } from '../parts/failure.tsx'
import { Loading } from '../parts/loading.tsx'
import { plain } from '../parts/text.tsx'
import { Time } from '../parts/time.tsx'
import { to } from '../route.ts'
import { may } from '../session.ts'
import './clusters.css'
import './learning.css'

type Candidate = LearningView['candidates'][number]
type Period = NonNullable<LearningView['period']>

const DAY = 86_400_000
/** Another analyst may approve something, and laptops report. */
const EVERY_MS = 60_000
const MAX_DAYS_SHOWN = 31

const GROUPS: readonly { kind: Candidate['kind']; title: string }[] = [
  { kind: 'tool', title: 'Tools, by tenant' },
  { kind: 'exit', title: 'Exits, by network' },
  { kind: 'management', title: 'Programs that start tools as the system' },
  { kind: 'repository', title: 'Code hosts and namespaces' },
  { kind: 'hardware', title: 'Docks, capture cards and remote-control hardware' },
  { kind: 'display', title: 'Monitors' },
  { kind: 'usb', title: 'USB devices' },
]

export function Learning() {
  const changes = useSignal(0)
  const options = { everyMs: () => EVERY_MS }
  const { data, failure } = useLook('learning', () => ask<LearningView>('/learning'), options, [changes.value])
  const table = useRef<HTMLTableElement>(null)
  useKeys({ j: () => moveBy(table.current, 1), k: () => moveBy(table.current, -1), a: () => approveAt(table.current) })
  if (!data) return failure ? <Failure failure={failure} /> : <Loading>Loading what workers have in common…</Loading>

  const send = async (path: string, body: unknown) => {
    await ask(path, { method: 'POST', body })
    changes.value++
  }
  const shown = data.candidates
  const answered = shown.filter((it) => it.offered && it.approved !== null).length
  return (
    <>
      {failure && <Failure failure={failure} />}
      <div class="page-head">
        <h1>Learning</h1>
        <span class="muted">What the company says once is its own</span>
        <span class="learning-keys muted">
          <kbd>j</kbd> <kbd>k</kbd> move, <kbd>a</kbd> approve
        </span>
      </div>
      <PeriodPanel period={data.period} now={data.now} send={send} />
      <section class="panel scroll" aria-labelledby="common-title">
        <div class="panel-head">
          <h2 id="common-title">What workers have in common</h2>
          <span class="muted">
            Approval lowers what is found, and never hides it: who drives an approved tool, from where and for how long,
            stays evidence.
          </span>
          <span class="muted number">
            {answered} of {shown.filter((it) => it.offered).length} approved
          </span>
        </div>
        {shown.length === 0 ? (
          <p class="notice">Nothing is common to two workers yet.</p>
        ) : (
          <table class="plain-table learning" ref={table}>
            <thead>
              <tr>
                <th scope="col">Thing</th>
                <th scope="col">Who has it</th>
                <th scope="col">Examples</th>
                <th scope="col">Is it yours?</th>
              </tr>
            </thead>
            {GROUPS.map(({ kind, title }) => ({ kind, title, rows: shown.filter((it) => it.kind === kind) }))
              .filter(({ rows }) => rows.length > 0)
              .map(({ kind, title, rows }) => (
                <tbody key={kind}>
                  <tr class="learning-group">
                    <th scope="rowgroup" colSpan={4}>
                      {title}
                    </th>
                  </tr>
                  {rows.map((it) => (
                    <CandidateRow key={`${it.kind} ${it.value} ${it.tenant}`} candidate={it} send={send} />
                  ))}
                </tbody>
              ))}
          </table>
        )}
      </section>
      <Approved approvals={data.approvals} send={send} />
    </>
  )
}

type Send = (path: string, body: unknown) => Promise<void>

function PeriodPanel({ period, now, send }: { period: Period | null; now: number; send: Send }) {
  if (!period) return <p class="notice">No laptop and no login was seen yet; learning begins with the first.</p>
  const days = Math.max(1, Math.ceil(((period.until ?? period.due) - period.from) / DAY))
  const day = Math.floor((now - period.from) / DAY) + 1
  const isDue = period.until === null && now >= period.due
  const end = () =>
    confirm({
      title: 'End the learning period',
      about:
        'From now on only an approval lowers what is found about a tool, however many people have it. What was common until now keeps its weight.',
      fields: <ReasonField />,
      act: 'End learning',
      send: (form) => send('/learning', { reason: textOf(form, 'reason') }),
    })
  return (
    <section class="panel learning-period" aria-label="Learning period">
      <div>
        <strong>
          {period.isOver ? 'Learning has ended' : isDue ? `Day ${day}: time to end it` : `Day ${day} of ${days}`}
        </strong>
        <p class="muted">
          {period.isOver ? 'on ' : period.until !== null ? 'It ends on ' : 'End it when what is yours is approved, by '}
          <Time ms={period.until ?? period.due} as="brief" />
          {period.saidBy !== null && (
            <>
              , says <bdi>{plain(period.saidBy, 40)}</bdi>
            </>
          )}
        </p>
      </div>
      {!period.isOver && days <= MAX_DAYS_SHOWN && (
        <div class="learning-days" aria-hidden="true">
          {Array.from({ length: days }, (_, at) => (
            <i key={at} class={at + 1 < day ? 'past' : at + 1 === day ? 'today' : ''} />
          ))}
        </div>
      )}
      <p>
        {period.isOver
          ? 'A tool that nobody approved is a finding, also where many people have it.'
          : 'A tool that a third of the workers have, five at least, weighs as context only. All else is judged from the first hour.'}
      </p>
      {!period.isOver && may('contract.write') && (
        <button type="button" onClick={end}>
          End learning…
        </button>
      )}
    </section>
  )
}

function CandidateRow({ candidate: it, send }: { candidate: Candidate; send: Send }) {
  const name = nameOf(it)
  return (
    <tr tabIndex={-1}>
      <th scope="row">
        <bdi>{plain(name, 80)}</bdi>
        {detailOf(it) !== '' && (
          <span class="muted learning-detail">
            <bdi>{plain(detailOf(it), 120)}</bdi>
          </span>
        )}
      </th>
      <td data-title="Who has it">
        <span class="meter">
          <span class="meter-track" aria-hidden="true">
            <span class="meter-fill" style={{ width: `${Math.round((100 * it.workers) / it.of)}%` }} />
          </span>
          <span class="number">
            {it.workers.toLocaleString()} of {it.of.toLocaleString()}
          </span>
        </span>
        {it.roles.length > 0 && (
          <span class="muted learning-detail number">
            {it.roles.map(({ role, workers, of }, index) => (
              <span key={role}>
                {index > 0 && ' · '}
                <bdi>{plain(role, 40)}</bdi> {workers.toLocaleString()} of {of.toLocaleString()}
              </span>
            ))}
          </span>
        )}
      </td>
      <td data-title="Examples">
        {it.examples.map(({ worker, name: person }, index) => (
          <span key={worker}>
            {index > 0 && ', '}
            <a href={to('workers', worker)}>
              <bdi>{plain(person ?? worker, 40)}</bdi>
            </a>
          </span>
        ))}
        {it.workers > it.examples.length && `, ${(it.workers - it.examples.length).toLocaleString()} more`}
      </td>
      <td data-title="Yours">
        <Answer candidate={it} name={name} send={send} />
      </td>
    </tr>
  )
}

function Answer({ candidate: it, name, send }: { candidate: Candidate; name: string; send: Send }) {
  if (it.approved !== null) return <strong class="learning-yes">✓ Approved</strong>
  if (it.kind === 'display' || it.kind === 'usb') return <span class="muted">counted, not judged by itself</span>
  if (!it.offered) return <span class="muted">too rare to offer</span>
  if (!may('contract.write')) return <span class="muted">not approved</span>
  const whom = it.role === null ? 'the company' : `the role ${plain(it.role, 40)}`
  const words = it.role === null ? 'Approve…' : `Approve for ${plain(it.role, 30)}…`
  const level = it.role === null ? { level: 'company' } : { level: 'role', role: it.role }
  const approve = () =>
    confirm({
      title: `Approve ${plain(name, 60)} for ${whom}`,
      about: `${it.workers} of ${it.of} workers have it. The approval also holds for what was seen until now.`,
      fields: (
        <>
          <Effect approval={{ ...level, ...thingOf(it) }} />
          <ReasonField />
          <label>
            Ticket (if there is one)
            <input name="ticket" maxLength={256} autocomplete="off" />
          </label>
          <label>
            Until (empty: without an end)
            <input name="until" type="date" />
          </label>
        </>
      ),
      act: `Approve for ${whom}`,
      send: (form) => send('/approvals', { ...level, ...thingOf(it), ...wordsIn(form) }),
    })
  return (
    <button type="button" class="learning-approve" aria-label={`${words}: ${plain(name, 60)}`} onClick={approve}>
      {words}
    </button>
  )
}

function ReasonField() {
  return (
    <label>
      Why
      <input name="reason" required minLength={3} maxLength={1_000} autocomplete="off" />
    </label>
  )
}

function Approved({ approvals, send }: { approvals: readonly ApprovalView[]; send: Send }) {
  const revoke = (it: ApprovalView) =>
    confirm({
      title: `Revoke the approval of ${plain(thingIn(it), 60)}`,
      about: 'It ends now. If it was a mistake, what it lowered until now counts again.',
      fields: (
        <label class="learning-mistake">
          <input type="checkbox" name="mistake" /> It was a mistake
        </label>
      ),
      act: 'Revoke',
      send: (form) => send(`/approvals/${encodeURIComponent(it.id)}/revoke`, { mistake: form.get('mistake') !== null }),
    })
  return (
    <section class="panel" aria-labelledby="approved-title">
      <h2 id="approved-title">Approved</h2>
      {approvals.length === 0 ? (
        <p class="muted">Nothing beside the contracts.</p>
      ) : (
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">For</th>
              <th scope="col">Why</th>
              <th scope="col">By</th>
              <th scope="col">Until</th>
              <th scope="col">Action</th>
            </tr>
          </thead>
          <tbody>
            {approvals.map((it) => (
              <tr key={it.id} class={it.isOver ? 'muted' : ''}>
                <th scope="row">
                  <bdi>{plain(thingIn(it), 80)}</bdi>
                </th>
                <td data-title="For">
                  <bdi>{plain(forWhom(it), 60)}</bdi>
                </td>
                <td data-title="Why">
                  <bdi>{plain(it.reason, 200)}</bdi>
                  {it.ticket != null && (
                    <span class="muted">
                      {' '}
                      <bdi>{plain(it.ticket, 40)}</bdi>
                    </span>
                  )}
                </td>
                <td data-title="By">
                  <bdi>{plain(it.approvedBy, 40)}</bdi>
                </td>
                <td data-title="Until">
                  <End approval={it} />
                </td>
                <td>
                  {!it.isOver && may('contract.write') && (
                    <button type="button" aria-label={`Revoke ${plain(thingIn(it), 60)}`} onClick={() => revoke(it)}>
                      Revoke…
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function End({ approval: { to: until, revokedAt, from } }: { approval: ApprovalView }) {
  if (revokedAt != null && revokedAt <= from) return <>never in force</>
  const end = revokedAt ?? until
  return end == null ? <>no end</> : <Time ms={end} as="brief" />
}

function forWhom({ level, role, worker }: ApprovalView): string {
  return level === 'company' ? 'the company' : level === 'role' ? `role ${role}` : (worker ?? '')
}

function thingIn(it: ApprovalView): string {
  switch (it.kind) {
    case 'tool':
      return it.tenant ? `${it.tool}, tenant ${it.tenant}` : (it.tool ?? '')
    case 'exit':
      return it.asn != null ? `AS${it.asn}` : (it.address ?? it.domain ?? '')
    case 'hardware':
      return [it.deviceKind, it.vendorId && `${it.vendorId}:${it.productId ?? '*'}`].filter(Boolean).join(' ')
    case 'repository':
      return [it.host, it.namespace].filter(Boolean).join('/')
    case 'management':
      return it.program ?? ''
  }
}

function nameOf({ kind, value, label }: Candidate): string {
  return kind === 'exit' && label === value ? `AS${value}` : label
}

function detailOf({ kind, value, label, tenant }: Candidate): string {
  if (kind === 'exit') return label === value ? '' : `AS${value}`
  if (kind === 'tool') return tenant === null ? 'no tenant was seen' : `tenant ${tenant}`
  return label === value ? '' : value
}

/** What an approval of the candidate names. */
function thingOf({ kind, value, tenant }: Candidate): object {
  switch (kind) {
    case 'exit':
      return { kind, asn: Number(value) }
    case 'repository': {
      const [host = '', ...rest] = value.split('/')
      return { kind, host, namespace: rest.join('/') || null }
    }
    case 'management':
      return { kind, program: value }
    case 'hardware': {
      const [deviceKind = '', ids = ''] = value.split(' ')
      const [vendorId, productId] = ids.split(':')
      return { kind, deviceKind, vendorId, productId }
    }
    default:
      return { kind: 'tool', tool: value, tenant }
  }
}

function wordsIn(form: FormData): object {
  const until = textOf(form, 'until')
  return {
    reason: textOf(form, 'reason'),
    ticket: textOf(form, 'ticket') || null,
    to: until === '' ? null : Date.parse(until),
  }
}

function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim()
}

function moveBy(table: HTMLTableElement | null, step: number): void {
  const rows = [...(table?.querySelectorAll<HTMLElement>('tr[tabindex]') ?? [])]
  const at = rows.findIndex((it) => it.contains(document.activeElement))
  rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus()
}

function approveAt(table: HTMLTableElement | null): void {
  const row = document.activeElement?.closest('tr')
  if (row && table?.contains(row)) row.querySelector<HTMLElement>('.learning-approve')?.click()
}
