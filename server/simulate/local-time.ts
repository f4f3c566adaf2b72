/**
 * A worker's local time and calendar: days of the run, daylight saving, weekends and public holidays.
 *
 * Shape   a day is counted from the run's first UTC date; a local time is minutes after that date's local midnight,
 *         and may exceed 1,440 for shifts that end the next morning.
 * Errors  a local time that daylight saving skips becomes the hour after it.
 * Source  the runtime's IANA time zones. Holidays: those of the whole country that fall on fixed dates or on a
 *         weekday rule, 2026; regional ones and those of the lunar calendar are omitted.
 */
const DAY = 86_400_000
const MINUTE = 60_000

const formats = new Map<string, Intl.DateTimeFormat>()
const offsets = new Map<string, readonly [atStart: number, atEnd: number]>()
/** Days of a zone are requested in order, so old entries can be deleted. */
const MAX_OFFSETS = 10_000

export function utcOffsetMs(zone: string, at: number): number {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' })
    formats.set(zone, format)
  }
  const name = format.formatToParts(at).find((it) => it.type === 'timeZoneName')?.value ?? 'GMT'
  const [, sign = '+', hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE
}

/** Epoch ms of a local time. `date` is the epoch ms of the date's midnight in UTC. */
export function localTime(zone: string, date: number, minutes: number): number {
  if (minutes >= 1_440) return localTime(zone, date + DAY, minutes - 1_440)
  const key = `${zone} ${date}`
  let both = offsets.get(key)
  if (!both) {
    const atStart = utcOffsetMs(zone, date - utcOffsetMs(zone, date))
    const noon = date + DAY / 2
    both = [atStart, utcOffsetMs(zone, noon - atStart)]
    if (offsets.size > MAX_OFFSETS) offsets.clear()
    offsets.set(key, both)
  }
  // Clocks change before three in the morning in every zone that has workers.
  return date + minutes * MINUTE - (minutes < 180 ? both[0] : both[1])
}

/** Minutes after midnight of '09:30'; '26:00' is two in the morning of the next day. */
export function minutesOf(clock: string): number {
  const [, hours, minutes] = /^(\d\d?):([0-5]\d)$/.exec(clock) ?? []
  if (hours === undefined || Number(hours) > 48) throw new RangeError(`"${clock}" is no local time such as "09:30"`)
  return Number(hours) * 60 + Number(minutes)
}

export const isWeekend = (date: number): boolean => [0, 6].includes(new Date(date).getUTCDay())

/** 'MM-DD', or the nth weekday of a month: '09:1:1' is the first Monday of September. */
const HOLIDAYS: Readonly<Record<string, readonly string[]>> = {
  US: ['01-01', '01:1:3', '06-19', '07-04', '09:1:1', '11-11', '11:4:4', '12-25'],
  CA: ['01-01', '07-01', '09:1:1', '09-30', '10:1:2', '11-11', '12-25', '12-26'],
  MX: ['01-01', '05-01', '09-16', '11:1:3', '12-25'],
  BR: ['01-01', '04-21', '05-01', '09-07', '10-12', '11-02', '11-15', '11-20', '12-25'],
  AR: ['01-01', '05-01', '05-25', '07-09', '10-12', '11-20', '12-08', '12-25'],
  GB: ['01-01', '05:1:1', '12-25', '12-26'],
  IE: ['01-01', '03-17', '08:1:1', '12-25', '12-26'],
  DE: ['01-01', '05-01', '10-03', '12-25', '12-26'],
  FR: ['01-01', '05-01', '05-08', '07-14', '08-15', '11-01', '11-11', '12-25'],
  ES: ['01-01', '05-01', '08-15', '10-12', '11-01', '12-06', '12-08', '12-25'],
  PT: ['01-01', '04-25', '05-01', '06-10', '10-05', '11-01', '12-01', '12-25'],
  NL: ['01-01', '04-27', '12-25', '12-26'],
  PL: ['01-01', '05-01', '05-03', '08-15', '11-01', '11-11', '12-25', '12-26'],
  RO: ['01-01', '05-01', '06-01', '08-15', '11-30', '12-01', '12-25'],
  IN: ['01-26', '08-15', '10-02', '11-08'],
  PH: ['01-01', '05-01', '06-12', '11-01', '11-30', '12-25'],
  JP: ['01-01', '02-11', '09-21', '09-22', '09-23', '10:1:2', '11-03', '11-23'],
  AU: ['01-01', '01-26', '04-25', '12-25', '12-26'],
}

export function isHoliday(country: string, date: number): boolean {
  const day = new Date(date)
  const month = String(day.getUTCMonth() + 1).padStart(2, '0')
  const ofMonth = day.getUTCDate()
  const fixed = `${month}-${String(ofMonth).padStart(2, '0')}`
  const nth = `${month}:${Math.ceil(ofMonth / 7)}:${day.getUTCDay()}`
  const nthMonthWeekday = nth.replace(/^(\d\d):(\d):(\d)$/, '$1:$3:$2')
  return HOLIDAYS[country]?.some((it) => it === fixed || it === nthMonthWeekday) ?? false
}
