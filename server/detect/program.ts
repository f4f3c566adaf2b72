/** The rules in use: ours, and the folders the configuration names. */
import { fileURLToPath } from 'node:url'
import { compile, load, type Problem, type Program } from '../../rules/language/index.ts'
import { readRuleFiles } from '../../rules/load.ts'

export const SHIPPED_RULES = fileURLToPath(new URL('../../rules/content', import.meta.url))

/** Loads `folders`, or the shipped rules when none is given. A bad rule is told to `onProblem`; the others load. */
export async function loadProgram(folders: readonly string[], onProblem: (problem: Problem) => void): Promise<Program> {
  const files = await readRuleFiles(folders.length > 0 ? [...folders] : [SHIPPED_RULES])
  const { rules, problems } = load(files)
  for (const problem of problems) onProblem(problem)
  return compile(rules)
}
