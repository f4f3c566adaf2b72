/** Which sources have said something about the worker, and which have not. */
import type { WorkerPage } from '../../views/schema.ts'
import { TimeOrNever } from './time.tsx'

const NAMES: Record<WorkerPage['sources'][number]['source'], string> = {
  laptop: 'A laptop of ours',
  identity_provider: 'Identity provider',
  code_host: 'Code host',
  hr: 'HR',
}

export function Sources({ sources }: { sources: WorkerPage['sources'] }) {
  const judged = sources.filter((it) => it.lastSeen !== null).length
  return (
    <section class="panel" aria-labelledby="sources-title">
      <div class="panel-head">
        <h2 id="sources-title">Judged by</h2>
        <span class="muted">
          {judged} of {sources.length} sources
        </span>
      </div>
      <dl class="facts-list">
        {sources.map(({ source, lastSeen }) => (
          <div key={source}>
            <dt>{NAMES[source]}</dt>
            <dd>
              <TimeOrNever ms={lastSeen} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
