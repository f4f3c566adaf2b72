/**
 * `tellwire export`: the server's log as recorded telemetry, whether the server runs or not.
 *
 * Errors  damaged records are reported and omitted; the exit code is 1, except for those that were lost for good.
 */
import { once } from 'node:events'
import { defineCommand } from 'citty'
import { foldName } from '../../wire/common.ts'
import { Fault } from '../../wire/fault.ts'
import { visible } from '../../wire/printable.ts'
import type { Recorded } from '../../wire/recording.ts'
import { World } from '../derive/kit/world.ts'
import { ALIVE_AT } from '../jobs/clock-line.ts'
import { openTelemetry } from '../store/sqlite/telemetry.ts'
import { folderArgs, folderIn, withStore } from './data-folder.ts'
import { progress, share } from './progress.ts'
import { printable } from './terminal.ts'

export const exportCommand = defineCommand({
  meta: { name: 'export', description: 'Write the recorded telemetry as NDJSON, in order of arrival' },
  args: {
    from: { type: 'string', description: 'Only events that happened from this ISO time on' },
    to: { type: 'string', description: 'Only events that happened before this ISO time' },
    worker: { type: 'string', description: 'Only this worker and the laptops they held' },
    ...folderArgs,
  },
  async run({ args }) {
    const folder = folderIn(args)
    const worker = args.worker === undefined ? undefined : foldName(args.worker)
    const wanted = selection({ from: time(args.from, '--from'), to: time(args.to, '--to'), worker })
    const shown = progress()
    const { stream, close } = await openTelemetry({ folder, readOnly: true })
    let isKnown = worker === undefined
    try {
      const last = await stream.last()
      for await (const block of stream.read(0, { onDamaged: report })) {
        for (const { record } of block) {
          isKnown ||= 'worker' in record && record.worker === worker
          if (wanted(record)) await line(record)
        }
        // A recording that scrolls over the terminal is its own progress.
        if (!process.stdout.isTTY) shown.show(share('exporting', block.at(-1)?.position ?? 0, last))
      }
    } finally {
      shown.end()
      await close()
    }
    // The last time the server was alive: with it, a replay finds the same silences.
    const alive = Number((await withStore(folder, 'read', ({ values }) => values.get(ALIVE_AT))) ?? 0)
    if (alive > 0) await line({ type: 'clock', time: alive })
    if (!isKnown)
      throw new Fault('api.notfound', { where: args.worker ?? null, todo: 'See `tellwire workers --band none`.' })
  },
})

/** What was lost for good is no failure of the export; what cannot be read now is one. */
function report(fault: Fault): void {
  console.error(`tellwire: ${printable(fault.message)}`)
  if (!fault.facts.lost) process.exitCode = 1
}

async function line(record: Recorded): Promise<void> {
  if (!process.stdout.write(`${visible(JSON.stringify(record))}\n`)) await once(process.stdout, 'drain')
}

function time(text: string | undefined, where: string): number | null {
  if (text === undefined) return null
  const parsed = Date.parse(text)
  if (Number.isNaN(parsed)) throw new Fault('usage', { where, todo: 'Give an ISO time such as 2026-11-22T10:00:00Z.' })
  return parsed
}

/** Contracts, approvals, holdings, revocations, clock lines and what is common are always included: without them the events cannot be interpreted. */
function selection(want: { from: number | null; to: number | null; worker: string | undefined }) {
  const world = new World()
  const inSpan = (at: number) => (want.from === null || at >= want.from) && (want.to === null || at < want.to)
  const theirs = (device: string, at: number) => want.worker === undefined || world.holderAt(device, at) === want.worker
  return (record: Recorded): boolean => {
    switch (record.type) {
      case 'contract':
        return want.worker === undefined || record.worker === want.worker
      case 'device':
        world.addDevice(record)
        return want.worker === undefined || record.worker === want.worker
      case 'revocation':
        return theirs(record.device, record.from)
      case 'event':
        return inSpan(record.event.time) && theirs(record.device, record.event.time)
      case 'connection':
        return inSpan(record.time) && theirs(record.device, record.time)
      case 'feed':
        return inSpan(record.time) && (want.worker === undefined || record.worker === want.worker)
      case 'label':
        return want.worker === undefined || record.worker === want.worker
      case 'approval':
        return record.level !== 'contract' || want.worker === undefined || record.worker === want.worker
      case 'learning':
      case 'clock':
      case 'rarity':
        return true
    }
  }
}
