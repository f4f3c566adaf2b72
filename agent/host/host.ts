/**
 * The laptop as collectors see it: everything they may touch, and nothing else. A test hands them another one.
 *
 * Errors  every read rejects as node:fs does; a collector turns that into a `collection_gap`.
 */
import type { AgentProduct } from '../../wire/common.ts'

export interface Host {
  /** The wall clock, which stamps events. It can be set at any moment. */
  now(): number
  /** Ms since the laptop was started, sleep included: what durations are measured by. */
  elapsed(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** A text file, at most `maxBytes` of it (default 4 MiB). */
  readText(path: string, maxBytes?: number): Promise<string>
  readBytes(path: string, maxBytes?: number): Promise<Buffer>
  /** At most `maxBytes` of a file on a disk, from byte `from` on: how a log that grows is followed. */
  readPart(path: string, from: number, maxBytes: number): Promise<Buffer>
  list(path: string): Promise<string[]>
  /** What is in a folder, with its facts. An entry that vanished meanwhile is left out. */
  entries(path: string): Promise<Entry[]>
  link(path: string): Promise<string>
  stat(path: string): Promise<FileFacts>
  /** HMAC-SHA-256 under the tenant's salt, lower-case hex: how identifiers of places and things leave the laptop. */
  hmac(value: string): string
  memory: Memory
}

export interface FileFacts {
  kind: 'file' | 'folder' | 'link' | 'other'
  size: number
  modifiedMs: number
  inode: number
  uid: number
}
export type Entry = FileFacts & { name: string }

/** What a collector has already reported, kept across restarts. It belongs to one spool's life, and lies beside it. */
export interface Memory {
  /** Null: nothing was saved, or it cannot be read. */
  load(name: string): Promise<string | null>
  save(name: string, text: string): Promise<void>
}

export interface HostOptions {
  /** Under the policy's salt, which can change while we run. */
  hmac: (value: string) => string
  memoryFolder: string
}

/** What tells this machine from a copy of its disk. */
export interface MachineFacts {
  /** SHA-256, lower-case hex; null when nothing could be read. */
  fingerprint: string | null
  /** A virtual machine; null when nothing says. */
  virtual: boolean | null
  bootId: string | null
}

/** An operating system, as the agent needs it: a new one is a file beside this and a line in systems.ts. */
export interface System {
  product: AgentProduct
  /** What Node calls it. */
  platform: NodeJS.Platform
  host(options: HostOptions): Host
  machine(host: Host): Promise<MachineFacts>
  /** Where the agent keeps its key, spool and status when nobody names a folder. Null: there is no such place. */
  agentFolder(env: NodeJS.ProcessEnv, uid: number | undefined): string | null
  /**
   * When a process began, as a text that no other process with its pid ever has; null: there is no such process.
   * Left out where the system does not say.
   */
  processStart?(pid: number): string | null
}
