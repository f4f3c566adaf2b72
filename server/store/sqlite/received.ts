/**
 * Which event numbers of which spool are stored. Those in segments are in the database; those in the journal, and
 * the highest number of each epoch of a spool, are in memory as well.
 */
import type { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { Fault } from '../../../wire/fault.ts'
import type { Run } from '../fold.ts'
import type { EventFacts } from '../segment.ts'
import type { Rejected } from '../stream.ts'

/** The highest number of one epoch of a spool. */
export interface SpoolMark {
  device: string
  epoch: number
  seq: number
}

const keyOf = (device: string, epoch: number) => `${epoch} ${device}`

export class Received {
  readonly #sql: ReturnType<typeof statements>
  readonly #highest = new Map<string, SpoolMark>()
  readonly #journal = new Map<string, Set<number>>()
  /** Raised since the last `takeRaised`. */
  #raised = new Map<string, SpoolMark>()

  /** Errors  Fault 'store.damaged': too high a number would make a laptop delete events that were never stored. */
  constructor(db: DatabaseSync, file: string) {
    this.#sql = statements(db)
    for (const row of this.#sql.streams.all() as unknown as (SpoolMark & { sum: number | null })[]) {
      const { device, epoch, seq, sum } = row
      if (sum !== null && sum !== checksum({ device, epoch, seq }))
        throw new Fault('store.damaged', {
          where: `${file}, received numbers of device ${device}`,
          todo: 'Restore the data folder from a backup.',
        })
      this.#highest.set(keyOf(device, epoch), { device, epoch, seq })
    }
  }

  all(): SpoolMark[] {
    return [...this.#highest.values()]
  }

  /** Each raised mark once. */
  takeRaised(): SpoolMark[] {
    const raised = [...this.#raised.values()]
    this.#raised = new Map()
    return raised
  }

  /** Whether the event is already stored. Also stores the id of a conflicting event. */
  isKnown({ device, epoch, seq, id, conflict }: EventFacts): boolean {
    if (seq === null) return false
    if (conflict) return this.#sql.addConflict.run(device, epoch, seq, id).changes === 0
    const key = keyOf(device, epoch)
    // Numbers ascend, so this line decides nearly always.
    if (seq > (this.#highest.get(key)?.seq ?? 0)) return false
    if (this.#journal.get(key)?.has(seq)) return true
    const run = this.#sql.runOf.get(device, epoch, seq)
    return run !== undefined && Number(run.first) <= seq
  }

  /** Adds an event of the journal. */
  add({ device, epoch, seq, conflict }: EventFacts): void {
    if (seq === null || conflict) return
    const key = keyOf(device, epoch)
    const seqs = this.#journal.get(key)
    if (seqs) seqs.add(seq)
    else this.#journal.set(key, new Set([seq]))
    this.#raise(device, epoch, seq)
  }

  /** A refused event: its number is used but not in the journal, so its spool is saved at once. */
  refuse({ device, epoch, seq }: Rejected): void {
    if (epoch === undefined || seq === null) return
    if (this.#raise(device, epoch, seq)) this.#save(device, epoch, seq)
  }

  /** Adds what a segment now holds instead of the journal. */
  addRuns(runs: readonly Run[], segment: number): void {
    for (const { device, epoch, first, last } of runs) {
      this.#sql.addReceived.run(device, epoch, last, first, segment)
    }
  }

  /** To be called when the journal has become segments. */
  settle(): void {
    for (const key of this.#journal.keys()) {
      const { device, epoch, seq } = this.#highest.get(key)!
      this.#save(device, epoch, seq)
    }
    this.#journal.clear()
  }

  #raise(device: string, epoch: number, seq: number): boolean {
    const key = keyOf(device, epoch)
    if (seq <= (this.#highest.get(key)?.seq ?? 0)) return false
    const mark = { device, epoch, seq }
    this.#highest.set(key, mark)
    this.#raised.set(key, mark)
    return true
  }

  #save(device: string, epoch: number, seq: number): void {
    this.#sql.saveStream.run(device, epoch, seq, checksum({ device, epoch, seq }))
  }
}

function checksum({ device, epoch, seq }: SpoolMark): number {
  return crc32(`${epoch} ${seq} ${device}`)
}

function statements(db: DatabaseSync) {
  return {
    streams: db.prepare('select device, epoch, seq, sum from streams'),
    saveStream: db.prepare(
      `insert into streams (device, epoch, seq, sum) values (?, ?, ?, ?)
       on conflict do update set seq = excluded.seq, sum = excluded.sum`,
    ),
    addReceived: db.prepare('insert into received (device, epoch, last, first, segment) values (?, ?, ?, ?, ?)'),
    runOf: db.prepare('select first from received where device = ? and epoch = ? and last >= ? order by last limit 1'),
    addConflict: db.prepare(
      'insert into conflicts (device, epoch, seq, id) values (?, ?, ?, ?) on conflict do nothing',
    ),
  }
}
