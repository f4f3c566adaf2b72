/**
 * Fills the sentence of a rule with the values of an event, in words and with units.
 *
 * Shape   `{Field}` is a text. Numbers name their unit or their noun: `{Bytes|bytes}` 534.6 MB · `{WindowDays|day}`
 *         1 day, 7 days · `{Days|day in the office|days in the office}` with its own plural · `{WindowSeconds|span}`
 *         15 minutes · `{MeasuredMs|ms}` · `{DistanceKm|km}` · `{OffHoursShare|percent}` · `{Offset|utc}` UTC+5:30 ·
 *         `{Value|metric}` in the unit of the event's `Metric` · `{Port|id}` digits only. `{Encrypted|yes|no|unknown}`
 *         chooses words. A tool that was recognised by its name alone is always reported as such.
 * Errors  none: a missing value becomes 'unknown', or what the field's words say.
 */

type Fields = Readonly<Record<string, unknown>>

export interface Placeholder {
  field: string
  /** After the field, between the bars. */
  words: readonly string[]
}

const PLACEHOLDER = /\{([A-Za-z0-9_]+)((?:\|[^{}|]*)*)\}/g
const TEXT_MAX = 200

export function placeholdersOf(template: string): Placeholder[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, field = '', rest = '']) => ({ field, words: wordsIn(rest) }))
}

export function fill(template: string, fields: Fields): string {
  const saysHow = placeholdersOf(template).some(({ field }) => field === 'MatchedBy')
  return template.replace(PLACEHOLDER, (_, field: string, rest: string, at: number) => {
    const words = textOf(field, wordsIn(rest), fields)
    const isMissing = fields[field] === null || fields[field] === undefined
    const text = at === 0 && isMissing ? words.charAt(0).toUpperCase() + words.slice(1) : words
    // Anybody can give a program any name.
    return field === 'Tool' && !saysHow && fields.MatchedBy === 'name' && fields.Renamed !== true
      ? `${text} (recognised by its name alone)`
      : text
  })
}

function wordsIn(rest: string): string[] {
  return rest.split('|').slice(1)
}

function textOf(field: string, words: readonly string[], fields: Fields): string {
  const value = fields[field]
  const [first, second, third] = words
  if (typeof value === 'boolean') return (value ? first : second) ?? String(value)
  if (value === null || value === undefined) return third ?? missing(field, first, second)
  if (typeof value === 'number') return measured(value, field, words, fields)
  // Not the file's own name, which anybody can choose.
  if (field === 'MatchedBy' && value === 'name' && fields.Renamed === true)
    return 'a name inside it, or a disguised one'
  return wordOf(field, String(value)).slice(0, TEXT_MAX)
}

/** By the end of a field's name. */
const MISSING: readonly [ending: RegExp, text: string][] = [
  [/Region$/, 'an unknown region'],
  [/City$/, 'an unknown city'],
  [/Country$/, 'unknown country'],
  [/Image$/, 'an unknown program'],
  [/AsName$/, 'an unknown network'],
  [/Label$/, 'no label'],
  [/Repository$/, 'an unknown repository'],
]

function missing(field: string, format: string | undefined, plural: string | undefined): string {
  if (format !== undefined && !(format in UNITS)) return `an unknown number of ${plural ?? pluralOf(format)}`
  return MISSING.find(([ending]) => ending.test(field))?.[1] ?? 'unknown'
}

/** How a number is written, by the word after the field. */
const UNITS: Readonly<Record<string, (value: number, field: string, fields: Fields) => string>> = {
  bytes: (value) => bytes(value),
  span: (value, field) => span(field.endsWith('Ms') ? value / 1_000 : value),
  ms: (value) => `${grouped(Math.round(value))} ms`,
  km: (value) => `${grouped(Math.round(value))} km`,
  percent: (value) => `${grouped(Math.round(value * 100))} %`,
  utc: (value) => utcOffset(value),
  metric: (value, _, { Metric }) => inMetric(value, String(Metric)),
  id: (value) => String(value),
}

/** What a number may be followed by, beside a noun. */
export const FORMATS: readonly string[] = Object.keys(UNITS)

function measured(value: number, field: string, [format, plural]: readonly string[], fields: Fields): string {
  if (format === undefined) return grouped(value)
  return UNITS[format]?.(value, field, fields) ?? counted(value, format, plural)
}

/** '1 day', '7 days', '1.5 hours'. */
export function counted(value: number, noun: string, plural = pluralOf(noun)): string {
  const text = grouped(value)
  return `${text} ${text === '1' ? noun : plural}`
}

/** Regular plurals only; a rule gives any other itself. */
export function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`
}

/** One decimal is enough for a reader. */
function grouped(value: number): string {
  return (Math.round(value * 10) / 10).toLocaleString('en')
}

/** '534.6 MB', with 1,000 per step. */
export function bytes(value: number): string {
  const names = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB']
  let step = 0
  // 999,960 would be written as 1,000 KB.
  while (Math.round(value * 10) / 10 >= 1_000 && step < names.length - 1) {
    value /= 1_000
    step++
  }
  return step === 0 ? counted(value, 'byte') : `${grouped(value)} ${names[step]}`
}

/** '45 seconds', '15 minutes', '3 hours', '4 days'; a jump back is as long as one forward. */
function span(seconds: number): string {
  const long = Math.abs(seconds)
  if (long < 120) return counted(Math.round(long), 'second')
  if (long < 7_200) return counted(Math.round(long / 60), 'minute')
  return long < 172_800 ? counted(long / 3_600, 'hour') : counted(long / 86_400, 'day')
}

/** Hours east of UTC: 'UTC', 'UTC+5:30', 'UTC-6'. */
export function utcOffset(hours: number): string {
  const minutes = Math.round(Math.abs(hours) * 60)
  if (minutes === 0) return 'UTC'
  const rest = minutes % 60 === 0 ? '' : `:${String(minutes % 60).padStart(2, '0')}`
  return `UTC${hours < 0 ? '-' : '+'}${Math.floor(minutes / 60)}${rest}`
}

/** Of metrics whose names do not end with their unit. */
const NOUNS: Readonly<Record<string, string>> = {
  repositories: 'repository',
  other_teams: 'repository',
  locked_archives: 'archive',
  outside_pushes: 'push',
}

function inMetric(value: number, metric: string): string {
  if (metric.endsWith('bytes')) return bytes(value)
  if (metric.endsWith('files')) return counted(value, 'file')
  if (metric.endsWith('hours')) return counted(value, 'hour')
  if (metric.endsWith('days')) return counted(value, 'day')
  if (metric.endsWith('_ms')) return `${grouped(Math.round(value))} ms`
  const noun = NOUNS[metric]
  if (noun) return counted(value, noun)
  return counted(value, 'time')
}

/** Identifiers as words, by field. What is not here is shown as it came. */
const WORDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  KeyKind: {
    uplink: 'internet address',
    gateway: 'router',
    bssid: 'Wi-Fi access point',
    edid: 'monitor',
    usb_serial: 'USB device',
    controller: 'remote controller',
    mfa_device: 'authenticator',
    login_address: 'internet address of logins',
  },
  /** Where it went, or what it is made of. */
  Metric: {
    repositories: 'repositories',
    egress_bytes: 'the internet',
    file_share_bytes: 'file shares and chats',
    removable_bytes: 'removable disks',
    removable_files: 'removable disks',
    sync_bytes: 'sync folders',
    sync_files: 'sync folders',
    archive_bytes: 'archives',
    archive_then_upload_bytes: 'the internet after an archive',
    drip: 'all ways together',
    remote_session_hours: 'remote control',
    remote_session_days: 'remote control',
    screen_share_hours: 'screen sharing',
    other_teams: 'repositories of other teams',
    share_bytes: 'file shares',
    locked_archives: 'locked archives',
    outside_pushes: 'places outside',
    remote_hours: 'remote control',
    approved_remote_hours: 'approved remote control',
    round_trip_ms: 'round trips',
    unseen_device_hours: 'new devices',
  },
  NetworkClass: {
    residential: 'a home network',
    mobile: 'a mobile network',
    hosting: 'a data centre',
    vpn: 'a VPN',
    private_relay: 'a private relay',
    tor: 'Tor',
    corporate: 'a company network',
    sase: 'a security service',
    satellite: 'a satellite link',
    unknown: 'a network of unknown kind',
  },
  MatchedBy: {
    name: 'its name alone, which anybody can give a program',
    signer: 'its signature',
    service: "its service's name",
    domain: 'a host that it talks to',
    port: 'the port it uses',
    path: 'the folder it is in',
    package: 'its package',
    interface: 'its network interface',
    command: 'its command line',
    address: 'an address that it talks to',
    usb_id: 'its USB id',
    edid: "its monitor's description",
    shape: 'its interfaces',
    twin: 'a second device that came with it',
    cadence: 'its rhythm',
  },
  CutOffBy: {
    hosts_file: 'a line in its hosts file',
    loopback: 'what its resolver answered',
    refused: 'a refused connection',
    timeout: 'a connection without an answer',
    unresolved: 'a name that nobody resolves',
    other_server: 'somebody else who answered',
    other: 'a failure of another kind',
  },
  Reason: {
    two_fingerprints: 'by two computers',
    sequence_replay: 'from an older copy of its state',
    two_places: 'in two places',
    two_machines_at_once: 'by two computers at once',
    two_boots_at_once: 'by two running systems at once',
    fingerprint_changed: 'by another computer from one day on',
    virtual_after_hardware: 'by a virtual machine after a real one',
    virtual_though_listed: 'by a virtual machine',
    code_host_only: 'without its laptop',
    two_lines: 'on two lines at once',
  },
}
/** Identifiers that read as words once their separators are blanks. */
const SPACED = new Set(['Action', 'Kind', 'Evidence', 'LogonType'])

function wordOf(field: string, value: string): string {
  const word = WORDS[field]?.[value]
  if (word !== undefined) return word
  return SPACED.has(field) ? value.replace(/[_.]/g, ' ') : value
}

/** Whether a sentence may show this value of a field: it is a word, or becomes one. */
export function readsAsWords(field: string, value: string): boolean {
  return !/_/.test(wordOf(field, value))
}
