/** Names of time zones, and their offsets. */

/** '/usr/share/zoneinfo/posix/Europe/Berlin' is Europe/Berlin. */
export function zoneInLink(link: string): string | null {
  return /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(link)?.[1] ?? null
}

/** A zone's name; null for what is none. */
export function zoneName(named: string): string | null {
  return /^[A-Za-z][\w+/-]{0,63}$/.test(named) ? named : null
}

/** Caches the offset for a quarter of an hour: a lookup costs 50 us, and offsets change only at quarters of an hour. */
export function offsets(): (zone: string, at: number) => number | null {
  let key = ''
  let last: number | null = null
  return (zone, at) => {
    const quarter = `${zone} ${Math.floor(at / 900_000)}`
    if (quarter !== key) {
      last = offsetMinutes(zone, at)
      key = quarter
    }
    return last
  }
}

/** Minutes east of UTC; null for a zone the runtime does not know. */
export function offsetMinutes(zone: string, at: number): number | null {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    const name = format.formatToParts(at).find((it) => it.type === 'timeZoneName')?.value ?? ''
    const [, sign, hours, minutes] = /^GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(name) ?? []
    return hours ? (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) : 0
  } catch {
    return null
  }
}
