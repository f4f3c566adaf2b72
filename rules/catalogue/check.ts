/**
 * Shows what the catalogue recognises in a path, name or address, and by which fact: for rule authors and analysts.
 *
 * Shape   a text is tried as everything that it may be: a path or name on each system, a package, a service, a host, an
 *         address, an interface, a port (':5900'), a USB id, the name of a display, USB device or disk, a browser
 *         extension. `taken` false: the catalogue knows
 *         it, but it counts only together with what `needs` names.
 */
import type { Event, EventOf } from '../../wire/event.ts'
import type { CommandMark, HardwareEntry, Release, ToolEntry, UsbMark } from './entry.ts'
import { recogniseDisplay, recogniseUsb } from './hardware.ts'
import { type Catalogue, newerRelease, recognise } from './index.ts'
import { matches } from './names.ts'
import { programPathOf } from './programs.ts'

export interface Recognition {
  id: string
  name: string
  category: string
  taken: boolean
  by: string
  /** The catalogue's own fact: a name, a pattern, a folder. */
  fact: string | null
  /** What the text was tried as: 'a program on Linux'. */
  as: string[]
  needs: string | null
  renamed: boolean
  unattended: boolean | null
  date: string
  /** Of hardware: the day on which its sources were read. */
  seen: string | null
  /** The maker's release that is newer than the sources. */
  newer: Release | null
  confidence: string
  sources: string[]
  reports: { evidence: string; by: string[] } | null
}

/** One event that the agent could have reported. */
export interface Interpretation {
  as: string
  event: Event
}

type Process = Pick<EventOf<'process_creation'>, 'Image' | 'CommandLine' | 'CurrentDirectory' | 'product'>

const ENVELOPE = {
  id: '00000000-0000-8000-8000-000000000000',
  seq: null,
  time: 0,
  product: 'linux' as const,
  collector: 'catalogue',
}
const SYSTEMS = [
  ['linux', 'Linux'],
  ['macos', 'macOS'],
  ['windows', 'Windows'],
] as const
const USB_ID = /^([0-9a-f]{4}):([0-9a-f]{4})$/i
const HOST = /^[a-z0-9-]+(\.[a-z0-9-]+)+\.?$/i

export function check(catalogue: Catalogue, thing: string): Recognition[] {
  const usb = USB_ID.exec(thing)
  if (usb) return hardwareWith(catalogue, usb[1]!.toLowerCase(), usb[2]!.toLowerCase())
  const answers = [...recognitionsOf(catalogue, interpretationsOf(thing)), ...hardwareNamed(catalogue, thing)]
  return answers.length > 0 ? answers : weakMatches(catalogue, thing)
}

export function recognitionsOf(catalogue: Catalogue, interpretations: readonly Interpretation[]): Recognition[] {
  const answers: Recognition[] = []
  for (const { as, event } of interpretations)
    for (const found of recognise(catalogue, event)?.tools ?? []) {
      const same = answers.find((it) => it.id === found.id && it.by === found.by)
      const entry = catalogue.toolIndex.byId.get(found.id)
      if (same) same.as.push(as)
      else if (entry)
        answers.push({
          ...about(entry),
          category: entry.category,
          taken: true,
          by: found.by,
          fact: factOf(entry, found.by, event),
          as: [as],
          needs: null,
          renamed: found.renamed,
          unattended: found.unattended,
        })
    }
  return answers
}

export function processStart(as: string, seen: Process): Interpretation {
  return {
    as,
    event: {
      category: 'process_creation',
      ...ENVELOPE,
      ...{ ParentImage: null, ParentCommandLine: null, User: null, ProcessId: 0, ParentProcessId: null },
      ...{ OriginalFileName: null, Product: null, Company: null, Signer: null, StartedBeforeAgent: true },
      ...seen,
    },
  }
}

function interpretationsOf(thing: string): Interpretation[] {
  const port = /^:(\d{1,5})$/.exec(thing)
  if (port) return [{ as: 'an open port', event: listener(Number(port[1])) }]
  const programs = SYSTEMS.map(([product, system]) =>
    processStart(`a program on ${system}`, { product, Image: thing, CommandLine: null, CurrentDirectory: null }),
  )
  if (/[\\/]/.test(thing)) return [...programs, { as: 'a file', event: file(thing) }]
  return [
    ...programs,
    { as: 'a package', event: software(thing, 'package') },
    { as: 'an application', event: software(thing, 'application') },
    { as: 'a service', event: software(thing, 'service') },
    { as: 'a browser extension', event: software(thing, 'browser_extension') },
    { as: 'a file', event: file(thing) },
    { as: 'a tunnel', event: tunnel(thing) },
    { as: 'a remote session', event: session(thing) },
    ...(HOST.test(thing) ? [{ as: 'a host', event: connection(thing) }] : []),
  ]
}

/**
 * Names that count only together with something else, and ordinary programs that act as a tool by some command lines.
 */
function weakMatches(catalogue: Catalogue, thing: string): Recognition[] {
  return (programPathOf(catalogue.toolIndex, thing).programs ?? []).flatMap((program) => {
    if (program.kind !== 'weak' && program.kind !== 'command') return []
    const { tool } = program
    const needs =
      program.kind === 'weak'
        ? 'Other software has this name too: it counts only with a publisher, product, folder, parent or port of this tool.'
        : `Only with this command line: ${(tool.commands ?? []).map(inWords).join('; ')}.`
    return [
      {
        ...about(tool),
        category: tool.category,
        taken: false,
        by: program.kind === 'weak' ? 'name' : 'command',
        fact: thing,
        as: ['a program'],
        needs,
        renamed: false,
        unattended: null,
      },
    ]
  })
}

function hardwareWith(catalogue: Catalogue, vendor: string, product: string): Recognition[] {
  const { usb } = catalogue.hardwareIndex
  return (usb.get(vendor) ?? [])
    .filter(({ mark }) => mark.productId === '*' || mark.productId === product)
    .map(({ entry, mark }) => ({
      ...aboutHardware(catalogue, entry),
      category: entry.kind,
      taken: !mark.strings && !mark.needs && !mark.productLike,
      by: 'usb_id',
      fact: `${mark.vendorId}:${mark.productId}`,
      as: ['a USB device'],
      needs: needsOf(mark),
      renamed: false,
      unattended: null,
    }))
}

/** What a display, a USB device or a disk with this name is. */
function hardwareNamed(catalogue: Catalogue, thing: string): Recognition[] {
  const { hardwareIndex } = catalogue
  const tried = [
    { as: 'the name of a display', found: recogniseDisplay(hardwareIndex, display(thing)) },
    { as: 'the maker of a USB device', found: recogniseUsb(hardwareIndex, usbDevice({ Manufacturer: thing })) },
    { as: 'what a disk answers', found: recogniseUsb(hardwareIndex, usbDevice({ ScsiInquiry: [thing] })) },
  ]
  return tried.flatMap(({ as, found }) =>
    (found ?? []).flatMap(({ id, kind, by }) => {
      const entry = catalogue.hardware.find((it) => it.id === id)
      if (!entry) return []
      const rest = { category: kind, taken: true, by, fact: thing, as: [as], needs: null, renamed: false }
      return [{ ...aboutHardware(catalogue, entry), ...rest, unattended: null }]
    }),
  )
}

function needsOf({ strings, needs }: UsbMark): string | null {
  const wants = [
    strings && `one of these as manufacturer, product or serial number: ${strings.join(', ')}`,
    needs && `it must also be: ${needs.join(', ').replaceAll('_', ' ')}`,
  ].filter((it) => it !== undefined)
  return wants.length > 0 ? `Only when ${wants.join('; ')}.` : null
}

function about(entry: ToolEntry | HardwareEntry) {
  const { id, name, date, confidence, sources, reports } = entry
  return { id, name, date, seen: null, newer: null, confidence, sources, reports: reports ?? null }
}

function aboutHardware(catalogue: Catalogue, entry: HardwareEntry) {
  return { ...about(entry), seen: entry.seen, newer: newerRelease(catalogue, entry) }
}

/** The fact of the entry that matches the event; of several the longest. */
function factOf(entry: ToolEntry, by: string, event: Event): string | null {
  const own: Record<string, readonly string[]> = {
    name: [...Object.values(entry.names ?? {}).flat(), entry.name, entry.id],
    path: [
      ...Object.values(entry.paths ?? {}).flat(),
      ...(entry.files ?? []),
      ...(entry.projects ?? []),
      ...Object.values(entry.names ?? {}).flat(),
    ],
    service: [...(entry.services ?? []), ...(entry.packages ?? [])],
    package: [...(entry.packages ?? []), ...(entry.extensions ?? []), entry.name],
    domain: entry.domains ?? [],
    address: entry.addresses ?? [],
    port: [...(entry.distinctivePorts ?? []), ...(entry.ports ?? [])].map(String),
    interface: [...(entry.interfaces ?? []), ...(entry.resolvers ?? [])],
    signer: [...(entry.publishers ?? []), ...(entry.weakPublishers ?? [])],
    command: (entry.commands ?? []).map(inWords),
  }
  const texts = Object.values(event).filter((it) => typeof it === 'string' || typeof it === 'number')
  const isMatch = (fact: string) => texts.some((text) => matchesText(fact.toLowerCase(), String(text).toLowerCase()))
  return (own[by] ?? []).filter(isMatch).sort((a, b) => b.length - a.length)[0] ?? own[by]?.[0] ?? null
}

function matchesText(fact: string, text: string): boolean {
  const name = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1)
  return (
    fact === text ||
    matches(fact, name) ||
    (fact.startsWith('*.') && (text === fact.slice(2) || matches(fact, text))) ||
    (/[/~]/.test(fact) && text.replaceAll('\\', '/').includes(`${fact.replace(/^~/, '')}/`))
  )
}

function inWords({ programs, words = [], parts = [], scriptEnds = [] }: CommandMark): string {
  return [
    programs.join('|'),
    ...words,
    ...parts.map((it) => `…${it}…`),
    ...(scriptEnds.length > 0 ? [`a file in ${scriptEnds.join(' ')}`] : []),
  ].join(' ')
}

function listener(Port: number): EventOf<'listening_socket'> {
  return { category: 'listening_socket', ...ENVELOPE, Image: null, Protocol: 'tcp', Address: '0.0.0.0', Port }
}

function software(Name: string, Kind: EventOf<'software'>['Kind']): EventOf<'software'> {
  return {
    category: 'software',
    ...ENVELOPE,
    ...{ Action: 'present', Name, Version: null, Publisher: null, Kind, Identifier: Name, InstalledAt: null },
  }
}

function file(TargetFilename: string): EventOf<'file_event'> {
  return { category: 'file_event', ...ENVELOPE, TargetFilename, Image: null, Size: null }
}

function tunnel(TunnelInterface: string): EventOf<'network_place'> {
  return {
    category: 'network_place',
    ...ENVELOPE,
    ...{ Interface: null, GatewayHash: null, SsidHash: null, BssidHash: null, DnsServers: [TunnelInterface] },
    ...{ TunnelInterface, TunnelKind: null, TunnelMtu: null, DefaultRouteOnTunnel: null },
  }
}

function display(MonitorName: string): EventOf<'display'> {
  return {
    category: 'display',
    ...ENVELOPE,
    ...{ Action: 'present', MakerId: null, ProductCode: null, MonitorName, SerialText: null, WidthMm: null },
    ...{ HeightMm: null, Internal: false, EdidHash: null },
  }
}

function usbDevice(fields: Partial<EventOf<'usb_device'>>): EventOf<'usb_device'> {
  return {
    category: 'usb_device',
    ...ENVELOPE,
    ...{ Action: 'present', VendorId: '0000', ProductId: '0000', Manufacturer: null, ProductName: null },
    ...{ SerialNumber: null, InterfaceClasses: [], HasKeyboard: false, HasAbsolutePointer: false, HasStorage: false },
    ...{ HasNetwork: false, ParentPort: null },
    ...fields,
  }
}

function session(Tool: string): EventOf<'remote_session'> {
  return {
    category: 'remote_session',
    ...ENVELOPE,
    ...{ Tool, Direction: 'incoming', PeerIp: null, PeerIdHash: null, StartedAt: 0, EndedAt: null, Unattended: null },
  }
}

function connection(host: string): EventOf<'network_connection'> {
  return {
    category: 'network_connection',
    ...ENVELOPE,
    ...{ Image: null, Protocol: 'tcp', Initiated: true, SourceIp: '0.0.0.0', SourcePort: 0, DestinationIp: host },
    ...{ DestinationPort: 443, DestinationHostname: host },
  }
}
