/**
 * The public interface of the Sigma engine: it takes rules and events, and returns matches. No clock, files or network.
 *
 * `load` parses and checks documents, and collects all problems; `compile` makes a program; `Program.match` evaluates
 * an event; `correlator` takes the matches. Other folders import from here only.
 */
export { compile } from './compile.ts'
export { type Changes, type Correlator, correlator, hiddenBy, type Taken } from './correlation/engine.ts'
export type { Firing } from './correlation/firing.ts'
export type { KeptPart } from './correlation/kept.ts'
export type { CorrelationType, LoadedCorrelation } from './correlation/rule.ts'
export type { LoadedFilter } from './filter.ts'
export { ENGINE_VERSION } from './identity.ts'
export { literalScan, literalsOf } from './literals.ts'
export { type Loaded, type LoadOptions, load } from './load.ts'
export { covers, LOGSOURCE_KEYS } from './logsource.ts'
export { parseExactly, writeExactly } from './number.ts'
export { canHold, fieldsIn } from './possible.ts'
export { nearest } from './refusal.ts'
export type {
  FlatEvent,
  LoadedRule,
  Logsource,
  Match,
  Problem,
  Program,
  Rule,
  RuleFile,
  RuleTest,
  TellwireFacts,
} from './rule.ts'
export { SENSORS, type Sensor } from './sensors.ts'
export {
  bytes,
  counted,
  FORMATS,
  fill,
  type Placeholder,
  placeholdersOf,
  pluralOf,
  readsAsWords,
  utcOffset,
} from './sentence.ts'
export { FAMILIES } from './tellwire.ts'
