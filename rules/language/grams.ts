/**
 * Finds which of many texts occur in a value, in one pass: each text is indexed by a rare run of a few characters.
 *
 * Shape   one bit per hash of a run of GRAM characters says whether a text may be there; only then texts are compared.
 *         Unlike an automaton's table, the bits fit into the fastest cache, and no step waits for the memory access of
 *         the one before. Shorter texts are indexed by their last two characters. A text must contain a run of GRAM
 *         ASCII characters, or be shorter and all ASCII.
 * Units   about 64 bits for each text.
 */
import { commonness } from './commonness.ts'
import { isAscii } from './fold.ts'

export interface Sought {
  how: 'contains' | 'startswith' | 'endswith'
  text: string
}

export interface Grams {
  /** Calls `found`, at least once, with the index of each text that occurs in the value as `how` requires. */
  scan(value: string, found: (place: number) => void): void
}

/** The number of characters that fit into 32 bits, one byte each. */
const GRAM = 4
/** The number of runs of a text among which the rarest is chosen. */
const MAX_TRIED = 8
/** A character and the half of the one before it. */
const PAIRS = 4_096
const NO_PAIRS = new Int32Array(PAIRS / 32)

interface Anchor extends Sought {
  place: number
  /** From the beginning of the text to the end of its rare run. */
  reach: number
}

export function grams(sought: readonly Sought[]): Grams {
  const width = Math.min(17, Math.max(8, Math.ceil(Math.log2(sought.length * 48))))
  const shift = 32 - width
  const bits = new Int32Array(1 << (width - 5))
  const buckets = new Map<number, Anchor[]>()
  let pairBits = NO_PAIRS
  const pairs = new Map<number, Anchor[]>()
  for (const [place, { how, text }] of sought.entries()) {
    const at = rarestRun(text, (code) => buckets.get(code)?.length ?? 0)
    if (at >= 0) put(codeAt(text, at), { place, how, text, reach: at + GRAM - 1 })
    else putShort({ place, how, text, reach: text.length - 1 })
  }

  function put(code: number, anchor: Anchor): void {
    set(bits, Math.imul(code, FACTOR) >>> shift)
    buckets.set(code, [...(buckets.get(code) ?? []), anchor])
  }

  /** A single character may follow any other. */
  function putShort(anchor: Anchor): void {
    if (pairBits === NO_PAIRS) pairBits = new Int32Array(PAIRS / 32)
    const { text, reach } = anchor
    const last = text.charCodeAt(reach)
    for (let code = last; code < PAIRS; code += 256) {
      if (reach > 0 && code !== (((text.charCodeAt(reach - 1) << 8) | last) & (PAIRS - 1))) continue
      set(pairBits, code)
      pairs.set(code, [...(pairs.get(code) ?? []), anchor])
    }
  }

  function compare(
    anchors: readonly Anchor[] | undefined,
    value: string,
    end: number,
    found: (place: number) => void,
  ): void {
    if (anchors === undefined) return
    for (let i = 0; i < anchors.length; i++) {
      const { how, text, reach, place } = anchors[i]!
      const start = end - reach
      if (how === 'startswith' ? start !== 0 : how === 'endswith' && start + text.length !== value.length) continue
      if (start >= 0 && value.startsWith(text, start)) found(place)
    }
  }

  return {
    scan(value, found) {
      // A non-ASCII character makes the codes of the runs that contain it wrong, and of no others.
      let code = 0
      for (let i = 0; i < value.length; i++) {
        code = (code << 8) | value.charCodeAt(i)
        const bit = Math.imul(code, FACTOR) >>> shift
        if (((bits[bit >>> 5]! >>> bit) & 1) !== 0) compare(buckets.get(code), value, i, found)
        const pair = code & (PAIRS - 1)
        if (((pairBits[pair >>> 5]! >>> pair) & 1) !== 0) compare(pairs.get(pair), value, i, found)
      }
    },
  }
}

function set(bits: Int32Array, bit: number): void {
  bits[bit >>> 5]! |= 1 << bit
}

/** Fibonacci hashing: Knuth, The Art of Computer Programming, 6.4. */
const FACTOR = 0x9e3779b1 | 0

function codeAt(text: string, at: number): number {
  let code = 0
  for (let i = 0; i < GRAM; i++) code = (code << 8) | text.charCodeAt(at + i)
  return code
}

/** The start of the run; -1 when none is long enough. `crowd`: the number of texts already indexed by a run. */
function rarestRun(text: string, crowd: (code: number) => number): number {
  let best = -1
  let least = Number.POSITIVE_INFINITY
  const step = Math.max(1, Math.floor(text.length / MAX_TRIED))
  const plain = isAscii(text)
  for (let at = 0; at + GRAM <= text.length; at += plain ? step : 1) {
    const run = text.slice(at, at + GRAM)
    if (!plain && !isAscii(run)) continue
    const share = commonness(run) * (1 + crowd(codeAt(text, at)))
    if (share < least) [best, least] = [at, share]
  }
  return best
}
