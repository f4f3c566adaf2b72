/**
 * A range list as it is stored: its facts, and the ranges sorted, joined and packed.
 *
 * Shape   JSON; the ranges are `RangeTable`'s words in base64. `entries` counts lines before joining; `source` is the
 *         name of the imported file.
 * Errors  `parseStoredList` throws the reason why the text cannot be used.
 */
import * as z from 'zod'
import { isSound } from './table.ts'

/**
 * In order of precedence. A security service and Private Relay come before VPN because public VPN lists contain them, and
 * they are none.
 */
export const RANGE_CLASSES = ['corporate', 'sase', 'private_relay', 'tor', 'vpn', 'satellite', 'hosting'] as const
export type RangeClass = (typeof RANGE_CLASSES)[number]

export const ListName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
const Facts = z.strictObject({
  name: ListName,
  class: z.enum(RANGE_CLASSES),
  date: z.iso.date(),
  importedAt: z.int(),
  source: z.string().max(4_096),
  entries: z.int().min(1),
})
export type RangeListFacts = z.infer<typeof Facts>
const StoredList = Facts.extend({ v4: z.base64(), v6: z.base64() })

/** Arrays with buffers of their own, so that they can be transferred to another thread. */
export interface LoadedList {
  facts: RangeListFacts
  table: { v4: Uint32Array<ArrayBuffer>; v6: Uint32Array<ArrayBuffer> }
}

export function storedListText(list: { facts: RangeListFacts; table: { v4: Uint32Array; v6: Uint32Array } }): string {
  const { v4, v6 } = list.table
  return JSON.stringify({ ...Facts.parse(list.facts), v4: packed(v4), v6: packed(v6) })
}

export function parseStoredList(text: string): LoadedList {
  const { v4, v6, ...facts } = StoredList.parse(JSON.parse(text))
  const table = { v4: unpacked(v4), v6: unpacked(v6) }
  if (!isSound(table.v4, 1) || !isSound(table.v6, 4)) throw new Error('the ranges are damaged')
  return { facts, table }
}

function packed(words: Uint32Array): string {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString('base64')
}

function unpacked(text: string): Uint32Array<ArrayBuffer> {
  const bytes = Buffer.from(text, 'base64')
  const words = new Uint32Array(Math.floor(bytes.length / 4))
  // A copy, because a pooled buffer need not start on a word.
  new Uint8Array(words.buffer).set(bytes.subarray(0, words.byteLength))
  return words
}
