/**
 * The event numbers that a recording has used, and for which events: what the store does for a live server.
 *
 * Shape   a hash of the event's id for each number, by device and spool epoch.
 * Memory  8 bytes per event while numbers have no gaps; a map entry for a number far beyond the others.
 */
const FAR = 1_024

interface Stream {
  used: number
  dense: Float64Array
  /** Numbers that would make `dense` mostly empty. */
  far: Map<number, number>
}

export class Numbers {
  readonly #streams = new Map<string, Stream>()

  /** 'retry': the number was used for the same event. 'conflict': for another event. */
  take(device: string, epoch: number, seq: number, id: string): 'new' | 'retry' | 'conflict' {
    const key = `${device} ${epoch}`
    const stream = this.#streams.get(key) ?? { used: 0, dense: new Float64Array(256), far: new Map() }
    this.#streams.set(key, stream)
    const mark = hashOf(id)
    // At most four empty places per number, so that numbers with large gaps do not fill the memory.
    if (seq >= stream.dense.length && seq < stream.used * 4 + FAR) grow(stream, seq)
    const isFar = seq >= stream.dense.length
    const before = isFar ? (stream.far.get(seq) ?? 0) : stream.dense[seq]!
    if (before === mark) return 'retry'
    if (before !== 0) return 'conflict'
    stream.used++
    if (isFar) stream.far.set(seq, mark)
    else stream.dense[seq] = mark
    return 'new'
  }
}

function grow(stream: Stream, seq: number): void {
  const dense = new Float64Array(Math.max(seq + 1, Math.min(stream.dense.length * 2, stream.used * 4 + FAR)))
  dense.set(stream.dense)
  for (const [at, mark] of stream.far)
    if (at < dense.length) {
      dense[at] = mark
      stream.far.delete(at)
    }
  stream.dense = dense
}

/** Two FNV-1a hashes in 52 bits; never 0, which means unused. */
function hashOf(id: string): number {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ (code + i), 0x85ebca6b)
  }
  return (a >>> 0) * 0x100000 + (b >>> 12) + 1
}
