/** Events per hour over seven days, of all laptops of one worker. */

import type { Reader } from './reader.ts'
import type { WorkerPage } from './schema.ts'

export const ACTIVITY_MS = 7 * 86_400_000

export async function activity(reader: Reader, devices: readonly string[]): Promise<WorkerPage['activity']> {
  if (devices.length === 0) return []
  const byHour = new Map<number, number>()
  for (const { hour, events } of await reader.history.counts({ devices, from: reader.now() - ACTIVITY_MS }))
    byHour.set(hour, (byHour.get(hour) ?? 0) + events)
  return [...byHour].map(([hour, events]) => ({ hour, events })).sort((a, b) => a.hour - b.hour)
}
