/**
 * Counts the keys of contracts and laptops that nothing reads. Further keys are allowed there, but a misspelt `tenant`
 * approves every tenant, and a misspelt `to` never ends.
 *
 * Shape   by key, with the lists and objects around it ('contract.approvedTools.tennant'), in how many records; the
 *         most frequent first. `near`: the key that was probably meant, which comes first among equals. At most
 *         `MAX_KEYS` different ones; further ones are counted together, as '…'.
 */
import * as z from 'zod'
import { Contract, Device } from '../../wire/contract.ts'
import { nearest } from '../../wire/nearest.ts'
import type { Recorded } from '../../wire/recording.ts'

/** A hostile file has as many keys as bytes. */
const MAX_KEYS = 1_000
const MAX_SHOWN = 64

export interface UnknownKey {
  key: string
  near: string | null
  records: number
}

type Shape = Readonly<Record<string, unknown>>

/** Of the record around it. */
const ENVELOPE = { type: null, receivedAt: null }
const SHAPES: Readonly<Record<'contract' | 'device', Shape>> = {
  contract: { ...Contract.shape, ...ENVELOPE },
  device: { ...Device.shape, ...ENVELOPE },
}

export class UnknownKeys {
  readonly #found = new Map<string, UnknownKey>()

  add(record: Pick<Recorded, 'type'>): void {
    if (record.type !== 'contract' && record.type !== 'device') return
    const found = new Map<string, string | null>()
    look(record as Shape, SHAPES[record.type], record.type, found)
    for (const [key, near] of found) {
      const name = this.#found.has(key) || this.#found.size < MAX_KEYS ? key : '…'
      const known = this.#found.get(name) ?? { key: name, near: name === key ? near : null, records: 0 }
      known.records++
      this.#found.set(name, known)
    }
  }

  list(): UnknownKey[] {
    return [...this.#found.values()].sort(
      (a, b) => b.records - a.records || Number(a.near === null) - Number(b.near === null) || (a.key < b.key ? -1 : 1),
    )
  }
}

function look(value: Shape, shape: Shape, path: string, found: Map<string, string | null>): void {
  for (const [key, inner] of Object.entries(value)) {
    if (!Object.hasOwn(shape, key)) {
      const absent = Object.keys(shape).filter((it) => !Object.hasOwn(value, it))
      found.set(`${path}.${key.slice(0, MAX_SHOWN)}`, nearest(key, absent))
      continue
    }
    const entry = shapeOf(shape[key])
    if (!entry) continue
    for (const it of Array.isArray(inner) ? inner : [inner])
      if (typeof it === 'object' && it !== null) look(it as Shape, entry, `${path}.${key}`, found)
  }
}

/** The keys of an object, of each entry of a list, or of the alternative that is an object; null: it has none. */
function shapeOf(schema: unknown): Shape | null {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return shapeOf(schema.unwrap())
  if (schema instanceof z.ZodArray) return shapeOf(schema.element)
  if (schema instanceof z.ZodUnion) return schema.options.map(shapeOf).find((it) => it !== null) ?? null
  return schema instanceof z.ZodObject ? schema.shape : null
}
