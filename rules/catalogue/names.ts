/**
 * Names looked up in place, in text that may be hostile: a miss allocates nothing.
 *
 * Shape   text is compared without regard to ASCII case, and '\' is '/'. `find` takes the part from `start` to `end`.
 * Units   linear in the part's length; at most `MAX_NAME` characters are looked at.
 */

/** No file system here allows a longer name, and no host name is longer. */
export const MAX_NAME = 256
const HEAD = 3

interface Named<T> {
  key: string
  values: T[]
}

export class Names<T> {
  /** By 30-bit hash: a number that V8 keeps out of the heap. */
  readonly #exact = new Map<number, Named<T>[]>()
  /** Patterns with '*', by the hash of their first three characters. */
  readonly #globs = new Map<number, Named<T>[]>()

  add(name: string, value: T): void {
    const key = fold(name)
    const star = key.indexOf('*')
    if (star !== -1 && star < HEAD) throw new RangeError(`"${name}": a pattern needs ${HEAD} characters before its "*"`)
    const index = star === -1 ? this.#exact : this.#globs
    const hash = hashOf(key, 0, star === -1 ? key.length : HEAD)
    const bucket = index.get(hash) ?? []
    index.set(hash, bucket)
    const known = bucket.find((it) => it.key === key)
    if (known) known.values.push(value)
    else bucket.push({ key, values: [value] })
  }

  find(text: string, start = 0, end = text.length): readonly T[] | undefined {
    if (end - start > MAX_NAME || end <= start) return undefined
    return this.findHashed(hashOf(text, start, end), text, start, end) ?? this.#glob(text, start, end)
  }

  /** For callers that have the hash of the part already. Patterns are not tried. */
  findHashed(hash: number, text: string, start: number, end: number): readonly T[] | undefined {
    const bucket = this.#exact.get(hash)
    if (bucket) for (const named of bucket) if (same(named.key, text, start, end)) return named.values
    return undefined
  }

  #glob(text: string, start: number, end: number): readonly T[] | undefined {
    if (this.#globs.size === 0 || end - start < HEAD) return undefined
    const bucket = this.#globs.get(hashOf(text, start, start + HEAD))
    if (bucket) for (const named of bucket) if (matches(named.key, text, start, end)) return named.values
    return undefined
  }
}

export function fold(name: string): string {
  let folded = ''
  for (let at = 0; at < name.length; at++) folded += String.fromCharCode(folded1(name.charCodeAt(at)))
  return folded
}

function folded1(code: number): number {
  if (code >= 65 && code <= 90) return code + 32
  return code === 92 ? 47 : code
}

/** FNV-1a over the folded characters. */
export const HASH_START = 0x811c9dc5 | 0
export function hashStep(hash: number, code: number): number {
  return Math.imul(hash ^ folded1(code), 16_777_619)
}
export function hashEnd(hash: number): number {
  return (hash ^ (hash >>> 15)) & 0x3fffffff
}
function hashOf(text: string, start: number, end: number): number {
  let hash = HASH_START
  for (let at = start; at < end; at++) hash = hashStep(hash, text.charCodeAt(at))
  return hashEnd(hash)
}

function same(key: string, text: string, start: number, end: number): boolean {
  if (key.length !== end - start) return false
  for (let at = 0; at < key.length; at++) if (key.charCodeAt(at) !== folded1(text.charCodeAt(start + at))) return false
  return true
}

/** '*' is any run, '?' one character. Keeps one way back, so the work is at most pattern times text. */
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
    } else if (wanted === 63 || wanted === folded1(text.charCodeAt(at))) {
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
