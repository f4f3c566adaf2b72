/**
 * What a configuration judges with. A server and an import without one make the same evaluation, because both make it
 * here: the next start continues it, and does not judge the log again.
 */
import { randomUUID } from 'node:crypto'
import { catalogueHash, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { Problem } from '../../rules/language/index.ts'
import type { AddressFacts } from '../../wire/recording.ts'
import { DAY } from '../../wire/time.ts'
import type { Config } from '../config.ts'
import type { Evaluation } from '../detect/evaluation.ts'
import { type Identity, identityOf } from '../detect/identity.ts'
import { type OpeningDeps, openActive, openEvaluation } from '../detect/opening.ts'
import { loadRules, type Ruleset, SHIPPED_RULES } from '../detect/program.ts'

export interface ConfiguredRules {
  ruleset: Ruleset
  identity: Identity
}

/** Records without address facts stay without: whoever stores a record has the databases. */
const NOWHERE: AddressFacts = {
  ...{ country: null, region: null, city: null, lat: null, lon: null, asn: null, class: 'unknown' as const },
}

export async function configuredRules(config: Config, onProblem: (problem: Problem) => void): Promise<ConfiguredRules> {
  const { rulesFolders, sensitiveRules, placeholders, thresholds } = config
  const ruleset = await loadRules([SHIPPED_RULES, ...rulesFolders], onProblem, sensitiveRules, placeholders)
  return { ruleset, identity: identityOf(ruleset, { thresholds, catalogueHash }) }
}

export function openConfigured(
  config: Config,
  rules: ConfiguredRules,
  deps: Pick<OpeningDeps, 'stream' | 'history' | 'store' | 'log' | 'onProgress' | 'signal'>,
): Promise<Evaluation> {
  return openEvaluation({
    ...{ ...deps, ...rules, ...facts(config) },
    horizon: () => Date.now() - config.retentionDays * DAY,
    makeId: randomUUID,
  })
}

/** Null while none is active by this configuration: a change of rules is being worked in. */
export function openConfiguredActive(
  config: Config,
  rules: ConfiguredRules,
  deps: Pick<OpeningDeps, 'stream' | 'store'>,
): Promise<Evaluation | null> {
  return openActive({ ...deps, ...rules, ...facts(config) })
}

function facts({ thresholds }: Config): Pick<OpeningDeps, 'thresholds' | 'recognise' | 'lookup'> {
  const catalogue = loadCatalogue()
  return { thresholds, recognise: (event) => recognise(catalogue, event), lookup: () => NOWHERE }
}
