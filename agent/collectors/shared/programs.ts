import type { Host } from '../../host/host.ts'
import { isThere } from './is-there.ts'

/**
 * A started program, which the collector of processes passes to others. Its arguments may contain secrets: do not keep
 * them.
 */
export interface Program {
  pid: number
  image: string | null
  args: readonly string[]
  /** The working folder. Null: no permission to read it. */
  folder: string | null
}
export type OnProgram = (program: Program) => void

/** Whether there still is a process with this pid. */
export type IsRunning = (host: Host, pid: number) => Promise<boolean>

/** On Linux. */
export const isInProc: IsRunning = (host, pid) => isThere(host, `/proc/${pid}`)

/** The kernel appends ' (deleted)' if the file was removed or replaced meanwhile, for example by an upgrade. */
export function imageOf(link: string): string {
  return (link.endsWith(' (deleted)') ? link.slice(0, -10) : link).toWellFormed()
}

/** Each argument ends in NUL. A program that set its own title may leave blanks between, and NULs at the end. */
export function parseArguments(text: string): string[] {
  const trimmed = text.replace(/\0+$/, '')
  return trimmed === '' ? [] : trimmed.split('\0')
}
