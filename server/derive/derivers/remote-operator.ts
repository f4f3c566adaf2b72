/**
 * Who drives a laptop through a remote-control tool, from where and for how long (#25, #27, P26). An approved tool has
 * operators too: its approval lowers what is found, and does not say who uses it.
 *
 * Shape   one `remote_operator` per laptop, tool, operator and UTC day with a session, at the day's first moment of it.
 *         `Hours` and `Days` are of the last `WINDOW_DAYS`, including the day. `Helps`: the operator is on this laptop
 *         briefly and on few days, as a help desk is (N1, F20). `Laptops`: those that the operator was on in the last
 *         weeks, `MANY` at most. `Abroad` null: the operator's place or the worker's is unknown, or the address is an
 *         exit that the contract approves or that companies share, which proves no place.
 *         Of several places on one day, one abroad counts, then the earliest.
 * Silent  outgoing sessions, and those whose end is not known until it is: they count from start to latest event.
 * Memory  per laptop the days of its own countries for 50 days, and the events of 35.
 */
import * as z from 'zod'
import { toolCategoryOf } from '../../../rules/catalogue/tool-names.ts'
import { sha256 } from '../../../wire/sha256.ts'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { type Draft, deriverKind } from '../deriver.ts'
import { isAgreed } from '../kit/agreed-hours.ts'
import { APPRAISED_DAYS } from '../kit/appraised-days.ts'
import { type DrivenSession, SESSION_DAYS } from '../kit/driven-laptops.ts'
import { mapCodec, Names, Subjects } from '../kit/kept.ts'
import { utcOffsets } from '../kit/local-time.ts'
import { announced, approvedExit, provesPlace } from '../kit/place.ts'
import { type Statement, statements } from '../kit/statements.ts'

const WINDOW_DAYS = 14
/** On so many laptops, more make no difference. */
const MANY = 10
const SLOT_MS = 30 * MINUTE

const thresholds = z.strictObject({
  /** Hours of grace before and after a travel notice: people leave the evening before and return the morning after. */
  travelGraceHours: z.number().min(0).max(240).default(24),
  /** Local hours at which the night begins and ends where no hours are declared: '22-08' (threat model #101). */
  nightFrom: z.int().min(0).max(23).default(22),
  nightTo: z.int().min(0).max(23).default(8),
})

type OperatorDraft = Extract<Draft, { category: 'remote_operator' }>

/** Milliseconds on each UTC day, and the first moment of it. */
type Days = Map<number, { ms: number; first: number }>

export const remoteOperator = deriverKind('remote_operator', thresholds, (limits, world) => {
  /** By laptop, the countries that its own connections prove, by day. */
  const countries = new Subjects<Map<number, string>>(mapCodec())
  const due = new Names()
  const reported = statements()
  const offsetAt = utcOffsets()

  return {
    reads: ['session', 'remote_session'],
    take({ event, connection, device, contract, time }) {
      if (device === null) return
      if (connection) {
        const { geo, remoteAddress } = connection
        if (geo.country && provesPlace(contract, remoteAddress, geo, time)) addCountry(device, time, geo.country)
      } else if (event?.category === 'remote_session') {
        const laptops = world.sessions.laptopsOf(event.PeerIdHash ?? event.PeerIp ?? '')
        // Whether an operator helps many changes what is said about each.
        if (laptops.size <= MANY) for (const it of laptops) due.add(it)
      }
    },
    changed({ worker, device }) {
      const theirs = device !== null ? [device] : worker !== null ? world.devicesOf(worker) : world.sessions.laptops()
      for (const it of theirs) due.add(it)
    },
    commonChanged() {
      for (const it of world.sessions.laptops()) due.add(it)
    },
    advance(_now, emit) {
      for (const device of due) {
        const sessions = [...world.sessions.of(device)]
        if (sessions.length === 0) continue
        const since = Math.floor(Math.max(...sessions.map((it) => it.start)) / DAY) - APPRAISED_DAYS
        const byOperator = Map.groupBy(sessions, (it) => `${it.toolId} ${it.operator}`)
        const all = [...byOperator.values()].flatMap((theirs) => statementsOf(device, theirs, since))
        reported.revise(device, since * DAY, all, emit)
      }
      due.clear()
    },
    kept: { countries, due, reported: reported.kept },
  }

  function addCountry(device: string, time: number, country: string): void {
    const days = countries.ensure(device, () => new Map())
    const day = Math.floor(time / DAY)
    const known = days.get(day) ?? ''
    if (known.includes(country)) return
    days.set(day, [...known.split(' '), country].sort().join(' ').trim())
    for (const it of days.keys()) if (it < day - SESSION_DAYS) days.delete(it)
    countries.touch(device)
    if ([...world.sessions.of(device)].length > 0) due.add(device)
  }

  /** `sessions`: all of one operator with one tool. */
  function statementsOf(device: string, sessions: DrivenSession[], since: number): Statement[] {
    const days = daysOf(sessions)
    return [...days].flatMap(([day, { ms, first }]) => {
      if (day < since) return []
      const window = [...days].filter(([it]) => it > day - WINDOW_DAYS && it <= day)
      const within = sessions.filter((it) => it.start < (day + 1) * DAY && endOf(it) >= (day - WINDOW_DAYS + 1) * DAY)
      const worker = world.holderAt(device, first)
      const { tool, toolId, operator } = sessions[0]!
      const draft: OperatorDraft = {
        category: 'remote_operator',
        Tool: tool,
        ToolId: toolId,
        Approved: world.approvesSession(device, worker, tool, first),
        OperatorHash: sha256(operator).slice(0, 32),
        ...placeOn(day, device, worker, within),
        HoursToday: hours(ms),
        Hours: hours(window.reduce((sum, [, it]) => sum + it.ms, 0)),
        Days: window.length,
        OffHoursShare: offHoursShare(worker, within),
        Helps: world.sessions.isHelp(device, operator),
        Laptops: Math.min(MANY, world.sessions.laptopsOf(operator).size),
        CommonHere: world.isCommonHere(device, first, { id: toolId, category: toolCategoryOf(tool) ?? '' }, []),
      }
      return [{ about: { device, worker, time: first }, key: `${toolId} ${operator}`, draft }]
    })
  }

  function placeOn(day: number, device: string, worker: string | null, within: readonly DrivenSession[]) {
    const today = within.filter((it) => it.start < (day + 1) * DAY && endOf(it) >= day * DAY)
    const places = today
      .map((it) => ({ session: it, place: placeOf(device, worker, it, day) }))
      .sort(
        (a, b) =>
          Number(b.place.Abroad === true) - Number(a.place.Abroad === true) ||
          a.session.start - b.session.start ||
          (a.session.id < b.session.id ? -1 : 1),
      )
    return places[0]!.place
  }

  function placeOf(device: string, worker: string | null, { place, ip, start }: DrivenSession, day: number) {
    const contract = world.contractAt(worker, start)
    const home = contract?.country ? [contract.country] : (countries.get(device)?.get(day)?.split(' ') ?? [])
    const isOurExit = ip !== null && approvedExit(contract, ip, place?.asn ?? null, start)
    const isUnknown = !place?.country || home.length === 0 || isOurExit || PROVE_NOTHING.has(place.class)
    return {
      OperatorCountry: place?.country ?? null,
      OperatorRegion: place?.region ?? null,
      NetworkClass: place?.class ?? null,
      ContractCountry: contract?.country ?? null,
      Abroad: isUnknown ? null : !home.includes(place.country!),
      TravelNotice: place ? announced(world, worker, place, start, limits.travelGraceHours * HOUR) : false,
    }
  }

  /** The share of the time outside the agreed hours; null without a time zone. */
  function offHoursShare(worker: string | null, sessions: readonly DrivenSession[]): number | null {
    let [off, all] = [0, 0]
    for (const session of sessions)
      for (let time = session.start; time < endOf(session); time += SLOT_MS) {
        const contract = world.contractAt(worker, time)
        const offset = contract?.timeZone ? offsetAt(contract.timeZone, time) : null
        if (!contract || offset === null) continue
        all++
        if (!isAgreed(contract, time + offset * MINUTE, limits)) off++
      }
    return all === 0 ? null : Math.round((off / all) * 100) / 100
  }
})

/** Exits that all of a company leaves by, wherever the operator sits. */
const PROVE_NOTHING: ReadonlySet<string> = new Set(['corporate', 'sase', 'satellite', 'private_relay'])

function endOf({ start, end, time }: DrivenSession): number {
  return Math.min(end ?? Math.max(start, time), start + 2 * DAY)
}

function hours(ms: number): number {
  return Math.round((ms / HOUR) * 100) / 100
}

/** Overlapping sessions count once. */
function daysOf(sessions: DrivenSession[]): Days {
  const days: Days = new Map()
  let covered = Number.NEGATIVE_INFINITY
  for (const session of sessions.sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1))) {
    const end = Math.max(endOf(session), session.start + 1)
    for (let from = Math.max(session.start, covered); from < end; ) {
      const day = Math.floor(from / DAY)
      const to = Math.min(end, (day + 1) * DAY)
      const before = days.get(day) ?? { ms: 0, first: from }
      days.set(day, { ms: before.ms + to - from, first: before.first })
      from = to
    }
    covered = Math.max(covered, end)
  }
  return days
}
