/** `tellwire workers`: the console's queue, from a data folder, whether its server runs or not. */
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { BANDS, type Band } from '../model/assessment.ts'
import { howCommon, pointsOf, signed } from '../model/points.ts'
import { openReader } from '../roles/read-only.ts'
import { Queue } from '../views/queue.ts'
import { fromOne, type Reader } from '../views/reader.ts'
import type { QueuePage, WorkerPage, WorkerRow } from '../views/schema.ts'
import { assessmentOf, workerSources } from '../views/worker.ts'
import { folderArgs, folderIn } from './data-folder.ts'
import { columns, printable } from './terminal.ts'

interface Judgement {
  parts: WorkerPage['assessment']['parts']
  /** What the worker is judged by. */
  sources: WorkerPage['sources']
}

/** A row of the console's queue with the score's parts. Which laptops are online only the server knows. */
export type PrintedWorker = Omit<WorkerRow, 'online'> & Judgement

export const workersCommand = defineCommand({
  meta: { name: 'workers', description: 'Print the queue: who needs a look, and why' },
  args: {
    band: {
      type: 'string',
      default: 'medium',
      description: `Only this band and those above: ${BANDS.join(', ')}`,
    },
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON, one worker a line' },
  },
  async run({ args }) {
    const least = bandOf(args.band)
    const { reader, close } = await openReader(folderIn(args))
    try {
      const queue = await Queue.open(reader)
      const { rows }: QueuePage = JSON.parse(queue.page(null, Number.MAX_SAFE_INTEGER))
      queue.close()
      const wanted = rows.filter((it) => BANDS.indexOf(it.band) >= BANDS.indexOf(least))
      const shown: PrintedWorker[] = []
      for (const { online: _, ...row } of wanted) {
        shown.push({ ...row, ...(await judgementOf(reader, row.worker)) })
      }
      if (args.json) for (const it of shown) console.log(JSON.stringify(it))
      else for (const line of table(shown, rows.length)) console.log(line)
    } finally {
      await close()
    }
  },
})

function judgementOf(reader: Reader, worker: string): Promise<Judgement> {
  return fromOne(reader, async (judged) => {
    const findings = judged ? await reader.store.evaluations.findingsOf(judged.id, worker) : []
    const [verdict = null] = await reader.store.cases.verdictsOf(worker)
    const { parts } = await assessmentOf(reader, worker, findings, judged, verdict)
    return { parts, sources: await workerSources(reader, worker, judged) }
  })
}

function bandOf(text: string): Band {
  const band = BANDS.find((it) => it === text)
  if (!band) throw new Fault('usage', { where: `--band ${text}`, todo: `Choose one of ${BANDS.join(', ')}.` })
  return band
}

/** The parts under each worker, as on their page. */
function table(workers: readonly PrintedWorker[], all: number): string[] {
  const rows = columns(
    workers.map((it) => [
      it.band,
      pointsOf(it).padStart(4),
      printable(it.name === null || it.name === it.worker ? it.worker : `${it.worker} (${it.name})`),
      it.case === 'none' ? '' : it.case,
      printable(it.reason),
    ]),
  )
  const lines = workers.flatMap(({ parts }, at) => [
    rows[at]!,
    ...parts.map((it) => `${signed(it.points).padStart(14)}  ${printable(it.label)}${common(it)}`),
  ])
  const more = workers.length < all ? '; --band none shows all' : ''
  return [...lines, `${workers.length} of ${all} workers${more}`]
}

function common({ colleagues }: PrintedWorker['parts'][number]): string {
  const words = howCommon(colleagues)
  return words === null ? '' : ` (${words})`
}
