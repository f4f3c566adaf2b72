/**
 * The Sigma engine's face: rule files in, events in, matches out. No clock, no files, no network.
 *
 * `load` parses and checks documents, gathering problems instead of stopping at the first; `compile` makes a program;
 * `Program.match` runs it. Everything that reads rules goes through here.
 */
export type { FlatEvent, Logsource, Match, Problem, Program, Rule, RuleFile, TellwireFacts } from './rule.ts'
export { compile } from './compile.ts'
export { load } from './load.ts'
