/** The shape of the catalogue's three files. `test/rules/catalogue.test.ts` checks them. */
import type { NetworkClass } from '../../wire/events/derived.ts'
import type { ToolCategory } from './categories.ts'

export type System = 'windows' | 'linux' | 'macos'
type PerSystem = Partial<Record<System, string[]>>

interface Provenance {
  /** Keys of the file's own `sources`. */
  sources: string[]
  /** The newest source's date: indicators age. */
  date: string
  /** verified: read in the vendor's own source · listed: in a public list · reported · analyst: general knowledge. */
  confidence: 'verified' | 'listed' | 'reported' | 'analyst'
  /** Public reports that name it in such a case: reported · secondary (by hearsay) · unverified · technique-only. */
  reports?: { evidence: string; by: string[] }
}

/** A remote-control tool, VPN client or other notable program. Names are compared without regard to case. */
export interface ToolEntry extends Provenance {
  id: string
  name: string
  category: ToolCategory
  /** Executables whose name alone identifies the tool; '*' is any run of characters after at least three others. */
  names?: PerSystem
  /** Names that other software has too: they count only with a matching publisher, product, folder, parent or port. */
  weakNames?: string[]
  /** Folders that belong to the tool: '/' for every separator, no drive letter, '~' for anybody's home. */
  paths?: PerSystem
  /** Files that only this tool has: settings, logs, models. */
  files?: string[]
  /** Folder names of a checkout of its source: scripts run from there are the tool. */
  projects?: string[]
  /** Command lines by which an ordinary program acts as this tool. */
  commands?: CommandMark[]
  /** Services and launchd labels, without '.service'. */
  services?: string[]
  /** Package names, application and bundle ids. */
  packages?: string[]
  /** Browser extension ids. */
  extensions?: string[]
  /** Signers that make little else, so that their signature alone identifies the tool. */
  publishers?: string[]
  weakPublishers?: string[]
  /** '*.x' is x and everything under it. A browser's visit does not count, except with `browsers`. */
  domains?: string[]
  /** The domains count only when one of these programs connects. */
  callers?: string[]
  /** True: a browser's visit counts as well. */
  browsers?: true
  /** IPv4 addresses. They change owners within weeks. */
  addresses?: string[]
  /** Ports it is known to use; they count only together with a weak name. */
  ports?: number[]
  /** Ports that no other notable program uses. */
  distinctivePorts?: number[]
  interfaces?: string[]
  tunnelMtu?: { interface: string; mtu: number }[]
  resolvers?: string[]
  /** Options on the tool's own command line that set up unattended access. */
  unattended?: string[]
  unattendedNames?: string[]
}

/** All given fields must match, without regard to case. */
export interface CommandMark {
  /** Executables, without '.exe'. */
  programs: string[]
  /** Each must be on the command line as a word; 'a|b*' is a or what begins with b. */
  words?: string[]
  /** Each must occur somewhere on the command line. */
  parts?: string[]
  /** The file an interpreter is given ends in one of these. */
  scriptEnds?: string[]
}

export interface UsbMark {
  /** Four hex digits, or '*'. */
  vendorId: string
  productId: string
  /** One of these must be the manufacturer, product name or serial number: the ids alone are everybody's. */
  strings?: string[]
  /** One of these must occur in the product name; spaces do not count. */
  productLike?: string[]
  needs?: ('keyboard' | 'network' | 'storage_or_absolute_pointer')[]
}

/** Every field that is given must match. */
export interface EdidMark {
  /** SHA-256 of base blocks that the firmware ships. */
  hashes?: string[]
  maker?: string
  product?: string
  name?: string
  nameStarts?: string
  nameLike?: string[]
  serial?: string
}

/** Hardware as the controlled laptop sees it. */
export interface HardwareEntry extends Provenance {
  id: string
  name: string
  kind: 'ip_kvm' | 'capture' | 'jiggler' | 'gadget' | 'sbc'
  /** A key of the file's `releases`. */
  maker?: string
  /** The day on which the sources were read. */
  seen: string
  /** True: ids that many devices share, so that a shape says more. */
  fallback?: true
  usb?: UsbMark[]
  /** What its disks answer to SCSI INQUIRY: a word ('Glinet'), of which SCSI keeps eight letters. */
  inquiry?: string[]
  edid?: EdidMark[]
}

/** What a device can be besides a keyboard. */
export type UsbPart = 'pointer' | 'storage' | 'audio' | 'network' | 'video'

/** Devices that are more than a keyboard, and no KVM. */
export interface ShapeException {
  /** Four hex digits. */
  vendorId: string
  /** '*' for any. */
  productId: string
  why: string
  explains: UsbPart[]
  /** Some of them: what is left is weaker evidence. */
  mayExplain?: UsbPart[]
}

/** What a common product really is, so that a disguise shows as more than it claims. */
export interface ClaimedProduct {
  vendorId: string
  productId: string
  name: string
  /** False: it has no keyboard. */
  keyboard?: false
  /** The most HID interfaces that it has; it has no others. */
  hid: number
  /** Its speed, Mbit/s; 12 where it is 1.5 or 12. */
  mbps: number
  /** The most that it asks for. */
  milliamperes: number
  serial: boolean
  sources: string[]
  date: string
  seen: string
  confidence: Provenance['confidence']
}

/** The newest release of a maker's firmware that we know of. */
export interface Release {
  /** The repository. */
  of: string
  version: string
  date: string
}

interface FileHead {
  version: string
  note: string
  sources: Record<string, { title: string; date: string; licence: string }>
}

export interface ToolFile extends FileHead {
  tools: ToolEntry[]
}

export interface HardwareFile extends FileHead {
  releases: Record<string, Release>
  /** Serial numbers that makers give to every unit: they identify a model, never a thing. */
  factorySerials: string[]
  /** Those of KVM firmware, which no keyboard has. */
  kvmSerials: string[]
  /** Words in the INQUIRY answer of a card reader. */
  cardReaders: string[]
  /** Words in the names of presenters, some of which have a disk. */
  presenterNames: string[]
  shapeExceptions: ShapeException[]
  claims: ClaimedProduct[]
  devices: HardwareEntry[]
}

export interface AsnFile extends FileHead {
  columns: string[]
  sanctionedNetworks: string[]
  asns: [asn: number, name: string, networkClass: NetworkClass, sources: string][]
}
