/** One laptop: whether it is online, its agent's resource use, missing events, and what cannot be seen on it. */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import type { Laptop, LaptopRow } from '../../views/schema.ts'
import { ask } from '../api.ts'
import { useLive } from '../live.ts'
import { to } from '../route.ts'
import { may } from '../session.ts'
import { confirm } from './confirm.tsx'
import { CoverageGrid } from './coverage.tsx'
import { Failure } from './failure.tsx'
import { size } from './size.ts'
import { Starts } from './starts.tsx'
import { plain, Text } from './text.tsx'
import { LastSeen, Time } from './time.tsx'
import './dot.css'
import './laptop.css'

/** In the list: the details are loaded when it is opened. */
export function LaptopItem({ laptop }: { laptop: LaptopRow }) {
  const isOpen = useSignal(false)
  return (
    <Card summary={laptop} withWorker onToggle={(open) => (isOpen.value = open)}>
      {isOpen.value && <Opened laptop={laptop} />}
    </Card>
  )
}

function Opened({ laptop: { device, worker } }: { laptop: LaptopRow }) {
  const { data, failure } = useLive<Laptop>(`/laptops/${encodeURIComponent(device.toWellFormed())}`, {
    concerns: ({ workers }) => workers === null || workers.includes(worker ?? device),
  })
  if (!data) return failure ? <Failure failure={failure} /> : <p class="loading">Loading…</p>
  return <Body laptop={data} withWorker />
}

/** On the page of the worker who holds it. */
export function LaptopCard({ laptop }: { laptop: Laptop }) {
  return (
    <Card summary={{ ...laptop, gaps: laptop.gaps.length }} withWorker={false}>
      <Body laptop={laptop} withWorker={false} />
    </Card>
  )
}

interface CardOf {
  summary: Omit<LaptopRow, 'place' | 'events' | 'enrolledAt'>
  withWorker: boolean
  onToggle?: (open: boolean) => void
  children: ComponentChildren
}

function Card({ summary, withWorker, onToggle, children }: CardOf) {
  const { device, platform, version, worker, lastSeen, online, visible } = summary
  const { wanted, seen, impaired } = visible
  return (
    <details class="laptop" onToggle={(event) => onToggle?.(event.currentTarget.open)}>
      <summary>
        <Presence laptop={summary} />
        <span class="laptop-name">
          <span class="mono">
            <bdi>{plain(device, 60)}</bdi>
          </span>
          <span class="muted">
            <bdi>
              {plain(platform, 20)} · agent {plain(version, 20)}
            </bdi>
          </span>
        </span>
        {withWorker && (
          <span class="laptop-worker">
            {worker === null ? <span class="muted">no worker</span> : <bdi>{plain(worker, 60)}</bdi>}
          </span>
        )}
        <span class="laptop-seen">
          <LastSeen ms={lastSeen} online={online} />
        </span>
        <span class={impaired > 0 ? 'laptop-coverage warn' : 'laptop-coverage'}>
          {wanted === 0 ? 'coverage not known' : `${seen} of ${wanted} visible`}
          {impaired > 0 && `, ${impaired} impaired`}
        </span>
        <span class="laptop-problems">
          {problems(summary).map((words) => (
            <span class="flag" key={words}>
              {words}
            </span>
          ))}
        </span>
      </summary>
      {children}
    </details>
  )
}

function Body({ laptop, withWorker }: { laptop: Laptop; withWorker: boolean }) {
  // In the list, the page's title is above it; on a worker's page, the panel's.
  const Heading = withWorker ? 'h2' : 'h3'
  return (
    <div class="laptop-body">
      <dl class="numbers">
        <Fact label="Events" value={laptop.events.toLocaleString()} />
        <Fact label="Missing" value={laptop.missing.toLocaleString()} bad={laptop.missing > 0} />
        <Fact label="Rejected" value={laptop.rejected.toLocaleString()} bad={laptop.rejected > 0} />
        <Fact label="Not sent yet" value={laptop.spoolBytes === null ? 'not known' : size(laptop.spoolBytes)} />
        <Fact label="Agent's memory" value={laptop.residentBytes === null ? 'not known' : size(laptop.residentBytes)} />
        <Fact
          label="Clock off by"
          value={laptop.clockSkewMs === null ? 'not known' : skew(laptop.clockSkewMs)}
          bad={Math.abs(laptop.clockSkewMs ?? 0) > 120_000}
        />
        <Fact label="Program" value={digest(laptop.programHash)} />
        <Fact label="Policy" value={digest(laptop.policyHash)} />
        <Fact label="Address" value={laptop.lastAddress === null ? 'not known' : plain(laptop.lastAddress, 64)} />
        <Fact label="Place" value={laptop.place === null ? 'not known' : plain(laptop.place, 80)} />
      </dl>
      <Heading>What can be seen on it</Heading>
      {laptop.starts !== null && (
        <p>
          <Starts of={[laptop.starts]} />
        </p>
      )}
      <CoverageGrid coverage={laptop.coverage} />
      <Heading>Gaps</Heading>
      {laptop.gaps.length === 0 ? (
        <p class="muted">None reported.</p>
      ) : (
        <ul class="gaps">
          {laptop.gaps.map((gap, index) => (
            <li key={`${gap.time} ${index}`}>
              <Time ms={gap.time} as="brief" />
              <span>
                <span class="mono">
                  <Text value={gap.about} max={80} />
                </span>
                {gap.detail !== null && (
                  <span class="muted gap-detail">
                    <Text value={gap.detail} max={120} />
                  </span>
                )}
              </span>
              <span class="gap-reason">
                {plain(gap.reason, 60)}
                {gap.count !== null && gap.count > 1 && ` × ${gap.count.toLocaleString()}`}
              </span>
            </li>
          ))}
        </ul>
      )}
      {withWorker && laptop.worker !== null && (
        <p>
          Held by{' '}
          <a href={to('workers', laptop.worker)}>
            <bdi>{plain(laptop.worker, 60)}</bdi>
          </a>
        </p>
      )}
      <p class="muted">
        Enrolled <Time ms={laptop.enrolledAt} as="full" />
        {laptop.revokedAt !== null && (
          <>
            , revoked <Time ms={laptop.revokedAt} as="full" /> by{' '}
            {laptop.revokedBy === null ? 'the command line' : <Text value={laptop.revokedBy} max={80} />}
            {laptop.revokedWhy !== null && (
              <>
                : <Text value={laptop.revokedWhy} max={400} />
              </>
            )}
          </>
        )}
      </p>
      {laptop.revokedAt === null && may('laptop.revoke') && (
        <p>
          <button type="button" onClick={() => askToRevoke(laptop.device)}>
            Revoke this laptop
          </button>
        </p>
      )}
    </div>
  )
}

function askToRevoke(device: string): void {
  confirm({
    title: 'Revoke this laptop',
    about: (
      <>
        The agent of <bdi class="mono">{plain(device, 60)}</bdi> is refused from now on. What it has sent is kept. To
        undo this, enroll the laptop with a new token.
      </>
    ),
    fields: (
      <label>
        Why
        <textarea
          name="reason"
          required
          minLength={3}
          maxLength={2_000}
          rows={2}
          placeholder="Lost, stolen, returned …"
        />
      </label>
    ),
    act: 'Revoke',
    send: (form) =>
      ask(`/laptops/${encodeURIComponent(device.toWellFormed())}/revoke`, {
        method: 'POST',
        body: { reason: String(form.get('reason')).trim() },
      }),
  })
}

function Presence({ laptop }: { laptop: Pick<LaptopRow, 'revokedAt' | 'online'> }) {
  const [name, word] =
    laptop.revokedAt !== null ? ['revoked', 'Revoked'] : laptop.online ? ['online', 'Online'] : ['offline', 'Offline']
  return (
    <span class={`presence ${name}`}>
      <i aria-hidden="true" />
      {word}
    </span>
  )
}

function Fact({ label, value, bad = false }: { label: string; value: string; bad?: boolean }) {
  return (
    <div class={bad ? 'warn' : ''}>
      <dt>{label}</dt>
      <dd>
        <bdi>{value}</bdi>
      </dd>
    </div>
  )
}

/** Problems to look at, in words short enough for the list. */
function problems({ missing, rejected, gaps }: Pick<LaptopRow, 'missing' | 'rejected' | 'gaps'>): string[] {
  return [
    ...(missing > 0 ? [`${missing.toLocaleString()} missing`] : []),
    ...(rejected > 0 ? [`${rejected.toLocaleString()} rejected`] : []),
    ...(gaps > 0 ? [`${gaps} ${gaps === 1 ? 'gap' : 'gaps'}`] : []),
  ]
}

function skew(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000)
  if (seconds === 0) return 'less than 1 s'
  return `${seconds.toLocaleString()} s ${ms > 0 ? 'ahead' : 'behind'}`
}

/** The beginning of a hash is enough to compare two laptops by eye. */
function digest(hash: string | null): string {
  return hash === null ? 'not known' : plain(hash.slice(0, 12), 12)
}
