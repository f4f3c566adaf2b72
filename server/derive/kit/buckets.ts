/**
 * Facts by subject, time bucket and key, merged as they are added: the content is a function of the set of additions,
 * whatever their order.
 *
 * Shape   `merge` must be commutative, associative and idempotent (a minimum, a maximum, an earliest).
 *         Facts older than `keepMs` before their subject's latest time are passed to `expired` and dropped; additions
 *         older than that are ignored.
 * Memory  per subject the keys in use; per fact one number for the bucket, one for the key, and its values. At most
 *         `KEYS_A_BUCKET` keys in one bucket: the alphabetically first, so that their order of arrival makes no
 *         difference.
 */
import { type Part, Subjects } from './kept.ts'

const KEYS_A_BUCKET = 16

export interface BucketKind {
  bucketMs: number
  /** At least the lateness bound, plus how far back the judgement of its oldest time looks. */
  keepMs: number
  /** The number of values of a fact. */
  width: number
  merge(a: readonly number[], b: readonly number[]): number[]
  expired?(subject: string, fact: Fact): void
}

export interface Fact {
  /** The number of the bucket: whole `bucketMs` since 1970. */
  bucket: number
  key: string
  values: number[]
}

export interface Buckets {
  /** True when this changed the content. */
  add(subject: string, time: number, key: string, values: readonly number[]): boolean
  /** In order of bucket, then key. */
  of(subject: string): Fact[]
  /** Those in the bucket of `time`. */
  at(subject: string, time: number): Fact[]
  /** The distinct keys in use; cheaper than `of`. */
  keys(subject: string): readonly string[]
  /** The latest time of the subject; minus infinity when there is none. */
  reached(subject: string): number
  subjects(): Iterable<string>
  /** Forgets what `of` returns of the subject, for facts that are added again. */
  clear(subject: string): void
  readonly kept: Part
}

/**
 * `rows`: bucket, index into `keys`, values, again and again, in order of bucket, then key; flat, because there are many
 * small ones.
 */
interface Subject {
  reached: number
  keys: string[]
  rows: number[]
}

export function buckets({ bucketMs, keepMs, width, merge, expired }: BucketKind): Buckets {
  const subjects = new Subjects<Subject>()
  const stride = 2 + width
  const bucketOf = (time: number) => Math.floor(time / bucketMs)

  return {
    add(name, time, key, values) {
      const subject = subjects.get(name) ?? begin(name, time)
      const bucket = bucketOf(time)
      if (bucket < bucketOf(subject.reached - keepMs)) return false
      const isLatest = time > subject.reached
      if (isLatest) {
        const isNewBucket = bucket > bucketOf(subject.reached)
        subject.reached = time
        if (isNewBucket) expire(name, subject)
      }
      const isChanged = put(subject, bucket, key, values)
      if (isLatest || isChanged) subjects.touch(name)
      return isChanged
    },
    of(name) {
      const subject = subjects.get(name)
      return subject ? factsOf(subject, 0, subject.rows.length) : []
    },
    at(name, time) {
      const subject = subjects.get(name)
      if (!subject) return []
      const bucket = bucketOf(time)
      return factsOf(subject, firstOf(subject, bucket), firstOf(subject, bucket + 1))
    },
    keys: (name) => subjects.get(name)?.keys ?? [],
    reached: (name) => subjects.get(name)?.reached ?? Number.NEGATIVE_INFINITY,
    subjects: () => subjects.keys(),
    clear(name) {
      const subject = subjects.get(name)
      if (subject) subjects.set(name, { reached: subject.reached, keys: [], rows: [] })
    },
    kept: subjects,
  }

  function begin(name: string, time: number): Subject {
    const subject: Subject = { reached: time, keys: [], rows: [] }
    subjects.set(name, subject)
    return subject
  }

  function put(subject: Subject, bucket: number, key: string, values: readonly number[]): boolean {
    const { keys, rows } = subject
    const [first, end] = [firstOf(subject, bucket), firstOf(subject, bucket + 1)]
    let at = first
    while (at < end && keys[rows[at + 1]!]! < key) at += stride
    if (at < end && keys[rows[at + 1]!] === key) return update(rows, at + 2, values)
    const isFull = end - first >= KEYS_A_BUCKET * stride
    if (isFull && at === end) return false
    const known = keys.indexOf(key)
    rows.splice(at, 0, bucket, known === -1 ? keys.push(key) - 1 : known, ...values)
    if (isFull) drop(subject, end, end + stride)
    return true
  }

  function update(rows: number[], at: number, values: readonly number[]): boolean {
    const before = rows.slice(at, at + width)
    const after = merge(before, values)
    if (after.every((it, index) => it === before[index])) return false
    rows.splice(at, width, ...after)
    return true
  }

  function expire(name: string, subject: Subject): void {
    const end = firstOf(subject, bucketOf(subject.reached - keepMs))
    if (end === 0) return
    if (expired) for (const fact of factsOf(subject, 0, end)) expired(name, fact)
    drop(subject, 0, end)
  }

  /** Where the rows of `bucket` are, or would be. From the end, because nearly all additions are to the latest. */
  function firstOf({ rows }: Subject, bucket: number): number {
    let at = rows.length
    while (at > 0 && rows[at - stride]! >= bucket) at -= stride
    return at
  }

  /** Removes the rows from `first` to `end`, and the keys that no other row has. */
  function drop(subject: Subject, first: number, end: number): void {
    const { keys, rows } = subject
    rows.splice(first, end - first)
    const used = new Set<number>()
    for (let at = 0; at < rows.length; at += stride) used.add(rows[at + 1]!)
    if (used.size === keys.length) return
    const places = new Map([...used].map((index, place) => [index, place]))
    subject.keys = [...used].map((index) => keys[index]!)
    for (let at = 0; at < rows.length; at += stride) rows[at + 1] = places.get(rows[at + 1]!)!
  }

  function factsOf({ keys, rows }: Subject, first: number, end: number): Fact[] {
    const facts: Fact[] = []
    for (let at = first; at < end; at += stride)
      facts.push({ bucket: rows[at]!, key: keys[rows[at + 1]!]!, values: rows.slice(at + 2, at + stride) })
    return facts
  }
}

/** The first and last time of a key in a bucket, as a `merge`. */
export function earliestAndLatest(a: readonly number[], b: readonly number[]): number[] {
  return [Math.min(a[0]!, b[0]!), Math.max(a[1]!, b[1]!)]
}

/** Reads JSON keys, each distinct one once; at most `MAX_PARSED` are kept. */
export function keyReader<T extends object>(): (key: string) => Readonly<T> {
  const known = new Map<string, Readonly<T>>()
  return (key) => {
    const before = known.get(key)
    if (before) return before
    if (known.size >= MAX_PARSED) known.clear()
    const value = JSON.parse(key) as T
    known.set(key, value)
    return value
  }
}

const MAX_PARSED = 20_000
