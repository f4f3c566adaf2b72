/**
 * What the agent asks macOS for, as plain data. Collectors know only this file; tests pass a fake.
 *
 * Errors  every call throws a `CallError` with the code that node:fs would use, so that `gapReason` understands it.
 */
import type { PlistRecord } from '../../collectors/shared/plist.ts'

export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: string
  /** macOS' own number. */
  readonly status: number

  constructor(call: string, status: number) {
    const code = CODES[status] ?? 'EIO'
    super(`${code}: ${call} failed with ${status}`)
    this.code = code
    this.status = status
  }
}

export const ENOSYS = 78
/** Source  sys/errno.h. What this macOS does not have is ENOENT: 'unsupported' in a gap. */
const CODES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  3: 'ESRCH',
  13: 'EACCES',
  45: 'ENOENT', // ENOTSUP
  [ENOSYS]: 'ENOENT',
}

/** Null: it may not be read, or the process has ended. */
export interface ProcessFacts {
  isDenied: boolean
  parent: number | null
  uid: number | null
  /** At most 32 bytes of the program's name, where the path is not known. */
  name: string | null
  image: string | null
  args: string[] | null
  /** The working folder. */
  folder: string | null
  /** When it began, to a microsecond: no later process with its pid has the same. */
  startedAt: string | null
}
/** By the signature that the kernel has checked. */
export interface Signature {
  /** The signer's organisation, as 'AnyDesk Software GmbH', or 'Apple Inc.'. Null: there is none, or it is ad hoc. */
  organisation: string | null
  /** What the maker calls the program: 'com.philandro.anydesk'. */
  identifier: string | null
}

export interface SocketRow {
  protocol: 'tcp' | 'udp'
  /** TSI_S_…; 0 for UDP. */
  state: number
  localAddress: string
  localPort: number
  remoteAddress: string
  remotePort: number
  pid: number
}

export interface MountRow {
  /** '/dev/disk4s1', or '//user@server/share'. */
  from: string
  at: string
  /** 'apfs', 'smbfs' … */
  type: string
  isLocal: boolean
  /** Not meant for people: the system's own volumes. */
  isHidden: boolean
  bytes: number
}

export interface InterfaceRow {
  index: number
  name: string
  /** IFT_…: 6 is Ethernet and Wi-Fi. */
  type: number
  isUp: boolean
  mtu: number
  received: number
  sent: number
}
export interface RouteRow {
  interface: number
  destination: string
  length: number
  /** Null: the destination is on the link. */
  gateway: string | null
  /** It counts only for programs that asked for this interface. */
  isScoped: boolean
}
export interface NeighbourRow {
  interface: number
  address: string
  /** Lower-case, with colons. */
  mac: string
}

/** An entry of the I/O registry. */
export interface RegistryEntry {
  /** Unique since the boot. */
  id: string
  properties: PlistRecord
  /** The properties that were asked for of what it is attached to, the nearest first. */
  above: PlistRecord
}

export interface Mac {
  /** The ids of all processes. */
  processes(): number[]
  process(pid: number): ProcessFacts
  signature(pid: number): Signature
  /** All sockets that may be read; `denied`: the number of processes whose may not. */
  sockets(): { found: SocketRow[]; denied: number }
  mounts(): MountRow[]
  interfaces(): InterfaceRow[]
  routes(): RouteRow[]
  neighbours(): NeighbourRow[]
  /** All entries of a class, as 'IOUSBHostDevice'. */
  registry(of: string, above?: readonly string[]): RegistryEntry[]
}
