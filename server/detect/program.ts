/** The rules in use: ours, and the folders the configuration names. */
import { fileURLToPath } from 'node:url'
import { compile, type LoadedCorrelation, load, type Problem, type Program } from '../../rules/language/index.ts'
import { readRuleFiles } from '../../rules/load.ts'

export const SHIPPED_RULES = fileURLToPath(new URL('../../rules/content', import.meta.url))

export interface Ruleset {
  program: Program
  correlations: readonly LoadedCorrelation[]
}

/** Loads `folders`, or the shipped rules when none is given. A bad rule is told to `onProblem`; the others load. */
export async function loadRules(folders: readonly string[], onProblem: (problem: Problem) => void): Promise<Ruleset> {
  const files = await readRuleFiles(folders.length > 0 ? [...folders] : [SHIPPED_RULES])
  const { rules, correlations, problems } = load(files)
  for (const problem of problems) onProblem(problem)
  return { program: compile(rules), correlations }
}
