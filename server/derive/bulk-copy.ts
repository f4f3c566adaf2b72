/**
 * A copy that takes its time: the bursts of one folder within an hour, as one (#72, #75).
 *
 * Shape   a `file_burst` of our own with `WindowSeconds` 3,600 and the sums of the last hour, whenever a burst comes
 *         that is not the hour's only one: so a rule with hourly limits sees what a slow copy adds up to.
 * Memory  the last hour's bursts per device and root: 120 at most (the agent sends one a minute and root), 64 roots a
 *         device, the root used least lately given up first.
 */
import type { EventOf } from '../../wire/event.ts'
import type { Deriver } from './deriver.ts'

const WINDOW_MS = 3_600_000
const MAX_BURSTS = 120
const MAX_ROOTS = 64

type Burst = Pick<EventOf<'file_burst'>, 'time' | 'Files' | 'Bytes' | 'Archives' | 'SourceFiles'>
type Roots = [root: string, bursts: Burst[]][]

export function bulkCopy(): Deriver {
  let devices = new Map<string, Roots>()
  return {
    name: 'bulk-copy',
    take({ event, device, conflict }, emit) {
      if (event?.category !== 'file_burst' || event.product === 'tellwire' || device === null || conflict) return
      const { time, Files, Bytes, Archives, SourceFiles, Root, RootKind } = event
      const roots = devices.get(device) ?? []
      const key = `${RootKind} ${Root}`
      const before = roots.find(([it]) => it === key)?.[1] ?? []
      const bursts = [...before, { time, Files, Bytes, Archives, SourceFiles }].slice(-MAX_BURSTS)
      const hour = bursts.filter((it) => it.time > time - WINDOW_MS && it.time <= time)
      const newest = Math.max(...bursts.map((it) => it.time))
      const kept = bursts.filter((it) => it.time > newest - WINDOW_MS)
      devices.set(device, [...roots.filter(([it]) => it !== key), [key, kept] as Roots[number]].slice(-MAX_ROOTS))
      if (hour.length < 2) return
      const sum = (of: (it: Burst) => number) => hour.reduce((total, it) => total + of(it), 0)
      emit(
        {
          category: 'file_burst',
          Root,
          RootKind,
          Files: sum((it) => it.Files),
          Bytes: sum((it) => it.Bytes),
          Archives: sum((it) => it.Archives),
          SourceFiles: sum((it) => it.SourceFiles),
          WindowSeconds: WINDOW_MS / 1_000,
        },
        `${key} ${event.id}`,
      )
    },
    save: () => [...devices],
    load: (state) => {
      devices = new Map(state as [string, Roots][])
    },
  }
}
