/** `tellwire findings`: what the rules found, from a data folder, whether its server runs or not. */
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import type { Finding } from '../model/finding.ts'
import { openReader } from '../roles/read-only.ts'
import { findingViews } from '../views/findings.ts'
import type { Judged, Reader } from '../views/reader.ts'
import type { FindingView } from '../views/schema.ts'
import { isKnown } from '../views/worker.ts'
import { folderArgs, folderIn } from './data-folder.ts'
import { printable } from './terminal.ts'

/** As on the console's page of the worker; null: about nobody. */
type PrintedFinding = FindingView & { worker: string | null }

export const findingsCommand = defineCommand({
  meta: { name: 'findings', description: 'Print what the rules found, newest first for each worker' },
  args: {
    worker: { type: 'string', description: 'Only this worker' },
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON, one finding a line' },
  },
  async run({ args }) {
    const { reader, close } = await openReader(folderIn(args))
    try {
      const id = reader.evaluation()
      const judged = id === null ? null : { id, time: reader.judgedAt() }
      const worker = args.worker === undefined ? undefined : reader.directory.named(args.worker)
      if (worker !== undefined && !(await isKnown(reader, worker, judged)))
        throw new Fault('api.notfound', { where: worker, todo: 'See `tellwire workers --band none`.' })
      let count = 0
      for await (const block of found(reader, judged, worker))
        for (const it of block) {
          count++
          if (args.json) console.log(JSON.stringify(it))
          else for (const line of described(it)) console.log(line)
        }
      if (!args.json) console.log(count === 1 ? '1 finding' : `${count} findings`)
    } finally {
      await close()
    }
  },
})

async function* found(
  reader: Reader,
  judged: Judged | null,
  worker: string | undefined,
): AsyncGenerator<PrintedFinding[]> {
  if (!judged) return
  const { evaluations } = reader.store
  const subjects = new Set<string | null>()
  if (worker !== undefined) subjects.add(worker)
  else for await (const block of evaluations.findings(judged.id)) for (const it of block) subjects.add(subjectOf(it))
  for (const subject of subjects) {
    if (subject === null) continue
    const findings = await evaluations.findingsOf(judged.id, subject)
    const views = await findingViews(reader, findings, judged)
    yield views.map((view, at) => ({ worker: findings[at]!.worker, ...view })).reverse()
  }
}

/** What it counts for: its worker, or the laptop that nobody holds. */
function subjectOf({ worker, device }: Finding): string | null {
  return worker ?? device
}

function described({ worker, device, time, strength, title, says, count }: PrintedFinding): string[] {
  const who = worker ?? device ?? 'nobody'
  const times = count > 1 ? ` (${count} events)` : ''
  return [
    printable(`${new Date(time).toISOString()}  ${strength}  ${who}  ${title}${times}`),
    ...(says === title ? [] : [printable(`    ${says}`)]),
  ]
}
