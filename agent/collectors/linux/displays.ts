/**
 * Displays, by their EDID.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. `Internal` by the connector: eDP, LVDS
 *         and DSI are built in. For a connected display without an EDID, all other fields are null.
 * Units   polled every 5 s.
 * Errors  what does not begin as an EDID gives a gap 'unparsed' and no display. A wrong checksum is reported with
 *         the display: somebody may have edited it.
 * Source  VESA E-EDID 1.4, base block; Linux /sys/class/drm/<card>-<connector>/{status,edid}. The kernel caches both,
 *         so reading does not wake the display. Strings come from the display and are untrusted.
 */
import { createHash } from 'node:crypto'
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'

const NAME = 'displays'
const ROOT = '/sys/class/drm'
const EVERY_MS = 5_000
const MAX_CONNECTORS = 64

type Described = Omit<ObservationOf<'display'>, 'category' | 'time' | 'collector' | 'Action'>
export type Edid = Omit<Described, 'Internal' | 'Port'>

export const displays: Collector<'display'> = {
  name: NAME,
  categories: ['display'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const known = new Map<string, { key: string; display: Described }>()
  let first = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const all = (await host.list(ROOT)).filter((it) => /^card\d+-/.test(it))
      const connectors = all.slice(0, MAX_CONNECTORS)
      if (all.length > MAX_CONNECTORS) yield gap(stamp, ROOT, 'overflow', 'connectors', all.length - MAX_CONNECTORS)
      for (const [connector, { display }] of known)
        if (!connectors.includes(connector)) {
          known.delete(connector)
          yield { category: 'display' as const, ...stamp, Action: 'removed' as const, ...display }
        }
      for (const connector of connectors) {
        const before = known.get(connector)
        const block = await readEdid(host, connector).catch((cause: unknown) =>
          gap(stamp, connector, gapReason(cause), cause),
        )
        if (block !== null && 'category' in block) {
          yield block
          continue
        }
        const key = block === null ? null : block.toString('base64')
        if (before?.key === (key ?? undefined)) continue
        if (before) {
          known.delete(connector)
          yield { category: 'display' as const, ...stamp, Action: 'removed' as const, ...before.display }
        }
        if (block === null || key === null) continue
        const edid = block.length === 0 ? NO_EDID : parseEdid(block)
        if (edid === null) {
          yield gap(stamp, `edid of ${connector}`, 'unparsed', `${block.length} bytes, wrong header`)
          continue
        }
        const display = {
          ...edid,
          Internal: /^card\d+-(eDP|LVDS|DSI)/.test(connector),
          Port: bounded(connector, 256),
        }
        known.set(connector, { key, display })
        const Action = first ? ('present' as const) : ('attached' as const)
        yield { category: 'display' as const, ...stamp, Action, ...display }
      }
      first = false
    } catch (cause) {
      yield gap(stamp, ROOT, gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

const NO_EDID: Edid = {
  MakerId: null,
  ProductCode: null,
  MonitorName: null,
  SerialText: null,
  WidthMm: null,
  HeightMm: null,
  EdidHash: null,
  ChecksumValid: null,
}

/** Null: nothing is connected. */
async function readEdid(host: Host, connector: string): Promise<Buffer | null> {
  const status = await host.readText(`${ROOT}/${connector}/status`, 64)
  if (status.trim() !== 'connected') return null
  return host.readBytes(`${ROOT}/${connector}/edid`, 128)
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
