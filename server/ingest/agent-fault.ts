/** Which failures a laptop hears of. */
import { Fault } from '../../wire/fault.ts'

/** About what the laptop did, or when it may come again. The rest is the server's own trouble, with paths and stacks. */
const ABOUT_LAPTOPS = /^(wire|batch|device|enroll|rate)\.|^server\.busy$|^api\.notfound$/

/** Null: for the server's log only. */
export function agentFault(cause: unknown): Fault | null {
  return cause instanceof Fault && ABOUT_LAPTOPS.test(cause.code) ? cause : null
}
