/**
 * The engine's present verdicts on the published vectors, and the recorded ones.
 *
 * Run it (`node test/rules/engine-verdicts.ts`) after vectors were added, or after ENGINE_VERSION was raised: it writes
 * `engine-verdicts.json`. It refuses to write over a verdict that changed under the same version.
 *
 * Shape   one line for each input, by a hash of rule and events; the verdict's hash beside it. Inputs that are no
 *         longer among the vectors are left out.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { argv, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'
import { compile, correlator, ENGINE_VERSION, type FlatEvent, load } from '../../rules/language/index.ts'
import { sha256 } from '../../wire/sha256.ts'
import { standing } from './language/correlation-clock.ts'

export interface Verdicts {
  engine: number
  verdicts: Record<string, string>
}

interface Vector {
  rule: string
  cases?: { event: FlatEvent }[]
}
interface CorrelationVector {
  correlation: string
  more?: string
  tellwire?: string
  steps: ({ clock: number } | { event: FlatEvent & { id: string; time: number } })[]
}

const VECTORS = new URL('conformance/', import.meta.url)
const RECORD = new URL('engine-verdicts.json', import.meta.url)
const CORRELATIONS = 'correlations.json'

export function recordedVerdicts(): Verdicts {
  return JSON.parse(readFileSync(RECORD, 'utf8'))
}

export function presentVerdicts(): Verdicts {
  const files = readdirSync(VECTORS).filter((name) => name.endsWith('.json'))
  const all = files.flatMap((name) => {
    const vectors = JSON.parse(readFileSync(new URL(name, VECTORS), 'utf8'))
    return name === CORRELATIONS ? ofCorrelations(vectors) : (vectors as Vector[]).flatMap(ofRule)
  })
  return { engine: ENGINE_VERSION, verdicts: Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** What differs although both have it. Under two versions nothing needs to be the same. */
export function changedVerdicts(recorded: Verdicts, present: Verdicts): string[] {
  if (recorded.engine !== present.engine) return []
  return Object.keys(present.verdicts).filter(
    (input) => Object.hasOwn(recorded.verdicts, input) && recorded.verdicts[input] !== present.verdicts[input],
  )
}

function ofRule({ rule, cases = [] }: Vector): [string, string][] {
  const program = compile(load([{ path: 'rule.yml', text: rule }]).rules)
  return cases.map(({ event }) => [short([rule, event]), short(program.match(event).length)])
}

function ofCorrelations({ rules: base, cases }: { rules: string; cases: CorrelationVector[] }): [string, string][] {
  return cases.map(({ correlation, more, tellwire, steps }) => {
    const it = `title: it\nid: it\ncorrelation: ${correlation}\n${tellwire ? `tellwire: ${tellwire}\n` : ''}`
    const text = [base, ...(more ? [more] : []), it].join('\n---\n')
    const { rules, correlations } = load([{ path: 'case.yml', text }])
    const program = compile(rules)
    const engine = correlator(correlations)
    const { tell, firings } = standing()
    for (const step of steps)
      if ('clock' in step) tell(engine.advance(step.clock))
      else tell(engine.take({ ...step.event, event: step.event, matches: program.match(step.event) }))
    // A firing's id covers its rule's version, which what people read of the rule changes.
    const found = firings().map(({ rule, id: _, ...rest }) => ({ ...rest, rule: rule.id }))
    return [short([text, steps]), short([found.map(short).sort(), [...engine.counters()].sort()])]
  })
}

function short(value: unknown): string {
  return sha256(JSON.stringify(value)).slice(0, 12)
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const present = presentVerdicts()
  const changed = existsSync(RECORD) ? changedVerdicts(recordedVerdicts(), present) : []
  if (changed.length > 0)
    throw new Error(`${changed.length} verdicts changed: raise ENGINE_VERSION in rules/language/identity.ts first.`)
  writeFileSync(RECORD, `${JSON.stringify(present, null, 2)}\n`)
  stdout.write(`${Object.keys(present.verdicts).length} verdicts of engine ${present.engine} recorded.\n`)
}
