/** Reads events from the segments in order, and remembers its position. */
import { FRAME_TEXT_BYTES, readFrames } from './frames.ts'
import { readChunk, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'

/** One event, as the JSON text that is sent. */
export interface Leased {
  seq: number
  text: Buffer
}

export class Reader {
  #last: { segment: Segment; at: number } | null = null

  /** Events above `after` and up to `upTo`, within the limits, but at least one if there is one. */
  read(
    segments: readonly Segment[],
    { after, upTo, maxEvents, maxBytes }: { after: number; upTo: number; maxEvents: number; maxBytes: number },
  ): Leased[] {
    const leased: Leased[] = []
    let bytes = 0
    for (const segment of segments) {
      if (segment.last <= after || segment.first > upTo) continue
      // A rewritten segment is a new object, and read from its beginning.
      let at = this.#last?.segment === segment ? this.#last.at : SEGMENT_HEADER_BYTES
      while (at < segment.bytes) {
        const chunk = readChunk(segment, at, maxBytes + FRAME_TEXT_BYTES)
        if (chunk.length === 0) break
        const reachesEnd = at + chunk.length >= segment.bytes
        let used = 0
        for (const found of readFrames(chunk)) {
          // A frame that the end of the chunk truncates is read again from its start.
          if (found.kind === 'damage' && found.end === chunk.length && !reachesEnd && found.start > 0) break
          if (found.kind === 'frame' && found.seq > (leased.at(-1)?.seq ?? after)) {
            const isFull = leased.length >= maxEvents || (leased.length > 0 && bytes + found.text.length > maxBytes)
            if (isFull || found.seq > upTo) {
              this.#last = { segment, at: at + found.start }
              return leased
            }
            leased.push({ seq: found.seq, text: found.text })
            bytes += found.text.length
          }
          used = found.end
        }
        at += used
        this.#last = { segment, at }
      }
    }
    return leased
  }

  /** The next read starts from the beginning. */
  reset(): void {
    this.#last = null
  }
}
