/**
 * Displays, by their EDID, or by what macOS says of them.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. Macs with Intel processors have the EDID of
 *         every display. Those with Apple's have that of one on a port since macOS 14, and of the others, as the built-in
 *         one, what macOS has read in it: then EdidHash and ChecksumValid are null.
 * Units   polled every 5 s.
 * Errors  what does not begin as an EDID gives a gap 'unparsed' and no display. A wrong checksum is reported with the
 *         display: somebody may have edited it.
 * Source  the I/O registry: IODisplay's IODisplayEDID, IOPortTransportStateDisplayPort's EDID, IOMobileFramebuffer's
 *         DisplayAttributes; `edid.ts`. 'EDID UUID' begins with maker and product as in an EDID, and has the size in
 *         centimetres at its bytes 15 and 16, as programs that set a display's brightness read it. Written from
 *         documentation and from such programs; it has never run on a Mac.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Mac, RegistryEntry } from '../../host/macos/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { NO_EDID, parseEdid } from '../shared/edid.ts'
import { record, text, whole } from '../shared/plist.ts'

const NAME = 'displays'
const EVERY_MS = 5_000
const MAX_DISPLAYS = 64

type Display = Omit<ObservationOf<'display'>, 'category' | 'time' | 'collector' | 'Action'>
type Found = { id: string; display: Display } | { id: string; unparsed: number }

export const displays = (mac: Mac): Collector<'display'> => ({
  name: NAME,
  categories: ['display'],
  run: (host, _policy, signal) => run(host, mac, signal),
})

async function* run(host: Host, mac: Mac, signal: AbortSignal) {
  const known = new Map<string, { key: string; display: Display }>()
  let isFirst = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const all = findDisplays(mac)
      if (all.length > MAX_DISPLAYS) yield gap(stamp, 'displays', 'overflow', null, all.length - MAX_DISPLAYS)
      const now = new Map<string, { key: string; display: Display }>()
      for (const it of all.slice(0, MAX_DISPLAYS))
        if ('display' in it) now.set(it.id, { key: JSON.stringify(it.display), display: it.display })
        else yield gap(stamp, `edid of ${it.id}`, 'unparsed', `${it.unparsed} bytes, wrong header`)
      for (const [id, before] of known) {
        if (now.get(id)?.key === before.key) continue
        known.delete(id)
        yield { category: 'display' as const, ...stamp, Action: 'removed' as const, ...before.display }
      }
      for (const [id, it] of now) {
        if (known.has(id)) continue
        known.set(id, it)
        const Action = isFirst ? ('present' as const) : ('attached' as const)
        yield { category: 'display' as const, ...stamp, Action, ...it.display }
      }
      isFirst = false
    } catch (cause) {
      yield gap(stamp, 'displays', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function findDisplays(mac: Mac): Found[] {
  const builtIn = new Set(mac.registry('AppleBacklightDisplay', []).map((it) => it.id))
  const intel = mac.registry('IODisplay', ['IODisplayEDID']).map(({ id, properties }) => {
    const port = `display ${id}`
    return fromEdid(port, properties.IODisplayEDID, builtIn.has(id), port)
  })
  const ports = mac
    .registry('IOPortTransportStateDisplayPort', ['EDID', 'Active', 'TransportDescription'])
    .filter(({ properties }) => properties.Active === true && Buffer.isBuffer(properties.EDID))
    .map(({ id, properties }) => {
      const port = `${text(properties.TransportDescription) ?? 'DisplayPort'} ${id}`
      return fromEdid(port, properties.EDID, false, port)
    })
  const seen = new Set([...intel, ...ports].map(productOf))
  const others = mac
    .registry('IOMobileFramebuffer', ['DisplayAttributes', 'EDID UUID', 'external'])
    .flatMap(fromAttributes)
    .filter((it) => !seen.has(productOf(it)))
  return [...intel, ...ports, ...others]
}

/** What tells the framebuffer of a display whose EDID is known. */
function productOf(it: Found): string {
  return 'display' in it ? `${it.display.MakerId} ${it.display.ProductCode}` : it.id
}

function fromEdid(id: string, bytes: unknown, Internal: boolean, port: string): Found {
  if (!Buffer.isBuffer(bytes)) return { id, display: { ...NO_EDID, Internal, Port: bounded(port, 256) } }
  const edid = parseEdid(bytes)
  if (edid === null) return { id, unparsed: bytes.length }
  return { id, display: { ...edid, Internal, Port: bounded(port, 256) } }
}

/** None: nothing is connected to this framebuffer. */
function fromAttributes({ id, properties }: RegistryEntry): Found[] {
  const product = record(record(properties.DisplayAttributes)?.ProductAttributes)
  const code = whole(product?.ProductID)
  if (product === null || code === null) return []
  const maker = text(product.ManufacturerID)
  const port = `framebuffer ${id}`
  const display: Display = {
    MakerId: maker !== null && /^[A-Z]{3}$/.test(maker) ? maker : null,
    ProductCode: `0x${(code & 0xffff).toString(16).padStart(4, '0')}`,
    MonitorName: textOf(product.ProductName),
    SerialText: textOf(product.AlphanumericSerialNumber),
    ...sizeIn(text(properties['EDID UUID']) ?? ''),
    Internal: properties.external !== true,
    EdidHash: null,
    Port: bounded(port, 256),
    ChecksumValid: null,
  }
  return [{ id: port, display }]
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? bounded(value, 256) : null
}

/** '10ACA1A1-0000-0000-1A1E-0104B53C2278': 60 by 34 cm. */
export function sizeIn(uuid: string): Pick<Display, 'WidthMm' | 'HeightMm'> {
  const digits = uuid.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/i.test(digits)) return { WidthMm: null, HeightMm: null }
  const [width, height] = [26, 28].map((at) => Number.parseInt(digits.slice(at, at + 2), 16) * 10)
  return { WidthMm: width!, HeightMm: height! }
}
