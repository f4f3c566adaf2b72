/**
 * Looks up names within text that may be hostile. A miss allocates nothing.
 *
 * Shape   text is compared without regard to case, and '\' is '/'; what is not ASCII is compared as `normalized`
 *         returns it. `find` takes the part from `start` to `end`.
 * Units   linear in the part's length; at most `MAX_NAME` characters are read.
 */
import { normalized } from './spelling.ts'

/** No file system here allows a longer name, and no host name is longer. */
export const MAX_NAME = 256
const HEAD = 3
/** In place of a hash: the part is not printable ASCII. */
export const NON_ASCII = -1
/** '®' is part of many product names: so many results for non-ASCII names are remembered. */
const MAX_REMEMBERED = 512

interface Named<T> {
  key: string
  values: T[]
}

export class Names<T> {
  /** By 30-bit hash: a number that V8 keeps out of the heap. */
  readonly #exact = new Map<number, Named<T>[]>()
  /** Patterns with '*', by the hash of their first three characters. */
  readonly #globs = new Map<number, Named<T>[]>()
  readonly #nonAscii = new Map<string, readonly T[] | undefined>()

  add(name: string, value: T): void {
    const key = fold(name)
    const star = key.indexOf('*')
    if (star !== -1 && star < HEAD) throw new RangeError(`"${name}": a pattern needs ${HEAD} characters before its "*"`)
    const index = star === -1 ? this.#exact : this.#globs
    const hash = hashAny(star === -1 ? key : key.slice(0, HEAD))
    const bucket = index.get(hash) ?? []
    index.set(hash, bucket)
    const known = bucket.find((it) => it.key === key)
    if (known?.values.includes(value)) return
    if (known) known.values.push(value)
    else bucket.push({ key, values: [value] })
  }

  find(text: string, start = 0, end = text.length): readonly T[] | undefined {
    if (end - start > MAX_NAME || end <= start) return undefined
    const hash = hashOf(text, start, end)
    if (hash === NON_ASCII) return this.#findNonAscii(text.slice(start, end))
    return this.findAscii(hash, text, start, end)
  }

  /** For callers that have hashed the part already, and know that it is printable ASCII. */
  findAscii(hash: number, text: string, start: number, end: number): readonly T[] | undefined {
    return this.findHashed(hash, text, start, end) ?? this.#glob(text, start, end)
  }

  /** The same, without patterns. */
  findHashed(hash: number, text: string, start: number, end: number): readonly T[] | undefined {
    const bucket = this.#exact.get(hash)
    if (bucket) for (const named of bucket) if (same(named.key, text, start, end)) return named.values
    return undefined
  }

  #findNonAscii(text: string): readonly T[] | undefined {
    if (this.#nonAscii.has(text)) return this.#nonAscii.get(text)
    if (this.#nonAscii.size >= MAX_REMEMBERED) this.#nonAscii.clear()
    const key = fold(text)
    const bucket = this.#exact.get(hashAny(key))?.find((it) => it.key === key)
    const values = bucket?.values ?? this.#glob(key, 0, key.length)
    this.#nonAscii.set(text, values)
    return values
  }

  #glob(text: string, start: number, end: number): readonly T[] | undefined {
    if (this.#globs.size === 0 || end - start < HEAD) return undefined
    const hash = hashOf(text, start, start + HEAD)
    const bucket = this.#globs.get(hash === NON_ASCII ? hashAny(text.slice(start, start + HEAD)) : hash)
    if (bucket) for (const named of bucket) if (matches(named.key, text, start, end)) return named.values
    return undefined
  }
}

function fold(name: string): string {
  return normalized(name).toLowerCase().replaceAll('\\', '/')
}

/** What each character of printable ASCII is compared as; 0: it is none. */
const FOLDED = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code < 32 || code > 126) return 0
  if (code >= 65 && code <= 90) return code + 32
  return code === 92 ? 47 : code
})
export function folded(code: number): number {
  return code < 128 ? FOLDED[code]! : 0
}

/** FNV-1a over the folded characters. */
export const HASH_START = 0x811c9dc5 | 0
export function hashStep(hash: number, foldedCode: number): number {
  return Math.imul(hash ^ foldedCode, 16_777_619)
}
export function hashEnd(hash: number): number {
  return (hash ^ (hash >>> 15)) & 0x3fffffff
}
/** NON_ASCII where something in it is not printable ASCII. */
export function hashOf(text: string, start: number, end: number): number {
  let hash = HASH_START
  for (let at = start; at < end; at++) {
    const code = folded(text.charCodeAt(at))
    if (code === 0) return NON_ASCII
    hash = hashStep(hash, code)
  }
  return hashEnd(hash)
}
/** Of a name that has been normalized. */
function hashAny(key: string): number {
  let hash = HASH_START
  for (let at = 0; at < key.length; at++) hash = hashStep(hash, key.charCodeAt(at))
  return hashEnd(hash)
}

function same(key: string, text: string, start: number, end: number): boolean {
  if (key.length !== end - start) return false
  for (let at = 0; at < key.length; at++)
    if (key.charCodeAt(at) !== anyFolded(text.charCodeAt(start + at))) return false
  return true
}

function anyFolded(code: number): number {
  return folded(code) || code
}

/** '*' is any run, '?' one character. Backtracks to the last star only, so the work is at most pattern times text. */
export function matches(pattern: string, text: string, start = 0, end = text.length): boolean {
  let at = start
  let p = 0
  let starAt = -1
  let starP = -1
  while (at < end) {
    const wanted = p < pattern.length ? pattern.charCodeAt(p) : -1
    if (wanted === 42) {
      starP = ++p
      starAt = at
    } else if (wanted === 63 || wanted === anyFolded(text.charCodeAt(at))) {
      p++
      at++
    } else if (starP !== -1) {
      p = starP
      at = ++starAt
    } else return false
  }
  while (p < pattern.length && pattern.charCodeAt(p) === 42) p++
  return p === pattern.length
}
