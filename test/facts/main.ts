/** Writes rules/tooling/code-facts.json, and the table of what is collected into README: `node test/facts/main.ts`. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withTable } from './collected.ts'
import { codeFacts } from './from-code.ts'

const ROOT = join(import.meta.dirname, '../..')
await writeFile(join(ROOT, 'rules/tooling/code-facts.json'), `${JSON.stringify(codeFacts(), null, 2)}\n`)
const readme = join(ROOT, 'README.md')
await writeFile(readme, withTable(await readFile(readme, 'utf8')))
