/** What the collector of processes tells the others: one look at the system's programs serves all. */

/** A program as it began, for collectors that read more out of it: its arguments hold secrets, and are not kept. */
export interface Program {
  pid: number
  image: string | null
  args: readonly string[]
  /** Null: not ours to read. */
  folder: string | null
}
export type OnProgram = (program: Program) => void

/** The kernel appends ' (deleted)' when the file was replaced or removed since, as every upgrade does. */
export function imageOf(link: string): string {
  return link.endsWith(' (deleted)') ? link.slice(0, -10) : link
}
