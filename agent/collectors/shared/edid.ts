/**
 * What a display says about itself. Strings come from the display and are untrusted.
 *
 * Source  VESA E-EDID 1.4, base block.
 */
import { createHash } from 'node:crypto'
import type { ObservationOf } from '../../../wire/event.ts'
import { bounded } from './bounded.ts'

export type Edid = Omit<ObservationOf<'display'>, 'category' | 'time' | 'collector' | 'Action' | 'Internal' | 'Port'>

/** A connected display without one. */
export const NO_EDID: Edid = {
  MakerId: null,
  ProductCode: null,
  MonitorName: null,
  SerialText: null,
  WidthMm: null,
  HeightMm: null,
  EdidHash: null,
  ChecksumValid: null,
}

/** Parses the base block. Null: not an EDID. */
export function parseEdid(bytes: Uint8Array): Edid | null {
  const block = Buffer.from(bytes.subarray(0, 128))
  if (block.length < 128 || block.subarray(0, 8).toString('hex') !== '00ffffffffffff00') return null
  const [name, serial] = [0xfc, 0xff].map((tag) => descriptorText(block, tag))
  const size = sizeOf(block)
  return {
    MakerId: manufacturerOf(block.readUInt16BE(8)),
    ProductCode: `0x${block.readUInt16LE(10).toString(16).padStart(4, '0')}`,
    MonitorName: name ?? null,
    SerialText: serial ?? null,
    WidthMm: size.width,
    HeightMm: size.height,
    EdidHash: createHash('sha256').update(block).digest('hex'),
    ChecksumValid: block.reduce((sum, it) => sum + it, 0) % 256 === 0,
  }
}

/** Three letters of five bits, A is 1. */
function manufacturerOf(word: number): string | null {
  const letters = [(word >> 10) & 31, (word >> 5) & 31, word & 31]
  return letters.every((it) => it >= 1 && it <= 26) ? String.fromCharCode(...letters.map((it) => it + 64)) : null
}

/** There are four descriptors of 18 bytes; one that starts with 00 00 00 has 13 bytes of text up to a line feed. */
function descriptorText(block: Buffer, tag: number): string | null {
  for (const at of [54, 72, 90, 108]) {
    if (block[at] !== 0 || block[at + 1] !== 0 || block[at + 3] !== tag) continue
    const text = block.subarray(at + 5, at + 18).toString('latin1')
    return bounded(text.split('\n')[0]!.trimEnd(), 256)
  }
  return null
}

/** The first detailed timing has millimetres; older displays have only centimetres. */
function sizeOf(block: Buffer): { width: number; height: number } {
  const timing = block.readUInt16LE(54) !== 0
  const width = timing ? block[66]! | ((block[68]! >> 4) << 8) : 0
  const height = timing ? block[67]! | ((block[68]! & 15) << 8) : 0
  if (width > 0 && height > 0) return { width, height }
  // If one of the two is zero, they encode an aspect ratio, not a size.
  return block[21]! > 0 && block[22]! > 0
    ? { width: block[21]! * 10, height: block[22]! * 10 }
    : { width: 0, height: 0 }
}
