/**
 * The spool's persistent state: its epoch, what the server has, the last number that was assigned, and its clock.
 *
 * Shape   two slots of one sector each, written alternately: after a torn write or a flipped bit, the other slot is
 *         still valid, and only a little older. Written in place, so that acknowledgements can be saved on a full disk.
 *         A slot is turn · epoch · acked · last · crc32 of these (bytes 0-35), then everAcked · clock · since boot ·
 *         crc32 of everything before it (36-63). Older agents wrote and read the first part only.
 * Units   doubles, little-endian.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import type { ClockState } from './clock.ts'
import { isEpoch, isStorable } from './frames.ts'

const SLOT = 512
const FIRST_PART = 36
const USED = 64
const syncLater = promisify(fdatasync)

export interface CursorState {
  epoch: number
  /** The server has everything up to this seq; 0 for none. */
  acked: number
  /** The highest value that `acked` ever had. Above `acked` if the server has lost events that it had acknowledged. */
  everAcked: number
  /** The last seq that was durable when this was written; while the disk fails, that was assigned; 0 for none. */
  last: number
  /** Null in a slot that an older agent wrote. */
  clock: ClockState | null
}

export class Cursor {
  #fd: number
  #turn = 0

  constructor(path: string) {
    try {
      this.#fd = openSync(path, 'r+')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
      this.#fd = openSync(path, 'w+', 0o600)
    }
  }

  /** The newer of the valid slots; null if there is none. */
  read(): CursorState | null {
    const buffer = Buffer.alloc(2 * SLOT)
    readSync(this.#fd, buffer, 0, buffer.length, 0)
    let found: CursorState | null = null
    for (const slot of [buffer.subarray(0, USED), buffer.subarray(SLOT, SLOT + USED)]) {
      const turn = slot.readDoubleLE(0)
      if (!Number.isSafeInteger(turn + 1) || turn <= this.#turn) continue
      const state = parseSlot(slot)
      if (state === null) continue
      this.#turn = turn
      found = state
    }
    return found
  }

  /** Passes the state to the kernel; `sync` makes it durable. */
  write({ epoch, acked, everAcked, last, clock }: CursorState & { clock: ClockState }): void {
    const slot = Buffer.alloc(SLOT)
    for (const [index, value] of [++this.#turn, epoch, acked, last].entries()) slot.writeDoubleLE(value, index * 8)
    slot.writeUInt32LE(crc32(slot.subarray(0, 32)), 32)
    for (const [index, value] of [everAcked, clock.at, clock.booted].entries())
      slot.writeDoubleLE(value, FIRST_PART + index * 8)
    slot.writeUInt32LE(crc32(slot.subarray(0, 60)), 60)
    writeSync(this.#fd, slot, 0, SLOT, (this.#turn % 2) * SLOT)
  }

  sync(): Promise<void> {
    return syncLater(this.#fd)
  }
  syncNow(): void {
    fdatasyncSync(this.#fd)
  }
  close(): void {
    closeSync(this.#fd)
  }
}

/** The events of a spool that the server does not have, at most, by its cursor alone; null: it says nothing. */
export function unsentBy(path: string): number | null {
  const cursor = new Cursor(path)
  try {
    const state = cursor.read()
    return state && Math.max(0, state.last - state.acked)
  } finally {
    cursor.close()
  }
}

/** Null for a slot that is damaged, or has numbers that no agent wrote: with a right checksum, somebody edited it. */
function parseSlot(slot: Buffer): CursorState | null {
  if (crc32(slot.subarray(0, 32)) !== slot.readUInt32LE(32)) return null
  const acked = slot.readDoubleLE(16)
  const first = { epoch: slot.readDoubleLE(8), acked, last: slot.readDoubleLE(24) }
  if (!isEpoch(first.epoch) || !isStorable(acked) || !isStorable(first.last)) return null
  if (slot.subarray(FIRST_PART).every((byte) => byte === 0)) return { ...first, everAcked: acked, clock: null }
  if (crc32(slot.subarray(0, 60)) !== slot.readUInt32LE(60)) return null
  const everAcked = slot.readDoubleLE(FIRST_PART)
  const clock = { at: slot.readDoubleLE(FIRST_PART + 8), booted: slot.readDoubleLE(FIRST_PART + 16) }
  if (![everAcked, clock.at, clock.booted].every(isStorable) || acked > everAcked) return null
  return { ...first, everAcked, clock }
}
