/** Activity of workers elsewhere, as identity providers and code hosts reported it, and what it proves about a gap. */
import { DAY, HOUR } from '../../../../wire/time.ts'
import { LATENESS_MS, type Seen } from '../../deriver.ts'

/** The lateness bound, and the days within which a silence may repeat. */
export const KEPT_MS = LATENESS_MS + 7 * DAY
const MAX_HOURS = 1_500

/** The strongest first. */
export const EVIDENCE = ['this_laptop', 'repository', 'account'] as const
export type Evidence = (typeof EVIDENCE)[number]

/** One hour of a worker's activity: the times of the first and last event. `device` null: not known. */
export type ActiveHour = [hour: number, kind: Evidence, device: string | null, first: number, last: number]

/**
 * The activity that an event of a feed shows; null for a phone, a failed login and other events. A device that
 * `deviceNamed` does not know is not ours.
 */
export function activityIn(
  event: Seen['event'],
  deviceNamed: (name: string) => string | null,
): { kind: Evidence; device: string | null } | null {
  if (event?.category === 'repo_audit') return { kind: 'repository', device: null }
  if (event?.category !== 'idp_login' || event.Mobile === true || event.Result !== 'success') return null
  const device = event.DeviceId === null ? null : deviceNamed(event.DeviceId)
  return { kind: device === null ? 'account' : 'this_laptop', device }
}

/** A worker's hours with one more event, without those that are too old. */
export function withActivity(
  hours: readonly ActiveHour[],
  { kind, device, time }: { kind: Evidence; device: string | null; time: number },
): ActiveHour[] {
  const all = [...hours]
  const hour = Math.floor(time / HOUR)
  const index = all.findIndex((it) => it[0] === hour && it[1] === kind && it[2] === device)
  const known = all[index]
  if (known) all[index] = [hour, kind, device, Math.min(known[3], time), Math.max(known[4], time)]
  else all.push([hour, kind, device, time, time])
  const newest = Math.max(...all.map((it) => it[0]))
  return all.filter((it) => it[0] > newest - KEPT_MS / HOUR).slice(-MAX_HOURS)
}

/** The strongest evidence among these hours, and the time of its first event. */
export function strongestEvidence(
  hours: readonly ActiveHour[],
  device: string,
  accountHours: number,
): { kind: Evidence; since: number } | null {
  for (const kind of EVIDENCE) {
    const found = hours.filter((it) => it[1] === kind && (kind !== 'this_laptop' || it[2] === device))
    if (found.length >= (kind === 'account' ? accountHours : 1))
      return { kind, since: Math.min(...found.map((it) => it[3])) }
  }
  return null
}
