/**
 * Jumps of the wall clock: its movement minus that of the time since boot, including sleep.
 *
 * Units   ms. Below 5 s it is no jump, such as a time service's small corrections.
 */
import type { Host } from '../../host/host.ts'

const JUMP_MS = 5_000
const INTERRUPTED_MS = 1_000

/** When the laptop booted, by the wall clock. Null: the two clocks were not read at one moment, or there is no uptime. */
export async function bootMoment(host: Host, uptimeMs: () => Promise<number | null>): Promise<number | null> {
  const before = host.now()
  const uptime = await uptimeMs()
  return uptime === null || Math.abs(host.now() - before) > INTERRUPTED_MS ? null : before - uptime
}

/** The function gets each poll's moment, and returns the jump since the previous one; null: none. */
export function clockJumps(): (moment: number | null) => number | null {
  let last: number | null = null
  return (moment) => {
    // Wall clock minus time since boot is constant unless the clock is changed.
    const moved = moment !== null && last !== null ? Math.round(moment - last) : 0
    // Updated at each poll, so that small drifts do not add up to a jump.
    last = moment ?? last
    return Math.abs(moved) >= JUMP_MS ? moved : null
  }
}
