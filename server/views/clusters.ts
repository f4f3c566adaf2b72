/** Clusters with their people, highest band first: each person's row in the queue, and their place by contract. */

import type { Cluster } from '../model/assessment.ts'
import { byUrgency } from '../model/urgency.ts'
import type { Queue } from './queue.ts'
import type { Reader } from './reader.ts'
import type { ClusterView } from './schema.ts'

type Rows = Pick<Queue, 'row' | 'clusters'>

export function clusters(reader: Reader, queue: Rows): ClusterView[] {
  return queue.clusters.map((it) => ({ ...it, people: people(reader, queue, it) }))
}

function people(reader: Reader, queue: Rows, { workers }: Cluster): ClusterView['people'] {
  return workers
    .flatMap((worker) => {
      const row = queue.row(worker)
      if (!row) return []
      const { name, band, points } = row
      return [{ worker, name, band, points, place: placeOf(reader, worker), case: row.case }]
    })
    .sort(byUrgency)
}

function placeOf({ directory }: Reader, worker: string): string | null {
  const contract = directory.latestContract(worker)
  return [contract?.city, contract?.region, contract?.country].filter(Boolean).join(', ') || null
}
