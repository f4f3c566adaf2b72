/**
 * The queue as this page holds it: the first rows at once, then the rest, and from then on the changes.
 *
 * Shape   kept while somebody is signed in, so that going back from a worker costs nothing; changes are requested
 *         while it is shown. In the order of the queue.
 */
import { computed, effect, signal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'
import { byUrgency } from '../model/urgency.ts'
import type { QueuePage, WorkerRow } from '../views/schema.ts'
import { ApiFailure, ask } from './api.ts'
import { asked, oneAtATime, onNotice } from './live.ts'
import { session } from './session.ts'

/** Enough for the visible rows. */
const HEAD_ROWS = 200
const REST_ROWS = 5_000

export interface Shown {
  /** Null: nothing has arrived yet. */
  rows: readonly WorkerRow[] | null
  /** False while the rest is still loading. */
  isWhole: boolean
  failure: ApiFailure | null
}

const NOTHING: Shown = { rows: null, isWhole: false, failure: null }
const shown = signal<Shown>(NOTHING)
/** The number of people by cluster: everybody in a cluster has a row. */
export const clusterSizes = computed(() => {
  const sizes = new Map<string, number>()
  for (const { cluster } of shown.value.rows ?? [])
    if (cluster !== null) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1)
  return sizes
})

/** Whether the list was shown: a page that is opened directly does not load it. */
export const isHeld = computed(() => shown.value.rows !== null)

let rows: readonly WorkerRow[] = []
let revision: number | null = null
/** Counts sign-outs: a late answer belongs to an earlier session. */
let life = 0

effect(() => {
  if (session.value) return
  life++
  rows = []
  revision = null
  shown.value = NOTHING
})

const follow = oneAtATime(async () => {
  const began = life
  for (let more = true; more; ) {
    const page = await asked(ask<QueuePage>(pathOf(revision)))
    if (page === null || began !== life) return
    if (page instanceof ApiFailure) {
      shown.value = { ...shown.peek(), failure: page }
      return
    }
    rows = withChanges(page.reset ? [] : rows, page)
    revision = page.revision
    more = page.more
    // After a restart of the server the old list stays visible until the new one is complete.
    if (!more || !shown.peek().isWhole) shown.value = { rows, isWhole: !more, failure: null }
  }
})

/** The rows, kept up to date while the calling component is shown. */
export function useQueue(): Shown {
  useLayoutEffect(() => {
    const unlisten = onNotice((notice) => {
      if (notice === null || revision === null || notice.revision > revision) follow()
    })
    follow()
    return unlisten
  }, [])
  return shown.value
}

/** The rows as they are now, without asking for changes; none before the list was shown. */
export function heldRows(): readonly WorkerRow[] {
  return shown.peek().rows ?? []
}

function pathOf(since: number | null): string {
  return since === null ? `/workers?limit=${HEAD_ROWS}` : `/workers?since=${since}&limit=${REST_ROWS}`
}

/** The remaining rows are already in order, so sorting in a few changed ones is fast. */
export function withChanges(
  before: readonly WorkerRow[],
  { rows, gone }: Pick<QueuePage, 'rows' | 'gone'>,
): WorkerRow[] {
  const moved = new Set([...rows.map((it) => it.worker), ...gone])
  return [...before.filter((it) => !moved.has(it.worker)), ...rows].sort(byUrgency)
}
