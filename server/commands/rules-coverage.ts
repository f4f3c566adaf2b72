/** `tellwire rules coverage`: which signals have which rules, as a page, an ATT&CK Navigator layer or JSON. */
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { defineCommand } from 'citty'
import { load } from '../../rules/language/index.ts'
import { blankFields } from '../../rules/tooling/blank-fields.ts'
import {
  contradictions,
  coverage,
  coveragePage,
  insiderThreatMatrix,
  navigatorLayer,
} from '../../rules/tooling/coverage.ts'
import { readRuleFiles } from '../../rules/tooling/load.ts'
import { Fault } from '../../wire/fault.ts'
import { SHIPPED_RULES } from '../detect/program.ts'

const PAGE = join(SHIPPED_RULES, 'COVERAGE.md')
/** For the console: the fields that are always null, by system. Only beside the page that comes with Tellwire. */
const FIELDS = join(SHIPPED_RULES, 'fields.json')

export const coverageCommand = defineCommand({
  meta: { name: 'coverage', description: 'Show which signals have which rules, and why others have none' },
  args: {
    write: { type: 'boolean', description: 'Write the page instead of printing it' },
    check: { type: 'boolean', description: 'Exit 3 when the page is out of date' },
    page: { type: 'string', valueHint: 'FILE', description: 'The page (default: rules/content/COVERAGE.md)' },
    navigator: { type: 'string', valueHint: 'FILE', description: 'Write an ATT&CK Navigator layer' },
    itm: { type: 'string', valueHint: 'FILE', description: 'Write the mapping to the Insider Threat Matrix' },
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const { rules, correlations, problems } = load(await readRuleFiles([SHIPPED_RULES]))
    const broken = problems.find((it) => it.severity === 'error')
    if (broken)
      throw new Fault('rule.invalid', { where: `${broken.path}:${broken.line}`, todo: 'See `tellwire rules check`.' })
    const ruleset = { rules, correlations }
    const rows = coverage(ruleset)
    for (const wrong of contradictions(rows)) {
      console.error(`tellwire: ${wrong}`)
      process.exitCode = 1
    }
    const file = args.page ?? PAGE
    const page = coveragePage(ruleset, ({ path }) => relative(SHIPPED_RULES, path).split(sep).join('/'))
    if (args.navigator) await write(args.navigator, json(navigatorLayer(ruleset)))
    if (args.itm) await write(args.itm, json(insiderThreatMatrix(ruleset)))
    const made: [path: string, text: string][] = [[file, page]]
    if (file === PAGE) made.push([FIELDS, json(blankFields(ruleset))])
    if (args.write) for (const [path, text] of made) await write(path, text)
    if (args.check) {
      for (const [path, text] of made) {
        if ((await readFile(path, 'utf8').catch(() => null)) === text) continue
        console.error(`tellwire: ${path} is out of date. Run \`tellwire rules coverage --write\`.`)
        process.exitCode = 3
      }
    } else if (args.json)
      console.log(
        JSON.stringify(
          rows.map(({ rules: by, ...row }) => ({ ...row, rules: by.map(({ id, title }) => ({ id, title })) })),
        ),
      )
    else if (!args.write && !args.navigator && !args.itm) process.stdout.write(page)
  },
})

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: NodeJS.ErrnoException) => {
    throw new Fault('usage', { where: path, why: `It cannot be written: ${cause.code ?? cause.message}.`, cause })
  })
}
