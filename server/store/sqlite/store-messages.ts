/** Messages between a store's thread and its users. */
import { Fault, type FaultCode } from '../../../wire/fault.ts'

/** An aggregate of the store, and one of its methods. */
export type Method = readonly [aggregate: string, method: string]

export type ToStore =
  | { id: number; type: 'call'; method: Method; args: unknown[] }
  /** Creates an iterator, with the message's id as its number; `next` answers its next block, or null at the end. */
  | { id: number; type: 'iterate'; method: Method; args: unknown[] }
  | { id: number; type: 'next' | 'end'; iterator: number }
  | { id: number; type: 'close' }

export type FromStore =
  | { type: 'opened'; methods: Method[] }
  | { type: 'refused'; fault: SentFault }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'failed'; id: number; fault: SentFault }

export interface SentFault {
  code: FaultCode
  where: string | null
  why: string | null
  todo: string | null
  /** JSON, so that every value can be sent. */
  facts: string
}

export function sent(cause: unknown): SentFault {
  const fault = cause instanceof Fault ? cause : null
  return {
    code: fault?.code ?? 'store.unwritable',
    where: fault?.where ?? null,
    why: fault?.why ?? null,
    todo: fault?.todo ?? null,
    facts: JSON.stringify(fault?.facts ?? { reason: String(cause) }),
  }
}

export function received({ code, where, why, todo, facts }: SentFault): Fault {
  return new Fault(code, { where, why, todo, facts: JSON.parse(facts) as Record<string, unknown> })
}
