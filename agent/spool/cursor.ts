/**
 * Where the spool is: its epoch, what the server has, the last number given out.
 *
 * Shape   two slots of one sector each, written in turn: a torn write or a flipped bit leaves the other one, which is
 *         a little older. Written in place, because a full disk must not keep us from noting an acknowledgement.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'

const SLOT = 512
const USED = 36
const syncLater = promisify(fdatasync)

export interface Place {
  epoch: number
  /** The server holds everything up to this seq; 0 for none. */
  acked: number
  /** The last seq that was durable when this was written; 0 for none. */
  last: number
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

  /** The newer readable slot, or null when there is none. */
  read(): Place | null {
    const buffer = Buffer.alloc(2 * SLOT)
    readSync(this.#fd, buffer, 0, buffer.length, 0)
    let found: Place | null = null
    for (const slot of [buffer.subarray(0, USED), buffer.subarray(SLOT, SLOT + USED)]) {
      const turn = slot.readDoubleLE(0)
      if (turn <= this.#turn || crc32(slot.subarray(0, 32)) !== slot.readUInt32LE(32)) continue
      this.#turn = turn
      found = { epoch: slot.readDoubleLE(8), acked: slot.readDoubleLE(16), last: slot.readDoubleLE(24) }
    }
    return found
  }

  /** In the kernel, not yet on the disk: see `sync`. */
  write(place: Place): void {
    const slot = Buffer.alloc(SLOT)
    slot.writeDoubleLE(++this.#turn, 0)
    slot.writeDoubleLE(place.epoch, 8)
    slot.writeDoubleLE(place.acked, 16)
    slot.writeDoubleLE(place.last, 24)
    slot.writeUInt32LE(crc32(slot.subarray(0, 32)), 32)
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
