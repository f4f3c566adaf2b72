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
  /** The distinct keys in use; cheaper than `of`. */
  keys(subject: string): readonly string[]
  /** The latest time of the subject; minus infinity when there is none. */
  reached(subject: string): number
  subjects(): Iterable<string>
  readonly kept: Part
}

/** `rows`: bucket, index into `keys`, values, again and again; flat, because there are many small ones. */
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
    of: (name) => factsOf(subjects.get(name)),
    keys: (name) => subjects.get(name)?.keys ?? [],
    reached: (name) => subjects.get(name)?.reached ?? Number.NEGATIVE_INFINITY,
    subjects: () => subjects.keys(),
    kept: subjects,
  }

  function begin(name: string, time: number): Subject {
    const subject: Subject = { reached: time, keys: [], rows: [] }
    subjects.set(name, subject)
    return subject
  }

  function put(subject: Subject, bucket: number, key: string, values: readonly number[]): boolean {
    const at = rowOf(subject, bucket, key)
    if (at === null) return insert(subject, bucket, key, values)
    const before = subject.rows.slice(at + 2, at + stride)
    const after = merge(before, values)
    if (after.every((it, index) => it === before[index])) return false
    subject.rows.splice(at + 2, width, ...after)
    return true
  }

  function rowOf({ keys, rows }: Subject, bucket: number, key: string): number | null {
    const index = keys.indexOf(key)
    if (index < 0) return null
    for (let at = rows.length - stride; at >= 0; at -= stride)
      if (rows[at] === bucket && rows[at + 1] === index) return at
    return null
  }

  function insert(subject: Subject, bucket: number, key: string, values: readonly number[]): boolean {
    const facts = factsOf(subject)
    const inBucket = facts.filter((it) => it.bucket === bucket)
    const last = inBucket.at(-1)
    if (inBucket.length >= KEYS_A_BUCKET && last) {
      if (key > last.key) return false
      facts.splice(facts.indexOf(last), 1)
    }
    rewrite(subject, [...facts, { bucket, key, values: [...values] }])
    return true
  }

  function expire(name: string, subject: Subject): void {
    const oldest = bucketOf(subject.reached - keepMs)
    const facts = factsOf(subject)
    if (!facts[0] || facts[0].bucket >= oldest) return
    for (const fact of facts) if (fact.bucket < oldest) expired?.(name, fact)
    rewrite(
      subject,
      facts.filter((it) => it.bucket >= oldest),
    )
  }

  function factsOf(subject: Subject | undefined): Fact[] {
    const facts: Fact[] = []
    if (!subject) return facts
    const { keys, rows } = subject
    for (let at = 0; at < rows.length; at += stride)
      facts.push({ bucket: rows[at]!, key: keys[rows[at + 1]!]!, values: rows.slice(at + 2, at + stride) })
    return facts.sort((a, b) => a.bucket - b.bucket || (a.key < b.key ? -1 : 1))
  }

  function rewrite(subject: Subject, facts: readonly Fact[]): void {
    subject.keys = [...new Set(facts.map((it) => it.key))]
    const indexes = new Map(subject.keys.map((key, index) => [key, index]))
    subject.rows = facts.flatMap((it) => [it.bucket, indexes.get(it.key)!, ...it.values])
  }
}

/** The first and last time of a key in a bucket, as a `merge`. */
export function earliestAndLatest(a: readonly number[], b: readonly number[]): number[] {
  return [Math.min(a[0]!, b[0]!), Math.max(a[1]!, b[1]!)]
}
