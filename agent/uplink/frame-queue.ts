/**
 * The frames in flight: packed within the server's credit, and dropped when they are acknowledged.
 *
 * Shape   events are leased from the spool in order, so that numbers ascend on the wire. The spool is committed only on
 *         an ack.
 * Errors  `acknowledge` throws Fault 'wire.unexpected' for a number that was never sent.
 */
import { constants, zstdCompressSync } from 'node:zlib'
import { Fault } from '../../wire/fault.ts'
import type { Ack } from '../../wire/messages.ts'
import type { Leased, Spool } from '../spool/spool.ts'

const BATCH_EVENTS = 500
/** Compressed. */
const BATCH_BYTES = 262_144
/** Uncompressed. */
const LEASE_BYTES = 1_048_576

export interface PackedFrame {
  bytes: Buffer
  events: Leased[]
}

export class FrameQueue {
  readonly #spool: Spool
  #credit = 0
  #sent: number
  #inFlight: { last: number; events: number; at: number }[] = []

  constructor(spool: Spool, credit: number) {
    this.#spool = spool
    this.#sent = spool.acked
    this.#credit = credit
  }

  /** The frames to send now; none if there are no events or no credit. */
  next(): PackedFrame[] {
    const room = this.#credit - this.#inFlight.reduce((sum, { events }) => sum + events, 0)
    if (room <= 0) return []
    const leased = this.#spool.lease(Math.min(BATCH_EVENTS, room), LEASE_BYTES)
    if (leased.length === 0) return []
    const frames = pack(this.#spool.epoch, leased)
    for (const { events } of frames) {
      this.#sent = events.at(-1)!.seq
      this.#inFlight.push({ last: this.#sent, events: events.length, at: performance.now() })
    }
    return frames
  }

  acknowledge({ epoch, seq, credit }: Ack): void {
    if (epoch !== this.#spool.epoch || seq > this.#sent)
      throw new Fault('wire.unexpected', { where: `ack of ${seq}`, why: 'This number was never sent.' })
    this.#spool.commit(seq)
    this.#inFlight = this.#inFlight.filter(({ last }) => last > seq)
    this.#credit = credit
  }

  /** How long the oldest frame in flight has waited for its ack. */
  get waitedMs(): number {
    const [oldest] = this.#inFlight
    return oldest ? performance.now() - oldest.at : 0
  }
}

/** Splits the events in halves until each frame is at most BATCH_BYTES. */
export function pack(epoch: number, events: Leased[]): PackedFrame[] {
  const texts = events.flatMap(({ text }, index) => (index === 0 ? [text] : [COMMA, text]))
  const raw = Buffer.concat([Buffer.from(`{"type":"batch","epoch":${epoch},"events":[`), ...texts, Buffer.from(']}')])
  const bytes = zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })
  if (bytes.length <= BATCH_BYTES || events.length === 1) return [{ bytes, events }]
  const half = Math.ceil(events.length / 2)
  return [...pack(epoch, events.slice(0, half)), ...pack(epoch, events.slice(half))]
}
const COMMA = Buffer.from(',')
