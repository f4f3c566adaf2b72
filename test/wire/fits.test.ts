import assert from 'node:assert/strict'
import fc from 'fast-check'
import * as z from 'zod'
import { simulate } from '../../server/simulate/simulate.ts'
import { fits } from '../../wire/fits.ts'
import { Recorded, RecordedComplete } from '../../wire/recording.ts'

/** A few of every kind of line that a simulated fleet writes. */
function samples(): unknown[] {
  const found = new Map<string, unknown[]>()
  for (const line of simulate({ scenarios: [], seed: 1, workers: 12, days: 3, start: Date.UTC(2026, 8, 14) })) {
    const record = JSON.parse(line)
    const kind = `${record.type} ${record.event?.category}`
    const alike = found.get(kind) ?? []
    if (alike.length < 5) found.set(kind, [...alike, record])
  }
  return [...found.values()].flat()
}

/** Every place in a record: what stands there can be put in place of something else, or taken out. */
function placesIn(value: unknown, above: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [above]
  return [above, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...above, key]))]
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to
  const copy = structuredClone(value) as Record<string, unknown>
  const inner = changed(copy[key], rest, to)
  if (inner === undefined) delete copy[key]
  else copy[key] = inner
  return copy
}

const isRecorded = fits(RecordedComplete)

describe('wire/fits', () => {
  it('is told of events, sessions and feeds as servers write them', () => {
    const records = samples().filter((it) => ['event', 'connection', 'feed'].includes(Recorded.parse(it).type))
    assert.ok(records.length > 30)
    for (const it of records) assert.ok(isRecorded(it), JSON.stringify(it))
  })

  it('is what the schema lets through unchanged, whatever is changed in a record', () => {
    const all = samples()
    const places = all.map((it) => placesIn(it))
    const anything = fc.oneof(
      fc.constantFrom(undefined, null, true, '', 'x'.repeat(300), '203.0.113.9', 'fe80::1', 0, -1, 1.5, 2 ** 60),
      fc.anything({ values: [fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null)], maxDepth: 2 }),
    )
    // An array throws when its length is set to anything but a number.
    const key = fc.string().filter((it) => it !== 'length')
    let fitted = 0
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.option(key, { nil: null }), anything, (which, where, more, to) => {
        const of = places[which % all.length]!
        const place = of[where % of.length]!
        const other = changed(all[which % all.length], more === null ? place : [...place.slice(0, -1), more], to)
        const value: unknown = JSON.parse(JSON.stringify(other) ?? 'null')
        if (!isRecorded(value)) return
        fitted++
        assert.deepEqual(Recorded.parse(value), value)
      }),
      { numRuns: 3_000 },
    )
    assert.ok(fitted > 100)
  })

  const cases: { name: string; schema: z.ZodType; value: unknown; fits: boolean }[] = [
    { name: 'a default is filled in', schema: z.object({ a: z.number().default(1) }), value: { a: 2 }, fits: false },
    { name: 'a key that would be left out', schema: z.object({ a: z.number() }), value: { a: 1, b: 2 }, fits: false },
    { name: 'a key that may be absent', schema: z.object({ a: z.number().optional() }), value: {}, fits: true },
    { name: 'a text that is trimmed', schema: z.string().trim(), value: 'a', fits: false },
    { name: 'a number read from text', schema: z.coerce.number(), value: 1, fits: false },
    { name: 'an address by more than a pattern', schema: z.ipv6(), value: '::1', fits: false },
    { name: 'a list too long', schema: z.array(z.int()).max(1), value: [1, 2], fits: false },
    {
      name: 'a union whose first option takes away',
      value: { a: 1, b: 2 },
      fits: false,
      schema: z.union([z.object({ a: z.int() }), z.object({ a: z.int(), b: z.int() })]),
    },
    { name: 'a refinement that fails', schema: z.int().refine((it) => it > 3), value: 2, fits: false },
    { name: 'a refinement that holds', schema: z.int().refine((it) => it > 3), value: 4, fits: true },
    { name: 'a number too large to be one', schema: z.number(), value: JSON.parse('1e999'), fits: false },
    { name: 'a key called __proto__', schema: z.object({}), value: JSON.parse('{"__proto__": 1}'), fits: false },
  ]
  for (const { name, schema, value, fits: expected } of cases)
    it(name, () => assert.equal(fits(schema)(value), expected))
})
