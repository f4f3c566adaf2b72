/** Which failures are reported to a laptop. */
import { Fault } from '../../wire/fault.ts'

/** Faults of the laptop's own making, and when to retry. Others are internal, and may name paths of the server. */
const ABOUT_LAPTOPS = /^(wire|batch|device|enroll|rate)\.|^server\.busy$|^api\.notfound$/

/** Null for a failure that belongs in the server's log only. */
export function agentFault(cause: unknown): Fault | null {
  return cause instanceof Fault && ABOUT_LAPTOPS.test(cause.code) ? cause : null
}
