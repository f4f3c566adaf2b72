/** The order of the queue and its open cases, for server and page alike. No schema: the page must not load zod. */
import type { Band } from './assessment.ts'
import type { CaseView } from './case.ts'

const RANK: Record<Band, number> = { none: 0, low: 1, medium: 2, high: 3, critical: 4 }

export interface Urgent {
  worker: string
  band: Band
  points: number
  /** Omitted where no closed case is among them. */
  case?: CaseView['state']
}

export function isOpen({ case: state }: Pick<Urgent, 'case'>): boolean {
  return state === 'open' || state === 'reopened'
}

/** Worst band first; within a band closed cases last, then by points, then by name. */
export function byUrgency(a: Urgent, b: Urgent): number {
  const closed = Number(a.case === 'closed') - Number(b.case === 'closed')
  return RANK[b.band] - RANK[a.band] || closed || b.points - a.points || (a.worker < b.worker ? -1 : 1)
}
