/**
 * From events on a laptop to the server's records: numbers, ids, and times of arrival.
 *
 * Shape   `Draft` is one event, or a whole line, at its true time. `Spool` numbers a laptop's events in the order of
 *         their times, and sets when each arrives: after a network gap, all at once.
 * Units   an upload takes 0.2 to 3 s (assumed); one in 3,000 events is written twice, as after a retry.
 */
import type { Gap, Machine, Person, Span } from './person.ts'
import { below, between, mixed, type Random } from './random.ts'
import { type Exit, roundTripMs, type Site } from './sites.ts'

export interface Draft {
  /** True time, epoch ms; for a 'line' the time of its arrival. */
  time: number
  /**
   * event: an event's own fields · reused: the same, with an old number · session: a line without the clock's skew ·
   * line: a whole line · clock: by how many ms the laptop's clock is set forward.
   */
  kind: 'event' | 'reused' | 'session' | 'line' | 'clock'
  body: string
  /** JSON of the facts from catalogue and databases at ingest. Omitted: looked up when the line is read. */
  facts?: string
  /** The laptop, if not the person's current one. */
  machine?: Machine
}

/** One line, and its time of arrival. */
export interface Arrival {
  at: number
  line: string
}

export function sessionLine(
  machine: Machine,
  from: { site: Site; exit: Exit; fingerprint?: string; time: number; random: Random },
): string {
  const { site, exit, time, random, fingerprint = machine.fingerprint } = from
  const rtt = roundTripMs(random, site, exit)
  const jitter = between(random, 0.5, 1.5) * Math.max(site.exit.jitterMs, exit.jitterMs)
  return (
    `{"type":"connection","device":"${machine.device}","time":${time},"remoteAddress":"${exit.address}",` +
    `"rttMinMs":${rtt.toFixed(1)},"rttJitterMs":${jitter.toFixed(1)},` +
    `"fingerprint":"${fingerprint}","geo":${geoText(exit)}`
  )
}

const geoTexts = new WeakMap<Exit, string>()

export function geoText(exit: Exit): string {
  let text = geoTexts.get(exit)
  if (text === undefined) geoTexts.set(exit, (text = JSON.stringify(exit.geo)))
  return text
}

/** `drafts` in order of time. Appends to `out`; what falls into a silence is dropped. */
export function spooled(
  person: Person,
  drafts: readonly Draft[],
  { gaps, notBefore }: { gaps: readonly Gap[]; notBefore: number },
  random: Random,
  out: Arrival[],
): void {
  for (const { kind, time, body, facts, machine = person.machine } of drafts) {
    if (kind === 'line') {
      out.push({ at: time, line: body })
      continue
    }
    if (gaps.some((it) => it.kind !== 'offline' && it.from <= time && time < it.to)) continue
    if (kind === 'clock') {
      machine.skewMs += Number(body)
      continue
    }
    const gap = within(gaps, time)
    if (kind === 'session') {
      if (!gap) out.push({ at: time, line: `${body},"clockSkewMs":${machine.skewMs}}` })
      continue
    }
    // One batch at a time: events during an upload go with the same batch.
    const ready = Math.max(notBefore, gap ? gap.to + 2_000 : time)
    if (machine.uploadAt < ready + 200) machine.uploadAt = ready + 200 + below(random, 2_800)
    const upload = machine.uploadAt
    const seq = kind === 'reused' ? Math.max(1, machine.seq - 20 - below(random, 200)) : ++machine.seq
    const seen = time + machine.skewMs
    const head = `{"type":"event","device":"${machine.device}","receivedAt":`
    const rest =
      `${kind === 'reused' ? ',"conflict":true' : ''},"epoch":${machine.epoch},"event":{${body},"id":"${idOf(machine.hash, kind === 'reused' ? -seq : seq, seen)}",` +
      `"seq":${seq},"time":${seen},"product":"${machine.system}"}${facts === undefined ? '' : `,"facts":${facts}`}}`
    out.push({ at: upload, line: `${head}${upload}${rest}` })
    if (random() < RETRIED) {
      const again = upload + 5_000 + below(random, 55_000)
      out.push({ at: again, line: `${head}${again}${rest}` })
    }
  }
}

const RETRIED = 1 / 3_000

export function within<S extends Span>(spans: readonly S[], time: number): S | undefined {
  for (const span of spans) if (span.from <= time && time < span.to) return span
  return undefined
}

/** A UUID of version 7 whose random part is derived from the number, so that a retry has the same id. */
function idOf(hash: number, seq: number, time: number): string {
  const at = time.toString(16).padStart(12, '0')
  const a = hex8(mixed(hash ^ Math.imul(seq, 0x9e3779b1)))
  const b = hex8(mixed(hash + Math.imul(seq, 0x85ebca6b)))
  const c = hex8(mixed(~hash + Math.imul(seq, 0xc2b2ae35)))
  return `${at.slice(0, 8)}-${at.slice(8)}-7${a.slice(0, 3)}-a${a.slice(3, 6)}-${b}${c.slice(0, 4)}`
}

const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')
