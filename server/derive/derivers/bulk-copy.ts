/**
 * A slow copy: the bursts of one folder within an hour, as one event (#72, #75).
 *
 * Shape   a derived `file_burst` with `WindowSeconds` 3,600 and the sums of the last hour, for every burst that is not
 *         the only one of its hour, so that rules with hourly limits match slow copies.
 * Memory  per device and root the bursts within the lateness bound, in the bounds of `inOrder`.
 */

import * as z from 'zod'
import type { EventOf } from '../../../wire/event.ts'
import { HOUR } from '../../../wire/time.ts'
import { deriverKind } from '../deriver.ts'
import { inOrder } from '../kit/in-order.ts'

const WINDOW_MS = HOUR

const COUNTED = ['Files', 'Bytes', 'Archives', 'SourceFiles'] as const
type Burst = Pick<EventOf<'file_burst'>, 'id' | 'time' | 'Root' | 'RootKind' | (typeof COUNTED)[number]>

export const bulkCopy = deriverKind('bulk_copy', z.strictObject({}), (_, world) => {
  const roots = inOrder<{ hour: Burst[] }, Burst>({
    begin: () => ({ hour: [] }),
    step(state, burst, report) {
      state.hour = [...state.hour.filter((it) => it.time > burst.time - WINDOW_MS), burst]
      if (state.hour.length < 2) return
      const sums = COUNTED.map((what) => [what, state.hour.reduce((total, it) => total + it[what], 0)])
      const { Root, RootKind } = burst
      report(burst.time, `${RootKind} ${Root} ${burst.id}`, {
        category: 'file_burst',
        Root,
        RootKind,
        ...(Object.fromEntries(sums) as Record<(typeof COUNTED)[number], number>),
        WindowSeconds: WINDOW_MS / 1_000,
      })
    },
  })
  return {
    reads: ['file_burst'],
    take({ event, device, conflict }, emit) {
      if (event?.category !== 'file_burst' || device === null || conflict) return
      const { id, time, Root, RootKind, Files, Bytes, Archives, SourceFiles } = event
      const burst = { id, time, Root, RootKind, Files, Bytes, Archives, SourceFiles }
      roots.take(JSON.stringify([device, RootKind, Root]), burst, (at, key, draft) =>
        emit({ device, worker: world.holderAt(device, at), time: at }, key, draft),
      )
    },
    kept: roots.kept,
  }
})
