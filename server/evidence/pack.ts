/**
 * The form of an evidence pack: one text file with everything that a verdict about one worker followed from.
 *
 * Shape   UTF-8, one JSON object a line, in this order: `pack` (who, when, by what version), `rules` (the rule files as
 *         they were, filters included), `contract` (each that held at an event or at the verdict, with what was approved by
 *         then), `event` (those that the findings name, from the earliest), `finding`, `context`, `assessment`, `verdict` (each, newest first), `seal`. `contract` in an event is
 *         the number of the one that held then. `matches` of an event: the rules of the pack that match it.
 *         `again` of a finding: the same finding, byte for byte, follows from the events of the pack. One that counts
 *         more events than it keeps does not; its events are then only known to match.
 *         The seal has a `Digest` of each line before it, in order, and the server's signature over them.
 * Errors  `parsePack` names the line that has another form.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { Contract } from '../../wire/contract.ts'
import { Event } from '../../wire/event.ts'
import { RecordedRarity } from '../../wire/recording.ts'
import { Band, Explained } from '../model/assessment.ts'
import { Verdict } from '../model/case.ts'
import type { Finding } from '../model/finding.ts'

export const PACK_VERSION = 1

const text = z.string().max(4_096)
const id = z.string().max(256)
const time = z.int()

export const Head = z.strictObject({
  kind: z.literal('pack'),
  version: z.literal(PACK_VERSION),
  worker: id,
  /** The hour that the verdict is for follows from it: epoch ms of the log's clock. */
  at: time,
  madeAt: time,
  by: id,
  /** Of the program that made it. */
  tellwire: id,
  engine: z.int(),
  /** The log, and how far it had been judged. */
  log: z.strictObject({ stream: id, position: z.int(), digest: z.string().max(128).nullable() }),
  /** By rule, what its matches depend on: its text, filters, placeholders and the engine. */
  rules: z.record(id, id),
  placeholders: z.record(id, z.array(text)),
})
export type Head = z.infer<typeof Head>

const PackedFinding = z.strictObject({
  id,
  rule: id,
  ruleVersion: id,
  title: text,
  level: id.nullable(),
  family: id,
  sensors: z.array(id),
  strength: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  rate: z.number().nullable(),
  what: text,
  decibans: z.number().nullable(),
  fact: id.nullable(),
  halfLifeDays: z.number().nullable(),
  pattern: z.enum(['high', 'critical']).nullable(),
  ordinaryFor: z.array(id),
  worker: id.nullable(),
  device: id.nullable(),
  group: text,
  time,
  lastTime: time,
  count: z.int(),
  says: text,
  /** Ids of event lines. */
  events: z.array(id),
})
export type PackedFinding = z.infer<typeof PackedFinding>

export const EventLine = z.strictObject({
  kind: z.literal('event'),
  event: Event,
  device: id.nullable(),
  worker: id.nullable(),
  contract: z.int().nullable(),
  matches: z.array(id),
})
export type EventLine = z.infer<typeof EventLine>

const Context = z.strictObject({
  contract: z.int().nullable(),
  referrer: z.strictObject({ worker: id, band: Band }).nullable(),
  /** Only of the kinds of evidence that the findings are. */
  rarity: RecordedRarity.nullable(),
  decidedAt: time.nullable(),
})
export type Context = z.infer<typeof Context>

/** Of one line without its end: bytes, SHA-256, and two sums that tell where a single byte was changed. */
const Digest = z.tuple([z.int(), z.string().regex(/^[0-9a-f]{64}$/), z.int(), z.int()])
export type Digest = z.infer<typeof Digest>

export const Seal = z.strictObject({
  kind: z.literal('seal'),
  digests: z.array(Digest),
  /** Ed25519, raw, base64url. */
  key: z.string().max(64),
  signature: z.string().max(128),
})
export type Seal = z.infer<typeof Seal>

const Line = z.discriminatedUnion('kind', [
  Head,
  z.strictObject({ kind: z.literal('rules'), path: text, text: z.string() }),
  z.strictObject({ kind: z.literal('contract'), contract: Contract }),
  EventLine,
  z.strictObject({ kind: z.literal('finding'), again: z.boolean(), finding: PackedFinding }),
  z.strictObject({ kind: z.literal('context'), context: Context }),
  z.strictObject({ kind: z.literal('assessment'), assessment: Explained }),
  z.strictObject({ kind: z.literal('verdict'), verdict: Verdict }),
])
export type Line = z.infer<typeof Line>
export type LineOf<K extends Line['kind']> = Extract<Line, { kind: K }>

/** A line with its place in the file. */
export interface Placed {
  line: Line
  text: string
  /** Of its first byte. */
  at: number
}

/** A line that has another form than it must. `at`: of its first byte; `number` counts from 1. */
export interface Malformed {
  number: number
  at: number
  why: string
}

/** `lines` without their ends. */
export function parsePack(lines: readonly string[], offsets: readonly number[]): Placed[] | Malformed {
  const placed: Placed[] = []
  for (const [index, text] of lines.entries()) {
    const at = offsets[index]!
    const line = jsonIn(text)
    const parsed = Line.safeParse(line)
    if (!parsed.success) return { number: index + 1, at, why: whyNot(parsed.error) }
    // As it was written: the schema would put its keys into another order.
    placed.push({ line: line as Line, text, at })
  }
  return placed
}

export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function whyNot({ issues }: z.ZodError): string {
  const [{ path, message }] = issues as [z.core.$ZodIssue]
  return path.length === 0 ? message : `${path.join('.')}: ${message}`
}

/** A prime, so that the place of a changed byte follows from the two sums. Products stay below 2^53. */
export const DIGEST_MODULUS = 65_521

export function digestOf(line: Buffer): Digest {
  let [sum, weighted] = [0, 0]
  for (let at = 0; at < line.length; at++) {
    sum = (sum + line[at]!) % DIGEST_MODULUS
    weighted = (weighted + ((at + 1) % DIGEST_MODULUS) * line[at]!) % DIGEST_MODULUS
  }
  return [line.length, createHash('sha256').update(line).digest('hex'), sum, weighted]
}

/** What the server signs. */
export function sealed(digests: readonly Digest[]): string {
  return `tellwire evidence pack ${PACK_VERSION}\n${digests.map((it) => it.join(' ')).join('\n')}`
}

/** As in the pack, and as it is compared: events by their ids. */
export function packed({ events, ...finding }: Finding): PackedFinding {
  return {
    ...finding,
    sensors: [...finding.sensors],
    ordinaryFor: [...finding.ordinaryFor],
    events: events.map(({ id }) => id),
  }
}
