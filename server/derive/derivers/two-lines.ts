/**
 * An account that is used on two lines at once: somebody signs in on a computer that is not managed, behind another
 * line, in the minutes in which somebody is at the worker's laptop (#50, #52, P9). Both may be in one town, as
 * with a proxy at a household nearby; a person has one pair of hands.
 *
 * Shape   an `identity_conflict` with the reason `two_lines`, one per worker and UTC day, at the first such login; not
 *         about a laptop. `Days`: distinct UTC days of the last 14. At the laptop is somebody who unlocks it or who was
 *         active for half of a presence window or more, within a quarter of an hour or so.
 * Silent  phones, managed laptops, logins of which the provider does not say; a laptop that was behind anything but
 *         homes' lines on that day, because a VPN, an office or a phone as modem is another line by itself; a line that
 *         a laptop of theirs was behind within the two weeks before or the week after (N38: a flat with two lines); another
 *         address of the same provider, because one household may have two (IPv4 and IPv6, a carrier's pool), unless both
 *         are IPv4 and the laptop kept its own network in the days around; approved exits, and announced journeys.
 * Memory  38 days. Per worker and hour at most 16 lines of such logins; per worker and day the lines of the laptops,
 *         and three numbers with a bit for each quarter of an hour.
 */
import * as z from 'zod'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { deriverKind, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets } from '../kit/buckets.ts'
import { Names } from '../kit/kept.ts'
import { announced, approvedExit, networkOf } from '../kit/place.ts'
import { type Statement, statements } from '../kit/statements.ts'
import { conflictOf } from './identity-conflict/conflict.ts'

const WINDOW_DAYS = 14
/** A day counts for as long, and the lines of as many days before it decide about it. */
const KEEP_MS = LATENESS_MS + (2 * WINDOW_DAYS + 2) * DAY
/** How long after a login a laptop may come to its line: no longer than a day is judged again. */
const AFTER_DAYS = LATENESS_MS / DAY - 1
const QUARTER = 15 * MINUTE
/** In one number. */
const BITS = 32

const thresholds = z.strictObject({
  /** Quarters of an hour around a login's own in which somebody must have been at the laptop. */
  aroundQuarters: z.int().min(0).max(4).default(1),
  /** The share of a presence window that must be active, so that somebody was there for most of it. Our judgement. */
  activeShare: z.number().min(0.1).max(1).default(0.5),
  /** Hours of grace before and after a travel notice. */
  travelGraceHours: z.number().min(0).max(240).default(24),
})

type Line = [kind: string, asn: number | null, network: string]

export const twoLines = deriverKind('two_lines', thresholds, (limits, world) => {
  const earliest = ([a]: readonly number[], [b]: readonly number[]) => [Math.min(a!, b!)]
  const both = (a: readonly number[], b: readonly number[]) => a.map((it, n) => (it | b[n]!) >>> 0)
  /** By worker: logins on computers that are not managed, by the provider's number and the network. */
  const logins = buckets({ keepMs: KEEP_MS, bucketMs: HOUR, width: 1, merge: earliest })
  /** By worker: the class, the provider's number and the network of the laptops' exits. */
  const exits = buckets({ keepMs: KEEP_MS, bucketMs: DAY, width: 1, merge: earliest })
  /** By worker: one bit for each quarter of an hour in which somebody was at a laptop. */
  const hands = buckets({ keepMs: KEEP_MS, bucketMs: DAY, width: 3, merge: both })
  const reported = statements()
  const stale = new Names()

  return {
    reads: ['session', 'idp_login', 'logon', 'presence'],
    take(seen) {
      const { event, connection, device, worker, conflict } = seen
      if (worker === null || conflict) return
      const time = Math.min(seen.time, seen.receivedAt)
      let isNew = false
      if (event?.category === 'idp_login') isNew = takeLogin(worker, time, seen)
      else if (device !== null && connection) {
        const { class: kind, asn } = connection.geo
        isNew = exits.add(worker, time, JSON.stringify([kind, asn, networkOf(connection.remoteAddress)]), [time])
      } else if (device !== null) isNew = takeHands(worker, time, seen)
      if (isNew && (logins.keys(worker).length > 0 || reported.has(worker))) stale.add(worker)
    },
    advance(_, emit) {
      for (const worker of stale) {
        const reached = Math.max(...[logins, exits, hands].map((it) => it.reached(worker)))
        const from = Math.floor((reached - LATENESS_MS) / DAY) * DAY
        reported.revise(worker, from, judged(worker, from), emit)
      }
      stale.clear()
    },
    kept: { logins: logins.kept, exits: exits.kept, hands: hands.kept, reported: reported.kept, stale },
  }

  function takeLogin(worker: string, time: number, { event, peer, contract }: Seen): boolean {
    if (event?.category !== 'idp_login' || event.Result !== 'success' || event.Ip === null) return false
    if (event.ManagedDevice !== false || event.Mobile !== false) return false
    if (peer?.class !== 'residential' || peer.asn === null) return false
    if (event.DeviceId !== null && world.deviceNamed(event.DeviceId) !== null) return false
    if (approvedExit(contract, event.Ip, peer.asn, time)) return false
    if (announced(world, worker, peer, time, limits.travelGraceHours * HOUR)) return false
    return logins.add(worker, time, JSON.stringify([peer.asn, networkOf(event.Ip)]), [time])
  }

  function takeHands(worker: string, time: number, { event }: Seen): boolean {
    if (event?.category === 'logon')
      // A logon from another computer is somebody who is not there.
      return event.Action === 'logon' && event.SourceIp === null && mark(worker, time, time)
    if (event?.category !== 'presence') return false
    const { ActiveMinutes, WindowSeconds } = event
    const isHere = ActiveMinutes * 60 >= WindowSeconds * limits.activeShare
    return isHere && mark(worker, time - Math.min(WindowSeconds * 1_000, DAY) + 1, time)
  }

  function mark(worker: string, from: number, to: number): boolean {
    let isNew = false
    for (let quarter = Math.floor(from / QUARTER); quarter <= Math.floor(to / QUARTER); quarter++) {
      const at = quarter % (DAY / QUARTER)
      const bits = [0, 0, 0]
      bits[Math.floor(at / BITS)] = (1 << (at % BITS)) >>> 0
      isNew = hands.add(worker, quarter * QUARTER, '', bits) || isNew
    }
    return isNew
  }

  function judged(worker: string, from: number): Statement[] {
    const days = new Map<number, number>()
    for (const { key, values } of logins.of(worker)) {
      const time = values[0]!
      const day = Math.floor(time / DAY)
      const [asn, network] = JSON.parse(key) as [number, string]
      if (isOnAnotherLine(worker, day, asn, network) && isSomebodyAt(worker, time))
        days.set(day, Math.min(days.get(day) ?? Number.POSITIVE_INFINITY, time))
    }
    return [...days]
      .filter(([, time]) => time >= from)
      .map(([day, time]) => ({
        about: { device: null, worker, time },
        key: 'two_lines',
        draft: {
          ...conflictOf('two_lines'),
          ManagedDevice: false,
          Days: [...days.keys()].filter((it) => it <= day && it > day - WINDOW_DAYS).length,
        },
      }))
  }

  /** All laptops were behind homes' lines on that day, and none of them can be the same, nor one that they knew. */
  function isOnAnotherLine(worker: string, day: number, asn: number, network: string): boolean {
    const linesOn = (it: number) => exits.at(worker, it * DAY).map(({ key }) => JSON.parse(key) as Line)
    const lines = linesOn(day)
    for (let it = day - WINDOW_DAYS; it <= day + AFTER_DAYS; it++)
      if (linesOn(it).some(([, ownAsn, own]) => ownAsn === asn && own === network)) return false
    const around = [-3, -2, -1, 1].flatMap((it) => linesOn(day + it))
    const isSteady = around.length > 0 && new Set([...lines, ...around].map(([, , own]) => own)).size === 1
    const isOther = (own: string) => isSteady && own !== network && [own, network].every(isIpv4)
    return (
      lines.length > 0 &&
      lines.every(
        ([kind, ownAsn, own]) => kind === 'residential' && ownAsn !== null && (ownAsn !== asn || isOther(own)),
      )
    )
  }

  function isSomebodyAt(worker: string, time: number): boolean {
    const quarter = Math.floor(time / QUARTER)
    for (let it = quarter - limits.aroundQuarters; it <= quarter + limits.aroundQuarters; it++) {
      const at = it % (DAY / QUARTER)
      const [marked] = hands.at(worker, it * QUARTER)
      if (marked && (marked.values[Math.floor(at / BITS)]! & (1 << (at % BITS))) !== 0) return true
    }
    return false
  }
})

/** Three bytes of it: see `networkOf`. */
function isIpv4(network: string): boolean {
  return network.split('.').length === 3
}
