/** What a laptop is told of a failure. */
import { Fault } from '../../wire/fault.ts'

/** About what the laptop did, or when it may come again. The rest is the server's own trouble: paths, stacks. */
const ABOUT_LAPTOPS = /^(wire|batch|device|enroll|rate)\.|^server\.busy$|^api\.notfound$/

/** Null: not for a laptop, but for the server's log. */
export function agentFault(cause: unknown): Fault | null {
  return cause instanceof Fault && ABOUT_LAPTOPS.test(cause.code) ? cause : null
}
