import type { Expression } from './expression.ts'
import type { Sensor } from './sensors.ts'

/** The fields of an event by name. Dotted names are looked up exactly, then as a path. */
export type FlatEvent = Readonly<Record<string, unknown>>

export interface RuleFile {
  /** As shown in problems: relative to the loaded folder. */
  path: string
  text: string
}

/** Why a document was refused (`error`) or is probably wrong (`warning`). Lines and columns count from 1. */
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
  /** Null: it follows from the events (`server/assess/sensors.ts`). */
  sensor: Sensor | null
  /** How often an honest colleague shows it, before anything was seen here: a share. Null: by its strength. */
  rate: number | null
  /** Fields that say what was seen: how common it is here is counted for each of their values. */
  rareBy: readonly string[]
  /** The event's field that holds the weight itself, in decibans: of slow evidence. */
  decibans: string | null
  /** Rules that name the same fact tell one thing, and count once. Null: the rule is a fact by itself. */
  fact: string | null
  /** Signal and pattern numbers of the threat model: '#13', 'P7'. */
  signals: readonly string[]
  /** It is counted by correlations only, and makes no findings itself, whatever their `generate`. */
  step: boolean
  /** Not in use, for legal reasons, unless `sensitiveRules` in the configuration has its id. */
  sensitive: boolean
  /** Roles whose ordinary work looks like this: it weighs half. */
  ordinaryFor: readonly string[]
  /** Fields that make a group, with the device: there is one finding per group and day. */
  groupBy: readonly string[]
  /** One sentence with {Field} placeholders (`sentence.ts`), shown as the reason. */
  says: string | null
  blindTo: string | null
  response: string | null
  tests: readonly RuleTest[]
}

export interface Rule {
  /** The document's id; without one, a hash of its content. */
  id: string
  /** A hash of the document without comments and tests: a new version is a new finding id. */
  version: string
  /** A hash of everything that decides its matches: `version`, filters, placeholders, engine. See `identity.ts`. */
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
  /** Null for third-party rules. */
  tellwire: TellwireFacts | null
}

/** A rule that `load` returns and `compile` takes. */
export interface LoadedRule extends Rule {
  /** Sigma's `name`, by which filters and correlations may refer to it. */
  name: string | null
  condition: Expression
}

export interface Match {
  rule: Rule
}

/** A compiled rule set. Never changed in place. */
export interface Program {
  readonly rules: readonly LoadedRule[]
  /** Every rule whose logsource covers the event and whose condition is true, in the order of the rules. */
  match(event: FlatEvent): Match[]
  /**
   * Whether a rule for this category reads a field that starts with `prefix`, or searches the whole event. The matches
   * of a rule must not depend on which other rules are loaded.
   */
  reads(category: string, prefix: string): boolean
}
