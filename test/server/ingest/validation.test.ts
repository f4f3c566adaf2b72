import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { guardParsing, isOff, unpack, validateEvents, whereOf } from '../../../server/ingest/validation.ts'
import { simulate } from '../../../server/simulate/simulate.ts'
import { CATEGORIES, type Category, Event } from '../../../wire/event.ts'
import type { FaultCode } from '../../../wire/fault.ts'
import { LIMITS, type Policy } from '../../../wire/messages.ts'
import { event } from './raw-agent.ts'

const POLICY: Policy = {
  version: 1,
  salt: '00000000',
  off: ['logon'],
  on: ['presence'],
  watchedRoots: [],
  spoolBytes: 1_048_576,
  spoolDays: 1,
}

describe('unpacking a frame', () => {
  const text = (bytes: number) => Buffer.alloc(bytes, '{"seq":1}')
  const noise = (bytes: number) => randomBytes(bytes / 2).toString('hex')
  const taken: { what: string; content: Buffer | string }[] = [
    { what: 'a small batch', content: text(500) },
    { what: 'an ordinary one', content: text(200_000) },
    { what: 'a small frame that unpacks to a large batch', content: text(3_000_000) },
    { what: 'a large frame', content: noise(400_000) },
    { what: 'the largest batch', content: text(LIMITS.batchBytes) },
    {
      what: 'the largest batch of a large frame',
      content: noise(1_500_000) + 'x'.repeat(LIMITS.batchBytes - 1_500_000),
    },
  ]
  for (const { what, content } of taken)
    it(`unpacks ${what}`, async () => {
      const unpacked = await unpack(zstdCompressSync(content))
      assert.ok(unpacked.equals(Buffer.from(content)))
    })

  const cut = zstdCompressSync(text(5_000)).subarray(0, 20)
  const refused: { what: string; frame: Buffer; code: FaultCode }[] = [
    { what: 'an empty frame', frame: Buffer.alloc(0), code: 'batch.malformed' },
    { what: 'bytes that are not zstd', frame: Buffer.from('{"type":"batch"}'), code: 'batch.malformed' },
    { what: 'many bytes that are not zstd', frame: randomBytes(200_000), code: 'batch.malformed' },
    { what: 'half a frame', frame: cut, code: 'batch.malformed' },
    { what: 'one byte too many', frame: zstdCompressSync(text(LIMITS.batchBytes + 1)), code: 'batch.bomb' },
    { what: 'a bomb', frame: zstdCompressSync(text(64 * LIMITS.batchBytes)), code: 'batch.bomb' },
    {
      what: 'a bomb in a large frame',
      frame: zstdCompressSync(noise(400_000) + 'x'.repeat(LIMITS.batchBytes)),
      code: 'batch.bomb',
    },
    // RFC 8878, 3.1.1.1: a header that asks for a window of 128 MiB, followed by an empty raw block.
    { what: 'a window of 128 MiB', frame: Buffer.from('28b52ffd008801000000', 'hex'), code: 'batch.bomb' },
  ]
  for (const { what, frame, code } of refused)
    it(`refuses ${what}: ${code}`, () => assert.rejects(unpack(frame), { name: 'Fault', code }))
})

/** A few events of every category that the laptops of a simulated fleet send. */
function samples(): Record<string, unknown>[] {
  const found = new Map<string, Record<string, unknown>[]>()
  for (const line of simulate({ scenarios: [], seed: 3, workers: 12, days: 3, start: Date.UTC(2026, 8, 14) })) {
    const { type, event } = JSON.parse(line)
    if (type !== 'event') continue
    const alike = found.get(event.category) ?? []
    if (alike.length < 5) found.set(event.category, [...alike, event])
  }
  return [...found.values()].flat()
}

/** Validation by the schema alone, for comparison. */
function bySchema(value: unknown): { event: Event } | { code: FaultCode; where: string } {
  const { seq, category } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return { code: 'event.malformed', where: 'seq' }
  if (typeof category === 'string' && Object.hasOwn(CATEGORIES, category)) {
    const known = category as Category
    if (CATEGORIES[known].origin !== 'agent') return { code: 'event.origin', where: 'category' }
    if (isOff(known, POLICY)) return { code: 'event.off', where: 'category' }
  }
  const parsed = Event.safeParse(value)
  if (!parsed.success) return { code: 'event.malformed', where: whereOf(parsed.error.issues[0]!) }
  return parsed.data.product === 'tellwire' ? { code: 'event.origin', where: 'product' } : { event: parsed.data }
}

function validated(value: unknown): ReturnType<typeof bySchema> {
  const { accepted, refused } = validateEvents([value], POLICY)
  assert.equal(accepted.length + refused.length, 1)
  const [event, no] = [accepted[0], refused[0]]
  return event ? { event: event.event } : { code: no!.code, where: no!.where.replace(/^events\[0\]\.?/, '') }
}

/** Every path in an event, at which a value can be replaced or removed. */
function placesIn(value: unknown, above: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [above]
  return [above, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...above, key]))]
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to
  const copy = structuredClone(value) as Record<string, unknown>
  // No JSON gives an array another length than it has.
  if (Array.isArray(copy) && key === 'length') return copy
  const inner = changed(copy[key], rest, to)
  if (inner === undefined) delete copy[key]
  // As JSON.parse does it, also for '__proto__'.
  else Object.defineProperty(copy, key, { value: inner, enumerable: true, configurable: true, writable: true })
  return copy
}

describe('a batch that is slow to parse', () => {
  const large = (text: string) => Buffer.from(`{"type":"batch","epoch":1,"events":[${text}]}`)
  const many = (one: string, count: number) => Array.from({ length: count }, () => one).join()
  const ordinary = many(JSON.stringify(event(1, 0, { Image: '/usr/bin/a"b\\\\,[{'.repeat(60) })), 1_000)
  const padding = JSON.stringify('x'.repeat(1_048_576))

  const cases: { what: string; text: string; isRefused: boolean }[] = [
    { what: 'large ordinary events', text: ordinary, isRefused: false },
    { what: 'punctuation in a string', text: JSON.stringify('[{,"\\'.repeat(1_000_000)), isRefused: false },
    { what: 'nesting in a small batch', text: '['.repeat(1_000), isRefused: false },
    { what: 'brackets', text: '['.repeat(2_000_000), isRefused: true },
    { what: 'nesting behind something long', text: `${padding},${'[0,'.repeat(70)}`, isRefused: true },
    { what: 'as deep as is allowed', text: `${padding},${'['.repeat(62)}${']'.repeat(62)}`, isRefused: false },
    { what: 'empty objects', text: many('{}', 400_000), isRefused: true },
    { what: 'numbers', text: many('0', 600_000), isRefused: true },
    { what: 'names', text: `{${many('"k":0', 300_000)}}`, isRefused: true },
  ]
  for (const { what, text, isRefused } of cases)
    it(`${isRefused ? 'refuses' : 'takes'} ${what}`, () => {
      const guard = () => guardParsing(large(text))
      if (isRefused) assert.throws(guard, { code: 'batch.malformed' })
      else assert.doesNotThrow(guard)
    })
})

describe('validating events', () => {
  const all = samples()

  it('accepts what laptops send, as the schema does', () => {
    assert.ok(new Set(all.map((it) => it.category)).size >= 15)
    let accepted = 0
    for (const value of all) {
      const verdict = validated(value)
      assert.deepEqual(verdict, bySchema(value))
      if ('event' in verdict) accepted++
    }
    assert.ok(accepted > 50, String(accepted))
  })

  it('agrees with the schema about any changed event', () => {
    const anything = fc.oneof(
      fc.constantFrom(undefined, null, true, '', 'x'.repeat(5_000), '203.0.113.9', 'fe80::1', '::ffff:192.0.2.1'),
      fc.constantFrom(0, -0, -1, 1.5, 2 ** 53, 1e300, 'tellwire', 'idp_login', 'logon', 'presence', '\ud800'),
      fc.anything({ values: [fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null)], maxDepth: 2 }),
    )
    const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'seq', 'category'))
    const places = all.map((it) => placesIn(it))
    const verdicts = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.option(name, { nil: null }), anything, (which, where, other, to) => {
        const of = places[which % all.length]!
        const place = of[where % of.length]!
        const mutant = changed(all[which % all.length], other === null ? place : [...place.slice(0, -1), other], to)
        const value: unknown = JSON.parse(JSON.stringify(mutant) ?? 'null')
        const expected = bySchema(value)
        verdicts['event' in expected ? 'accepted' : 'refused']++
        assert.deepEqual(validated(value), expected)
      }),
      { numRuns: 5_000 },
    )
    assert.ok(verdicts.accepted > 200 && verdicts.refused > 1_000, JSON.stringify(verdicts))
  })

  it('ignores the order of fields', () => {
    for (const value of all) {
      const turned = Object.fromEntries(Object.entries(value).reverse())
      assert.deepEqual(validated(turned), bySchema(value))
    }
  })

  it('keeps a refused event as evidence, but not one that is nested deeply', () => {
    const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`)
    const { refused } = validateEvents(
      [
        { seq: 1, x: nested(20) },
        { seq: 2, x: nested(100_000) },
      ],
      POLICY,
    )
    assert.deepEqual(
      refused.map((it) => it.raw.length),
      [JSON.stringify({ seq: 1, x: nested(20) }).length, 0],
    )
  })

  it('requires ascending numbers over the whole batch, and returns the highest', () => {
    const { accepted, refused, highest } = validateEvents([event(3), event(2), event(9), { seq: 12 }], POLICY)
    assert.deepEqual(
      accepted.map((it) => it.seq),
      [3, 9],
    )
    assert.deepEqual(
      refused.map(({ seq, code, where }) => [seq, code, where]),
      [
        [2, 'batch.order', 'events[1].seq'],
        [12, 'event.malformed', 'events[3].category'],
      ],
    )
    assert.equal(highest, 12)
  })
})
