import type { Expression } from './expression.ts'

/** What rules read: an event's fields by name. A dotted name is looked up exactly, then as a path. */
export type FlatEvent = Readonly<Record<string, unknown>>

export interface RuleFile {
  /** As shown in problems: relative to where the loading began. */
  path: string
  text: string
}

/** Why a document was refused (`error`) or is doubtful (`warning`). Lines and columns count from 1. */
export interface Problem {
  severity: 'error' | 'warning'
  path: string
  line: number
  column: number
  message: string
  hint: string | null
}

export interface Logsource {
  category: string | null
  product: string | null
  service: string | null
}

export interface RuleTest {
  name: string
  /** `at` is an offset ('5h', '30d', '90s') from the test's start; the other keys are the event's fields. */
  events: readonly (Readonly<Record<string, unknown>> & { readonly at: string })[]
  fires: number
}

/** Our additions, all under the rule's `tellwire:` key, so that the file stays valid Sigma. */
export interface TellwireFacts {
  /** remote-access · hardware · network · presence · exfiltration · tampering · identity · finance */
  family: string
  strength: 1 | 2 | 3 | 4
  /** Null: never decays. */
  halfLifeDays: number | null
  /** 'high' or 'critical' when this rule alone puts a worker in that band. */
  pattern: 'high' | 'critical' | null
  /** Signal and pattern numbers of the threat model: '#13', 'P7'. */
  signals: readonly string[]
  /** True: it only counts in correlations and makes no findings itself, whatever their `generate`. */
  step: boolean
  /** True: not in use, for legal reasons, until the configuration names its id in `sensitiveRules`. */
  sensitive: boolean
  /** Roles of the contract whose ordinary work looks like this: it weighs half, and one strength less. */
  ordinaryFor: readonly string[]
  /** Fields that, with the device, make one group: one finding a group and day. */
  groupBy: readonly string[]
  /** One sentence with {Field} placeholders, shown as the reason. */
  says: string | null
  blindTo: string | null
  response: string | null
  tests: readonly RuleTest[]
}

export interface Rule {
  /** The document's id; where it has none, one made of its content. */
  id: string
  /** A hash of the document without comments and tests: a new version is a new finding id. */
  version: string
  /** A hash of all that decides its matches: `version`, filters, placeholders, the engine. See `identity.ts`. */
  effectiveVersion: string
  title: string
  description: string | null
  author: string | null
  license: string | null
  references: readonly string[]
  level: string | null
  status: string | null
  tags: readonly string[]
  falsepositives: readonly string[]
  logsource: Logsource
  path: string
  line: number
  /** Null on rules that are not ours. */
  tellwire: TellwireFacts | null
}

/** A rule that can be compiled: what `load` hands to `compile`. */
export interface LoadedRule extends Rule {
  /** Sigma's `name`, by which filters and correlations may refer to it. */
  name: string | null
  condition: Expression
}

export interface Match {
  rule: Rule
}

/** A compiled rule set. Replaced whole, never edited. */
export interface Program {
  readonly rules: readonly LoadedRule[]
  /** Every rule whose logsource covers the event and whose condition is true, in the order of the rules. */
  match(event: FlatEvent): Match[]
  /**
   * True when a rule for this category reads a field that starts with `prefix`, or searches the whole event: what a rule
   * finds in an event must not depend on which other rules are loaded.
   */
  reads(category: string, prefix: string): boolean
}
