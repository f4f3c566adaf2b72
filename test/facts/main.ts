/** Writes rules/tooling/code-facts.json: `node test/facts/main.ts`. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeFacts } from './from-code.ts'

const FILE = join(import.meta.dirname, '../../rules/tooling/code-facts.json')
await writeFile(FILE, `${JSON.stringify(codeFacts(), null, 2)}\n`)
