/**
 * The only interface through which collectors access the laptop. Tests pass a fake one.
 *
 * Errors  every read rejects as node:fs does; collectors turn that into a `collection_gap`.
 */
import type { AgentProduct } from '../../wire/common.ts'
import type { ObservationOf } from '../../wire/event.ts'

export interface Host {
  /** The wall clock, for the time of events. Users can change it at any moment. */
  now(): number
  /** Ms since boot, including sleep. Measure durations with it. */
  elapsed(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** The first `maxBytes` of a text file (default 4 MiB). */
  readText(path: string, maxBytes?: number): Promise<string>
  readBytes(path: string, maxBytes?: number): Promise<Buffer>
  /** At most `maxBytes` of a file from byte `from` on, to follow a growing log. */
  readPart(path: string, from: number, maxBytes: number): Promise<Buffer>
  list(path: string): Promise<string[]>
  /** The entries of a folder with their facts. An entry that disappears meanwhile is omitted. */
  entries(path: string): Promise<Entry[]>
  /** The same a part at a time: a user can make a folder of a million files, which fit into no memory. */
  parts(path: string): AsyncIterable<readonly Entry[]>
  link(path: string): Promise<string>
  stat(path: string): Promise<FileFacts>
  /**
   * HMAC-SHA-256 with the tenant's salt, lower-case hex. Identifiers of networks and devices leave the laptop only so.
   */
  hmac(value: string): string
  state: StateStore
}

export interface FileFacts {
  kind: 'file' | 'folder' | 'link' | 'other'
  size: number
  /** Bytes on the disk: fewer than `size` in a file with holes. `size` where the system does not say. */
  allocated: number
  modifiedMs: number
  inode: number
  uid: number
}
export type Entry = FileFacts & { name: string }

/** What a collector has already reported, saved across restarts. It is deleted together with the spool. */
export interface StateStore {
  /** Null: nothing was saved, or it cannot be read. */
  load(name: string): Promise<string | null>
  save(name: string, text: string): Promise<void>
}

export interface HostOptions {
  /** Uses the current policy's salt, which can change while the agent runs. */
  hmac: (value: string) => string
  stateFolder: string
}

/** What distinguishes this machine from a copy of its disk. */
export interface MachineFacts {
  /** SHA-256, lower-case hex; null if nothing could be read. */
  fingerprint: string | null
  /** A virtual machine; null if unknown. */
  virtual: boolean | null
  bootId: string | null
}

/** Names of a vendor or product that say: a virtual machine. */
export const HYPERVISORS =
  /kvm|qemu|vmware|virtualbox|innotek|xen|bochs|parallels|hyper-v|virtual machine|amazon ec2|google compute/i

/** Which reads can wait for somebody else: see `agent/supervisor/reader.ts`. */
export interface Places {
  /** Answered by the system itself: such a read cannot hang, and needs no thread of its own. */
  isSafe(path: string): boolean
  /** What a read of this path waits for, together with all reads of the same place: a mount point, or the path. */
  placeOf(path: string): string
  /** Only the system's administrator decides what is behind this path. */
  isSystemPlace(path: string): boolean
  /** The mount points below a folder that can hang although the folder does not. */
  remoteBelow(path: string): string[]
}

/** What the agent needs of an operating system. A new one is a file in this folder and a line in systems.ts. */
export interface System {
  product: AgentProduct
  /** What Node calls it. */
  platform: NodeJS.Platform
  host(options: HostOptions): Host
  machine(host: Host): Promise<MachineFacts>
  /** Left out: not known, and no read is kept from hanging. */
  places?: Places
  /** The default folder for key, spool and status. Null: there is none. */
  agentFolder(env: NodeJS.ProcessEnv, uid: number | undefined): string | null
  /**
   * When a process began, as a text that no other process with its pid ever has; null: there is no such process.
   * Left out where the system does not say.
   */
  processStart?(pid: number): string | null
  /** Ways to be told of program starts, the best first. Left out: they are found by polling. */
  startSources?: readonly StartSourceKind[]
  /** Makes the agent's folder, and lets nobody else read it, where a file's mode does not. Errors  Fault. */
  protect?(folder: string): void
  /** Ends this process, where Node's own end may fail. */
  leave?(): Promise<void>
  /** Runs under the system's service manager, where that starts a program in a way of its own. */
  service?(run: (signal: AbortSignal) => Promise<void>): Promise<void>
}

export type StartsBy = NonNullable<ObservationOf<'agent_state'>['StartsBy']>

/** A program that started. */
export interface Start {
  pid: number
  /** As it was given to the kernel: it may be relative, and a script's own path. Null: the source does not say. */
  file: string | null
  /** Its parent, the parent's parent …, as far as the source knows. Of a thread's child the first is the thread. */
  parents: number[]
  /** What was read of the process while it ran. Null: not read yet. */
  caught: Caught | null
}

/** What /proc said right after the start. */
export interface Caught {
  args: string[]
  /** Of the executable. */
  image: string | null
  folder: string | null
}

export interface StartSource {
  readonly name: StartsBy
  /**
   * The starts since the previous call in the order in which they happened, and the number of those that the kernel
   * counted and could not keep. Errors  throws when this source no longer works.
   */
  read(): { starts: Start[]; lost: number }
  close(): void
}

/** Errors  throws when this system does not offer it. */
export interface StartSourceKind {
  name: StartsBy
  open(): StartSource
}
