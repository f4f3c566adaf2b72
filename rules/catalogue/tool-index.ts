/** The look-up tables of the catalogue's tools. `index-tools.ts` fills them. */
import type { ToolEntry } from './entry.ts'
import type { Names } from './names.ts'

/** Bits, so that one name may belong to several systems. */
export const SYSTEM_BITS: Record<string, number> = { windows: 1, linux: 2, macos: 4 }

/** What the name of an executable may mean. */
export type Program =
  | { kind: 'tool'; tool: ToolEntry; systems: number }
  | { kind: 'weak'; tool: ToolEntry }
  | { kind: 'command'; tool: ToolEntry; mark: Mark }
  | { kind: 'interpreter'; python: boolean }
  | { kind: 'installer' }
  | { kind: 'browser' }

/** A CommandMark with its words taken apart. */
export interface Mark {
  words: { text: string; prefix: boolean }[][]
  parts: string[]
  scriptEnds: string[]
}

export interface Domain {
  tool: ToolEntry
  /** Null: everything under it. */
  pattern: string | null
  callers: Names<true> | null
}

export interface ToolIndex {
  byId: Map<string, ToolEntry>
  programs: Names<Program>
  folders: Names<ToolEntry>
  /** The same under any home folder, without the '~'. */
  homeFolders: Names<ToolEntry>
  files: Names<ToolEntry>
  projects: Names<ToolEntry>
  publishers: Names<ToolEntry>
  services: Names<ToolEntry>
  packages: Names<ToolEntry>
  extensions: Map<string, ToolEntry>
  /** Names a person sees, where they are distinctive: applications and the product inside a binary. */
  titles: Names<ToolEntry>
  /** Every name and id, for look-ups by name: the tools' own logs. */
  known: Names<ToolEntry>
  domains: Names<Domain>
  addresses: Map<string, ToolEntry>
  ports: Map<number, ToolEntry>
  interfaces: { tool: ToolEntry; pattern: string; mtu: number | null }[]
  resolvers: Map<string, ToolEntry>
  /** Results for paths that were seen. */
  places: Map<string, ProgramPath>
}

/** A program's name in a path: the last part of `path`, from `start` to `end`. */
export interface ProgramName {
  path: string
  start: number
  end: number
  programs: readonly Program[] | undefined
  /** The name is a known one only once the disguise is removed. */
  disguised: boolean
}

/** The same, with the tool that owns the executable's folder. */
export interface ProgramPath extends ProgramName {
  owner: readonly ToolEntry[] | undefined
}
