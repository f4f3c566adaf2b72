/**
 * Takes a recording into a log: what `tellwire export` and `tellwire simulate` write, or what somebody wrote by hand.
 *
 * Shape   records keep their order and their times. What the log already has is omitted, and so are `label` lines: they
 *         say what a simulator knows, and the server must find it out. Where a record has no facts about its address,
 *         they are added, as the server does with a live connection. A laptop that reported becomes an enrolled laptop
 *         without a key, so that it is listed but nobody can connect in its name.
 * Errors  a line that is not a record is passed to `onProblem` with its number; the others are taken. What `publish`
 *         and the lines reject with; the records before that are stored, and a repeated import adds the rest.
 */
import { setImmediate } from 'node:timers/promises'
import type { Recorded, RecordedOf } from '../../wire/recording.ts'
import { type FactSources, storedFacts } from '../ingest/facts.ts'
import type { Enrolled } from '../model/device.ts'
import type { Devices } from '../store/store.ts'
import type { Published, Stream } from '../store/stream.ts'
import { Known } from './known.ts'
import { recordIn } from './record.ts'

const BLOCK_RECORDS = 1_000
const UNKNOWN = 'unknown'

export interface TakeDeps extends FactSources {
  stream: Pick<Stream, 'read' | 'last'>
  publish(records: readonly Recorded[]): Promise<Published>
  devices: Pick<Devices, 'get' | 'save'>
  /** What the added laptops run on; else what their events say. */
  platform?: string
  /** A laptop was added. */
  onLaptop?(device: string): void
  onProblem?(line: number, why: string): void
  /** Each record of the lines, whether the log has it or not. */
  onRecord?(record: Recorded): void
  /** The number of lines read so far. */
  onProgress?(lines: number): void
  signal?: AbortSignal
}

export interface Taken {
  lines: number
  /** Records that are new in the log. */
  stored: number
  /** Records that the log had before. */
  known: number
  labels: number
  /** Lines that are not records. */
  rejected: number
  /** Laptops that were not enrolled before. */
  laptops: number
  /** The last position of the log. */
  last: number
}

export async function takeRecording(lines: AsyncIterable<readonly (string | null)[]>, deps: TakeDeps): Promise<Taken> {
  const { stream, publish, signal, onProblem, onRecord, onProgress } = deps
  const taken: Taken = { lines: 0, stored: 0, known: 0, labels: 0, rejected: 0, laptops: 0, last: 0 }
  const known = await knownOf(stream, signal)
  const laptops = new Map<string, Enrolled>()
  let block: Recorded[] = []
  let storing: Promise<void> = Promise.resolve()
  for await (const texts of lines) {
    for (const text of texts) {
      taken.lines++
      if (text?.trim() === '') continue
      const record = recordIn(text)
      if (typeof record === 'string') {
        taken.rejected++
        onProblem?.(taken.lines, record)
      } else if (record.type === 'label') taken.labels++
      else take(record)
      if (block.length < BLOCK_RECORDS) continue
      await store()
      signal?.throwIfAborted()
    }
    onProgress?.(taken.lines)
  }
  await store()
  await storing
  taken.last = await stream.last()
  taken.laptops = await enroll(laptops.values(), deps)
  return taken

  function take(record: Recorded): void {
    onRecord?.(record)
    const use = known.take(record)
    if (use === 'known') {
      taken.known++
      return
    }
    if (use === 'conflict' && record.type === 'event') record.conflict = true
    if (record.type === 'event' || record.type === 'connection') seen(laptops, record)
    block.push(located(record, deps))
  }

  /** The next block is read while this one is written. */
  async function store(): Promise<void> {
    await storing
    const records = block
    block = []
    if (records.length === 0) return
    const written = publish(records)
    storing = written.then(({ duplicates }) => {
      taken.stored += records.length - duplicates.length
      taken.known += duplicates.length
    })
    // Awaited by the next call; until then a failure is not unhandled.
    storing.catch(() => {})
    await setImmediate()
  }
}

async function knownOf(stream: TakeDeps['stream'], signal: AbortSignal | undefined): Promise<Known> {
  const known = new Known()
  for await (const block of stream.read(0, { onDamaged: () => {} })) {
    for (const { record } of block) known.take(record)
    await setImmediate()
    signal?.throwIfAborted()
  }
  return known
}

/** With what databases and catalogue know about it, unless the recording says it: what the gateway adds to live ones. */
function located(record: Recorded, sources: FactSources): Recorded {
  const { lookup } = sources
  if (record.type === 'connection' && !record.geo) return { ...record, geo: lookup(record.remoteAddress, record.time) }
  if (record.type === 'feed') {
    const { event, geo, mfaGeo, time } = record
    if (event.category !== 'idp_login' && event.category !== 'repo_audit') return record
    const approvedAt = event.category === 'idp_login' ? event.MfaIp : null
    return {
      ...record,
      ...(event.Ip !== null && !geo && { geo: lookup(event.Ip, time) }),
      ...(approvedAt !== null && !mfaGeo && { mfaGeo: lookup(approvedAt, time) }),
    }
  }
  if (record.type !== 'event') return record
  // Empty facts are stored too, so that a later catalogue does not recognise something in old events.
  return { ...record, facts: storedFacts(record.event, record.facts, sources) ?? {} }
}

function seen(laptops: Map<string, Enrolled>, record: RecordedOf<'event'> | RecordedOf<'connection'>): void {
  const { device } = record
  const at = record.type === 'event' ? record.receivedAt : record.time
  const laptop = laptops.get(device) ?? {
    ...{ device, publicKey: '', platform: UNKNOWN, version: 'imported', fingerprint: null },
    ...{ enrolledAt: at, revokedAt: null, firstBoot: at },
  }
  if (record.type === 'connection') laptop.fingerprint ??= record.fingerprint ?? null
  else if (laptop.platform === UNKNOWN) laptop.platform = record.event.product
  laptop.enrolledAt = Math.min(laptop.enrolledAt, at)
  laptop.firstBoot = laptop.enrolledAt
  laptops.set(device, laptop)
}

/** Laptops with a key are left as they are. Returns how many are new. */
async function enroll(laptops: Iterable<Enrolled>, { devices, platform, onLaptop }: TakeDeps): Promise<number> {
  let added = 0
  for (const it of laptops) {
    if (await devices.get(it.device)) continue
    await devices.save(platform === undefined ? it : { ...it, platform })
    onLaptop?.(it.device)
    added++
  }
  return added
}
