import assert from 'node:assert/strict'
import fc from 'fast-check'
import * as z from 'zod'
import { simulate } from '../../server/simulate/simulate.ts'
import { fits } from '../../wire/fits.ts'
import { Recorded, RecordedComplete } from '../../wire/recording.ts'

/** A few lines of every kind from a simulated fleet. */
function samples(): unknown[] {
  const found = new Map<string, unknown[]>()
  for (const line of simulate({ scenarios: [], seed: 1, workers: 12, days: 3, start: Date.UTC(2026, 8, 14) })) {
    const sent = JSON.parse(line)
    // A server writes our words; the simulator those of the sender.
    const record = sent.type === 'feed' ? JSON.parse(JSON.stringify(Recorded.parse(sent))) : sent
    const kind = `${record.type} ${record.event?.category}`
    const alike = found.get(kind) ?? []
    if (alike.length < 5) found.set(kind, [...alike, record])
  }
  return [...found.values()].flat()
}

/** The paths of all values in a record, which a test can replace or remove. */
function pathsIn(value: unknown, above: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [above]
  return [above, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...above, key]))]
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
  it('accepts events, sessions and feed lines as servers write them', () => {
    const records = samples().filter((it) => ['event', 'connection', 'feed'].includes(Recorded.parse(it).type))
    assert.ok(records.length > 30)
    // In our words: a simulated provider has its own, which are mapped before a server writes the line.
    const written = records.map((it) => JSON.parse(JSON.stringify(Recorded.parse(it))) as unknown)
    for (const it of written) assert.ok(isRecorded(it), JSON.stringify(it))
  })

  it('accepts a modified record only if the schema leaves it unchanged', () => {
    const all = samples()
    const paths = all.map((it) => pathsIn(it))
    const anything = fc.oneof(
      fc.constantFrom(undefined, null, true, '', 'x'.repeat(300), '203.0.113.9', 'fe80::1', 0, -1, 1.5, 2 ** 60),
      fc.anything({ values: [fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null)], maxDepth: 2 }),
    )
    // An array throws when its length is set to anything but a number.
    const key = fc.string().filter((it) => it !== 'length')
    let fitted = 0
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.option(key, { nil: null }), anything, (which, where, more, to) => {
        const ofRecord = paths[which % all.length]!
        const path = ofRecord[where % ofRecord.length]!
        const other = changed(all[which % all.length], more === null ? path : [...path.slice(0, -1), more], to)
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
    { name: 'a key that would be removed', schema: z.object({ a: z.number() }), value: { a: 1, b: 2 }, fits: false },
    { name: 'a key that may be absent', schema: z.object({ a: z.number().optional() }), value: {}, fits: true },
    { name: 'a text that would be trimmed', schema: z.string().trim(), value: ' a', fits: false },
    { name: 'a text without blanks to trim', schema: z.string().trim(), value: 'a', fits: true },
    { name: 'a name in capitals', schema: z.string().toLowerCase(), value: 'A', fits: false },
    { name: 'a number read from text', schema: z.coerce.number(), value: 1, fits: false },
    { name: 'an address that needs more than a pattern', schema: z.ipv6(), value: '::1', fits: false },
    { name: 'a list too long', schema: z.array(z.int()).max(1), value: [1, 2], fits: false },
    {
      name: 'a union whose first option removes a key',
      value: { a: 1, b: 2 },
      fits: false,
      schema: z.union([z.object({ a: z.int() }), z.object({ a: z.int(), b: z.int() })]),
    },
    { name: 'a refinement that fails', schema: z.int().refine((it) => it > 3), value: 2, fits: false },
    { name: 'a refinement that holds', schema: z.int().refine((it) => it > 3), value: 4, fits: true },
    { name: 'a number that is infinite', schema: z.number(), value: JSON.parse('1e999'), fits: false },
    { name: 'a key called __proto__', schema: z.object({}), value: JSON.parse('{"__proto__": 1}'), fits: false },
  ]
  for (const { name, schema, value, fits: expected } of cases)
    it(name, () => assert.equal(fits(schema)(value), expected))
})
