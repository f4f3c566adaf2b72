/** One laptop: whether it talks, what it costs, what is missing, and what cannot be seen on it. */
import type { Laptop } from '../../api/schema.ts'
import { to } from '../route.ts'
import { CoverageGrid, coverageInWords } from './coverage.tsx'
import { size } from './size.ts'
import { plain, Text } from './text.tsx'
import { Time, TimeOrNever } from './time.tsx'

export function LaptopCard({ laptop, withWorker = true }: { laptop: Laptop; withWorker?: boolean }) {
  const { seen, of, blind } = coverageInWords(laptop.coverage)
  return (
    <details class="laptop">
      <summary>
        <Presence laptop={laptop} />
        <span class="laptop-name">
          <span class="mono">
            <bdi>{plain(laptop.device, 60)}</bdi>
          </span>
          <span class="muted">
            <bdi>
              {plain(laptop.platform, 20)} · agent {plain(laptop.version, 20)}
            </bdi>
          </span>
        </span>
        {withWorker && (
          <span class="laptop-worker">
            {laptop.worker === null ? <span class="muted">no worker</span> : <bdi>{plain(laptop.worker, 60)}</bdi>}
          </span>
        )}
        <span class="laptop-seen">
          <TimeOrNever ms={laptop.lastSeen} />
        </span>
        <span class={blind > 0 ? 'laptop-coverage warn' : 'laptop-coverage'}>
          {of === 0 ? 'coverage not known' : `${seen} of ${of} visible`}
          {blind > 0 && `, ${blind} impaired`}
        </span>
        <span class="laptop-problems">
          {problems(laptop).map((words) => (
            <span class="flag" key={words}>
              {words}
            </span>
          ))}
        </span>
      </summary>
      <div class="laptop-body">
        <dl class="numbers">
          <Fact label="Events" value={laptop.events.toLocaleString()} />
          <Fact label="Never came" value={laptop.missing.toLocaleString()} bad={laptop.missing > 0} />
          <Fact label="Rejected" value={laptop.rejected.toLocaleString()} bad={laptop.rejected > 0} />
          <Fact label="Waiting on it" value={laptop.spoolBytes === null ? 'not known' : size(laptop.spoolBytes)} />
          <Fact
            label="Agent's memory"
            value={laptop.residentBytes === null ? 'not known' : size(laptop.residentBytes)}
          />
          <Fact
            label="Clock off by"
            value={laptop.clockSkewMs === null ? 'not known' : skew(laptop.clockSkewMs)}
            bad={Math.abs(laptop.clockSkewMs ?? 0) > 120_000}
          />
          <Fact label="Address" value={laptop.lastAddress === null ? 'not known' : plain(laptop.lastAddress, 64)} />
          <Fact label="Place" value={laptop.place === null ? 'not known' : plain(laptop.place, 80)} />
        </dl>
        <h4>What can be seen on it</h4>
        <CoverageGrid coverage={laptop.coverage} />
        <h4>Gaps</h4>
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
              , revoked <Time ms={laptop.revokedAt} as="full" />
            </>
          )}
        </p>
      </div>
    </details>
  )
}

function Presence({ laptop }: { laptop: Laptop }) {
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

/** What somebody should look at, in words short enough for the list. */
export function problems(laptop: Laptop): string[] {
  return [
    ...(laptop.missing > 0 ? [`${laptop.missing.toLocaleString()} never came`] : []),
    ...(laptop.rejected > 0 ? [`${laptop.rejected.toLocaleString()} rejected`] : []),
    ...(laptop.gaps.length > 0 ? [`${laptop.gaps.length} ${laptop.gaps.length === 1 ? 'gap' : 'gaps'}`] : []),
  ]
}

function skew(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000)
  if (seconds === 0) return 'less than 1 s'
  return `${seconds.toLocaleString()} s ${ms > 0 ? 'ahead' : 'behind'}`
}
