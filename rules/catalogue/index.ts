/**
 * Known tools, hardware and networks, from public facts (see NOTICE), and their recognition in events.
 *
 * Pure: the files are imported as modules. `recognise` is called for every incoming event, so events that match nothing
 * must be very cheap.
 */
import { createHash } from 'node:crypto'
import type { Event, EventOf } from '../../wire/event.ts'
import type { NetworkClass } from '../../wire/events/derived.ts'
import type { CatalogueFacts } from '../../wire/recording.ts'
import asnFile from './asns.json' with { type: 'json' }
import type { AsnFile, HardwareEntry, HardwareFile, Release, ToolEntry, ToolFile } from './entry.ts'
import hardwareFile from './hardware.json' with { type: 'json' }
import { type HardwareIndex, indexHardware, recogniseDisplay, recogniseUsb } from './hardware.ts'
import { indexTools } from './index-tools.ts'
import { interfaceTool as toolOfInterface } from './network.ts'
import type { ToolIndex } from './tool-index.ts'
import toolFile from './tools.json' with { type: 'json' }
import { recogniseTools } from './tools.ts'
import { mayBePartOfKvm } from './usb-shape.ts'

export type { HardwareEntry, Release, ToolEntry } from './entry.ts'

export interface Catalogue {
  /** The day of its newest file. */
  version: string
  /** A hash of its contents, without the dates of the files. */
  contentHash: string
  tools: readonly ToolEntry[]
  hardware: readonly HardwareEntry[]
  /** By maker of hardware, the newest release that we know of. */
  releases: Readonly<Record<string, Release>>
  /** The sources that entries refer to. */
  sources: Readonly<Record<string, { title: string; date: string; licence: string }>>
  /** Networks on sanctions lists, as CIDR. */
  sanctionedNetworks: readonly string[]
  readonly toolIndex: ToolIndex
  readonly hardwareIndex: HardwareIndex
  readonly asns: ReadonlyMap<number, { class: NetworkClass; by: string }>
}

export const catalogueVersion: string =
  [toolFile, hardwareFile, asnFile]
    .map((it) => it.version)
    .sort()
    .at(-1) ?? ''

export const catalogueHash: string = createHash('sha256')
  .update(JSON.stringify([toolFile, hardwareFile, asnFile]))
  .digest('hex')

/** A few milliseconds: call it once. */
export function loadCatalogue(): Catalogue {
  // The inferred types of the files are unions of all literal shapes; a test checks them against these types.
  const { tools, sources } = toolFile as unknown as ToolFile
  const hardware = hardwareFile as unknown as HardwareFile
  const { asns, sanctionedNetworks } = asnFile as unknown as AsnFile
  return {
    version: catalogueVersion,
    contentHash: catalogueHash,
    tools,
    hardware: hardware.devices,
    releases: hardware.releases,
    sources: { ...hardware.sources, ...sources },
    sanctionedNetworks,
    toolIndex: indexTools(tools),
    hardwareIndex,
    asns: new Map(asns.map(([asn, name, networkClass]) => [asn, { class: networkClass, by: `asn: ${name}` }])),
  }
}

/** What the catalogue recognises in an event, or undefined. Never throws on events that are valid by `wire/`. */
export function recognise(catalogue: Catalogue, event: Event): CatalogueFacts | undefined {
  if (event.category === 'usb_device' || event.category === 'display') {
    const { hardwareIndex } = catalogue
    const hardware =
      event.category === 'display' ? recogniseDisplay(hardwareIndex, event) : recogniseUsb(hardwareIndex, event)
    return hardware && { hardware }
  }
  const tools = recogniseTools(catalogue.toolIndex, event)
  return tools && { tools }
}

/** The maker's newest release that we know of, when it is newer than what the entry was read from. */
export function newerRelease(catalogue: Catalogue, { maker, date }: HardwareEntry): Release | null {
  const release = maker === undefined ? undefined : catalogue.releases[maker]
  return release && release.date > date ? release : null
}

const hardwareDevices = (hardwareFile as unknown as HardwareFile).devices
const hardwareIndex = indexHardware(hardwareFile as unknown as HardwareFile)

/** Whether a USB device is recognised, or may be one end of a KVM, were it connected. */
export function isNotable(event: EventOf<'usb_device'>): boolean {
  return mayBePartOfKvm(event) || recogniseUsb(hardwareIndex, { ...event, Action: 'attached' }) !== undefined
}

/**
 * Whether a box that was recognised by its display may have these USB ids: those of any entry of its maker. True for
 * what is not in the catalogue, so that its kind decides.
 */
export function mayHaveUsbIds(id: string, vendorId: string, productId: string): boolean {
  const entry = hardwareDevices.find((it) => it.id === id)
  if (!entry) return true
  const family = hardwareDevices.filter((it) => it === entry || (it.maker !== undefined && it.maker === entry.maker))
  const same = (mark: string, given: string) => mark === given.toLowerCase()
  return family.some((it) =>
    it.usb?.some(
      (mark) =>
        same(mark.vendorId, vendorId) && (same(mark.productId, productId) || (mark.productId === '*' && !mark.strings)),
    ),
  )
}

/** What kind of network an autonomous system is; null where it is not known, which is most of them. */
export function asnClass(catalogue: Catalogue, asn: number): { class: NetworkClass; by: string } | null {
  return catalogue.asns.get(asn) ?? null
}

const NO_PLACE: ReadonlyMap<number, NetworkClass> = new Map(
  (asnFile as unknown as AsnFile).asns.flatMap(([asn, , kind]): [number, NetworkClass][] =>
    kind === 'sase' || kind === 'satellite' ? [[asn, kind]] : [],
  ),
)

/** The class of a security service's or satellite provider's own network; null for every other network. */
export function noPlaceClass(asn: number): NetworkClass | null {
  return NO_PLACE.get(asn) ?? null
}

/** The VPN client or mesh that a tunnel's name, MTU or resolver identifies, or null. */
export function interfaceTool(catalogue: Catalogue, event: EventOf<'network_place'>): ToolEntry | null {
  return toolOfInterface(catalogue.toolIndex, event)
}
