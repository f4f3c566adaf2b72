/** What our code reads and fills of events, as `test/facts/main.ts` found it in the code. Generated: do not edit. */
import type { AgentProduct } from '../../wire/common.ts'
import facts from './code-facts.json' with { type: 'json' }

/** Fields by category, by who reads or fills them: a collector, a deriver, the catalogue. */
export type FieldSets = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

export interface CodeFacts {
  reads: FieldSets
  /** 'session', 'address databases', 'catalogue of tools', 'catalogue of hardware', by who reads them. */
  inputs: Readonly<Record<string, readonly string[]>>
  fills: FieldSets
  /** Those of `fills` that are shared files of collectors, by the systems whose collectors use them. */
  shared: Readonly<Record<AgentProduct, readonly string[]>>
}

export const CODE_FACTS: CodeFacts = facts
