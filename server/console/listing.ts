/** What the list of workers shows, and where its reader is: kept while the page is open, so that going back changes nothing. */
import { signal } from '@preact/signals'
import type { Band } from '../model/assessment.ts'
import { isOpen } from '../model/urgency.ts'
import type { WorkerRow } from '../views/schema.ts'
import type { GridPlace } from './parts/grid.tsx'
import { go } from './route.ts'

export const search = signal('')
export const bands = signal<ReadonlySet<Band>>(new Set())
export const onlyOpen = signal(false)
export const place = signal<GridPlace>({ active: null, next: null, top: 0 })

export function showAll(): void {
  search.value = ''
  bands.value = new Set()
  onlyOpen.value = false
}

export function listed(rows: readonly WorkerRow[]): WorkerRow[] {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
  return rows.filter(
    (row) =>
      (bands.value.size === 0 || bands.value.has(row.band)) &&
      (!onlyOpen.value || isOpen(row)) &&
      words.every((word) => `${row.worker} ${row.name ?? ''} ${row.reason}`.toLowerCase().includes(word)),
  )
}

/** The first open case below the worker in the list, then from its top. Null: none but this one. */
export function nextOpen(rows: readonly WorkerRow[], worker: string | null): WorkerRow | null {
  const all = listed(rows)
  const below = all.findIndex((it) => it.worker === place.value.next)
  const from = below >= 0 ? below : all.findIndex((it) => it.worker === worker) + 1
  return [...all.slice(from), ...all.slice(0, from)].find((it) => isOpen(it) && it.worker !== worker) ?? null
}

/**
 * Call it when a decision is being sent: a decided case moves to the end of its band, and the reader goes on to the next
 * open one below, or from where it was. Without rows, which a page that was opened directly does not load, the reader starts at the top of the list.
 * Returns what to do when the decision was accepted.
 */
export function leaving(rows: readonly WorkerRow[], worker: string): () => void {
  const all = listed(rows)
  const at = all.findIndex((it) => it.worker === worker)
  const below = at < 0 ? [] : all.slice(at + 1)
  const next = (below.find(isOpen) ?? below[0])?.worker ?? null
  return () => {
    if (next !== null || rows.length === 0) place.value = { ...place.value, active: null, next }
  }
}

/** Shows the worker, and is there in the list too. */
export function openCase(worker: string): void {
  place.value = { ...place.value, active: worker, next: null }
  go('workers', worker)
}
