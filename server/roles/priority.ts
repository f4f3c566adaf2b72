/** The priority of threads that judge: below those that serve laptops and people. */
import { readlinkSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** A difference, because the priority of the others may be changed from outside. */
const NICE = 5
const LOWEST = 19

/** Of this thread. Only Linux gives each thread a priority of its own; elsewhere nothing happens. */
export function lowerPriority(onFailed: (cause: unknown) => void = () => {}): void {
  if (process.platform !== 'linux') return
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(thread, Math.min(LOWEST, getPriority(thread) + NICE))
  } catch (cause) {
    onFailed(cause)
  }
}
