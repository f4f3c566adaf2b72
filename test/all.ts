/**
 * `npm test`: all test files, in a few processes at a time.
 *
 *   npm test                       every file
 *   npm test -- --reporter spec    options go to every mocha
 *
 * Shape   the files are in groups, each one mocha. One more runs at a time than there are cores, because much of the
 *         time is spent waiting: for an agent's next look, or a service that starts again. What watches this machine
 *         (its programs, mounts, sockets and traces) is one group, so that no two of them see each other. The output
 *         comes group by group: of the first that has not ended as it comes, the others behind it, then one total.
 * Errors  exit code 1 when a test failed or a process ended before its summary.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, sep } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js')
const COUNTS = ['passing', 'pending', 'failing'] as const

/** Those that take longest first, because they begin first. A file is in the first group that it fits. */
const GROUPS: readonly { name: string; fits: RegExp }[] = [
  {
    name: 'this machine',
    fits: /^test\/(real\/(?!windows)|soak\/|main-job|agent\/main\.|server\/commands\/(up|hostile)\.)/,
  },
  { name: 'in a browser', fits: /^test\/(server\/console\/|agent\/show\/page-look|server\/commands\/demo)/ },
  { name: 'histories', fits: /^test\/server\/detect\/state-and-log/ },
  { name: 'the server', fits: /^test\/server\/(?!commands\/)/ },
  { name: 'its commands', fits: /^test\/server\/commands\// },
  { name: 'the agent', fits: /^test\/(agent\/|kill)/ },
  { name: 'Windows', fits: /^test\/real\/windows/ },
  { name: 'all others', fits: /^test\// },
]

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

const files = globSync('test/**/*.test.ts', { cwd: ROOT })
  .map((it) => it.replaceAll(sep, '/'))
  .sort()
const groups = GROUPS.map(({ name, fits }) => ({ name, files: files.filter((it) => nameOf(it) === name), fits }))

function nameOf(file: string): string | undefined {
  return GROUPS.find(({ fits }) => fits.test(file))?.name
}

const began = performance.now()
const minutes = (from: number) => ((performance.now() - from) / 60_000).toFixed(1)
const ended: Ended[] = []
const times: string[] = []
/** By group, what it has printed and was not shown; null once it is shown as it comes. */
const held: (string | null)[] = groups.map(() => '')
let shown = 0

function showNext(): void {
  const text = held[shown]
  if (text) process.stdout.write(text)
  held[shown] = null
}

async function work(): Promise<void> {
  for (let index = next++; index < groups.length; index = next++) {
    const { name, files } = groups[index]!
    const from = performance.now()
    ended[index] = await mocha(files, (text) => {
      if (held[index] === null) process.stdout.write(text)
      else held[index] += text
    })
    times.push(`${minutes(from)} min  ${name}, ${files.length} files`)
    while (shown < groups.length && ended[shown] !== undefined) {
      shown++
      if (shown < groups.length) showNext()
    }
  }
}

let next = 0
showNext()
await Promise.all(Array.from({ length: availableParallelism() + 1 }, work))
console.log(`\n${times.join('\n')}\n\nAll, in ${minutes(began)} min:\n`)
for (const what of COUNTS) console.log(`  ${ended.reduce((sum, it) => sum + countOf(what, it), 0)} ${what}`)
process.exitCode = ended.some(({ code }) => code !== 0) ? 1 : 0
