/**
 * Jobs of launchd, as their files describe them.
 *
 * Source  launchd.plist(5).
 */
import { list, parsePlist, record, text } from '../../shared/plist.ts'

/** Those of administrators and vendors. macOS' own are below /System, on a volume that is sealed. */
export const JOB_FOLDERS = [
  { path: '/Library/LaunchDaemons', scope: 'system' },
  { path: '/Library/LaunchAgents', scope: 'system' },
] as const
/** Below a home. */
export const USER_JOBS = 'Library/LaunchAgents'

export interface Job {
  label: string | null
  /** The program with its arguments. Null: none is named. */
  args: string[] | null
}

/** Null: it cannot be read, or is no property list. */
export function parseJob(bytes: Buffer | null): Job | null {
  try {
    const job = bytes === null ? null : record(parsePlist(bytes))
    if (job === null) return null
    const words = list(job.ProgramArguments).filter((it) => typeof it === 'string')
    const program = text(job.Program)
    // Program is what is executed; the first of the arguments is then only its name.
    const args = program === null ? words : [program, ...words.slice(1)]
    return { label: text(job.Label), args: args.length === 0 ? null : args }
  } catch {
    return null
  }
}
