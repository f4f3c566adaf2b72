/**
 * `npm test`: all test files, in two processes at a time.
 *
 *   npm test                       every file
 *   npm test -- --reporter spec    options go to both mochas
 *
 * Shape   the server without its commands in one process, all others in another: each takes about half of the time. What
 *         starts programs and watches this machine is in the other one alone. The first one's output is shown as it
 *         comes, the other's behind it, then one total.
 * Errors  exit code 1 when a test failed or a process ended before its summary.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js')
const EVERY = 'test/**/*.test.ts'
/** A pattern of glob: every folder of test/server but commands, and the files beside them. */
const SERVER = 'test/server/{*.test.ts,!(commands)/**/*.test.ts}'
const COUNTS = ['passing', 'pending', 'failing'] as const

interface Ended {
  code: number
  text: string
}

function mocha(files: readonly string[], show: (text: string) => void): Promise<Ended> {
  const args = [MOCHA, ...files, ...process.argv.slice(2)]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (it: string) => {
      text += it
      show(it)
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, text }))
  })
}

/** Of the summary, which comes last: a test may print such a line, too. */
function countOf(what: string, { text }: Ended): number {
  const found = [...text.matchAll(new RegExp(`^ {2}(?:\\u001b\\[\\d+m)*(\\d+) ${what}`, 'gm'))].at(-1)
  return Number(found?.[1] ?? 0)
}

const began = performance.now()
let held: string | null = ''
const server = mocha([SERVER], (text) => process.stdout.write(text))
const others = mocha([EVERY, '--ignore', SERVER], (text) => {
  if (held === null) process.stdout.write(text)
  else held += text
})
const first = await server
process.stdout.write(held)
held = null
const ended = [first, await others]
const minutes = ((performance.now() - began) / 60_000).toFixed(1)
console.log(`\nBoth, in ${minutes} min:\n`)
for (const what of COUNTS) console.log(`  ${ended.reduce((sum, it) => sum + countOf(what, it), 0)} ${what}`)
process.exitCode = ended.some(({ code }) => code !== 0) ? 1 : 0
