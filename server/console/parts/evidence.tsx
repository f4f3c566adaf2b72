/** The evidence about a worker as a file, for those who may take it off the server. */
import { download } from '../api.ts'
import { useSending } from '../sending.ts'
import { may } from '../session.ts'
import { Failure } from './failure.tsx'

export function EvidencePack({ worker }: { worker: string }) {
  const { busy, failure, send } = useSending()
  if (!may('evidence.make')) return null
  const path = `/workers/${encodeURIComponent(worker.toWellFormed())}/evidence`
  return (
    <section class="panel" aria-labelledby="evidence-title">
      <h2 id="evidence-title">Evidence pack</h2>
      <p class="muted">
        Rules, events, counts and score in one signed file. Anybody verifies it with{' '}
        <code>tellwire evidence verify</code>. Making one is in the audit.
      </p>
      <button type="button" disabled={busy.value} onClick={() => send(() => download(path, 'evidence.ndjson'))}>
        {busy.value ? 'Collecting …' : 'Make and download'}
      </button>
      {failure.value && <Failure failure={failure.value} />}
    </section>
  )
}
