/**
 * `npm run bench`: measures what Tellwire costs on this machine, beside its budgets.
 *
 *   npm run bench                          every bench
 *   npm run bench -- store end-to-end      only these
 *   npm run bench -- --seconds 30          observe running processes for less than five minutes
 *   npm run bench -- calm --workers 1000,5000,20000 --events 1000000,3000000,5000000 --folder DIR
 *                                          in these sizes, and keep the stored logs in DIR for the next run
 *   npm run bench -- calm --stages saving,edit,roster,restart
 *                                          these of its stages only
 *   npm run bench -- calm-before --checkout DIR
 *                                          the same of the server at commit 1476a52, from a checkout with its packages
 *   npm run bench -- --write               and write the tables into RESULTS.md
 *
 * Errors  a bench that fails is reported and the others run; exit 1. A figure over its budget is shown, but is not a
 *         failure.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benches } from './index.ts'
import { type Bench, holds, type Row, shown } from './row.ts'

const RESULTS = join(import.meta.dirname, 'RESULTS.md')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean' },
    seconds: { type: 'string', default: '300' },
    workers: { type: 'string', default: '1000' },
    events: { type: 'string', default: '200000' },
    folder: { type: 'string' },
    checkout: { type: 'string' },
    stages: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const [workers, events] = [values.workers, values.events].map((it) => it.split(',').map(Number)) as [number[], number[]]
const sizes = workers.map((it, index) => ({ workers: it, events: events[index] ?? 0 }))
const areSizes = workers.length === events.length && [...workers, ...events].every((it) => it >= 1)
const stages = values.stages?.split(',') ?? null
const unknown = positionals.filter((name) => !benches.some((it) => it.name === name))
if (unknown.length > 0 || !(seconds > 0) || !areSizes) {
  console.error(
    `Usage: npm run bench -- [--write] [--seconds N] [--workers N,… --events N,…] [--folder DIR] [--checkout DIR] [--stages NAME,…] [${benches.map((it) => it.name).join('|')}]...`,
  )
  process.exit(2)
}

const chosen = benches.filter((it) =>
  positionals.length === 0 ? !it.needs || values[it.needs] : positionals.includes(it.name),
)
const tables = new Map<string, Row[]>()
for (const [index, bench] of chosen.entries()) {
  console.log(`\n${index + 1}/${chosen.length} ${bench.name}`)
  const rows = await measured(bench)
  if (!rows) continue
  tables.set(bench.name, rows)
  console.log(table(rows))
  // After each bench, so that a later interruption loses nothing.
  if (values.write) write(bench.name, rows)
}
if (tables.size < chosen.length) process.exitCode = 1
// Handles that a bench left open must not keep the process running.
process.exit()

async function measured(bench: Bench): Promise<Row[] | null> {
  const start = performance.now()
  const says = (text: string) =>
    console.log(`  ${((performance.now() - start) / 1_000).toFixed(0).padStart(4)} s  ${text}`)
  try {
    return await bench.run({
      seconds,
      sizes,
      folder: values.folder ?? null,
      checkout: values.checkout ?? null,
      stages,
      says,
    })
  } catch (cause) {
    console.error(`  failed: ${cause instanceof Error ? cause.message : cause}`)
    return null
  }
}

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const kept = holds(row)
    return [row.name, shown(row.value), row.unit, row.budget, kept === null ? '' : kept ? 'yes' : '**no**']
  })
  const all = [['what', 'measured', 'unit', 'budget', 'held'], ...cells]
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (at === 1 ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, at) => (at === 1 ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`
  return [line(all[0]!), rule, ...all.slice(1).map(line)].join('\n')
}

/** Replaces one bench's section; text around the sections is kept. */
function write(name: string, rows: readonly Row[]): void {
  const command = ['npm run bench --', name, ...given()].join(' ')
  const begin = `<!-- ${name} -->`
  const end = `<!-- /${name} -->`
  const section = `${begin}\n## ${name}\n\n\`${command}\`, ${machine()}\n\n${table(rows)}\n${end}`
  const text = readFileSync(RESULTS, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  const next =
    from < 0 || to < 0
      ? `${text.trimEnd()}\n\n${section}\n`
      : text.slice(0, from) + section + text.slice(to + end.length)
  writeFileSync(RESULTS, next)
}

/** The options given, without paths of this machine. */
function given(): string[] {
  return [
    ...(seconds === 300 ? [] : [`--seconds ${seconds}`]),
    ...(values.workers === '1000' && values.events === '200000'
      ? []
      : [`--workers ${values.workers} --events ${values.events}`]),
    ...(values.checkout ? ['--checkout DIR'] : []),
    ...(values.stages ? [`--stages ${values.stages}`] : []),
  ]
}

function machine(): string {
  const [cpu] = cpus()
  const day = new Date().toISOString().slice(0, 10)
  const load = loadavg()[0]!.toFixed(1)
  const memory = `${Math.round(totalmem() / 1_073_741_824)} GiB`
  return `${day}, ${cpu?.model ?? 'unknown processor'}, ${cpus().length} cores, ${memory}, Node ${process.versions.node}, ${process.platform}, load ${load}`
}
