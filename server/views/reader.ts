/** What the API asks of the running server. `server/main.ts` hands one in; a test hands in another. */
import type { ClusterView, Laptop, NewVerdict, WorkerPage, WorkerRow } from '../api/schema.ts'
import type { CaseView } from '../model/case.ts'

export interface Desk {
  now(): number
  /** By band, then what is decided after what is not, then points, then name. */
  workers(): WorkerRow[]
  /** Null: no such worker. */
  worker(id: string): Promise<WorkerPage | null>
  laptops(): Laptop[]
  /** Workers who share what unrelated people do not, worst first. */
  clusters(): ClusterView[]
  /** Decides about a worker as they stand now, and audits it; null: no such worker. */
  decide(worker: string, verdict: NewVerdict, by: string): CaseView | null
  /** Makes a one-time enrolment token for a worker, and audits it; the secret is in it and nowhere else. */
  enrolmentToken(worker: string | null, by: string): { token: string; expiresAt: number }
  /** Calls back, at most four times a second, when anything above may answer differently. */
  onChange(listener: () => void): () => void
}
