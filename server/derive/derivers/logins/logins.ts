/**
 * A worker's logins and acts at the code host, judged by themselves: against the contract, journeys, approved exits and
 * the worker's own laptops. A laptop that is off, in the office or behind a VPN excuses nothing (judgement: worker first).
 *
 * Shape   one `login_place` per worker, UTC day, reason, and country or class of exit; not about a laptop.
 *         country         from another country than the contract's (without one: than the laptop is usually in)
 *         exit            through a VPN, a data centre or Tor that the contract does not approve
 *         unknown_device  on a device that is neither ours nor a phone, while the worker's laptop was off all day
 *         own_device      on the worker's own laptop, from a country where that laptop, which was on, was not
 *         approval        the second factor was approved neither where the session is nor at home
 *         `Days`: days of the last 14 with the same reason, whatever the country. `HomeDays`: days of the last 30 on
 *         which logins or laptops prove the contract's country.
 *         The code host's acts are witnesses of country and exit: together with the logins of the same days, so that
 *         `SeenBy` is the code host only where the provider saw none in that time. They may have a country without an
 *         address.
 * Silent  data centres at the code host (build servers), and acts that we have no word for, such as a failed login
 *         there; a country without an address where a laptop's exit or an approved exit may explain it; failed logins; phones; the address of a laptop within a day, which is judged as the laptop's; a foreign
 *         country in which the laptop is too; a phone's provider abroad, because a travel SIM has its exit at home;
 *         gateways of data centres that several colleagues use; a device long used beside the laptop; announced
 *         journeys are marked. Unknown countries and private relays hold nothing.
 * Memory  46 days; `memory.ts` has the bounds. Per data-centre network at most 16 workers.
 */
import * as z from 'zod'
import type { NetworkClass } from '../../../../wire/events/derived.ts'
import { DAY } from '../../../../wire/time.ts'
import { deriverKind, type Seen } from '../../deriver.ts'
import { Names, Subjects, single } from '../../kit/kept.ts'
import { networkOf } from '../../kit/place.ts'
import { statements } from '../../kit/statements.ts'
import type { World } from '../../kit/world.ts'
import { HIDING, judged } from './judge.ts'
import { loginIn, memory, OPEN_DAYS } from './memory.ts'

const WORKERS_AN_EXIT = 16
const MAX_EXITS = 10_000
/** Where a person at the code host may be: homes, phones, and exits that anybody can take. */
const WITNESSES: ReadonlySet<NetworkClass> = new Set(['residential', 'mobile', 'unknown', 'satellite', 'vpn', 'tor'])

const thresholds = z.strictObject({
  /** Hours of grace before and after a travel notice. */
  travelGraceHours: z.number().min(0).max(240).default(24),
  /** Days of use beside the worker's laptop after which another device is the worker's second computer. */
  familiarDays: z.int().min(1).max(30).default(5),
  /** Hours for which a session proves where the laptop is: one that continues is recorded once a day. */
  placeHoldsHours: z.number().min(1).max(72).default(26),
  /** Workers who sign in through one network of a data centre from which it is the company's own gateway. */
  companyExitFrom: z.int().min(2).max(WORKERS_AN_EXIT).default(5),
})

export const logins = deriverKind('logins', thresholds, (limits, world) => {
  const remembered = memory()
  const reported = statements()
  /** By network of a data centre, the workers who signed in through it, the alphabetically first. */
  const exits = new Subjects<string[]>()
  const stale = new Names()
  /** Workers with a login that could be evidence. Not saved: follows from the logins and the world. */
  const suspects = new Set<string>()
  let revision = -1
  const isCompanyExit = (network: string) => (exits.get(network)?.length ?? 0) >= limits.companyExitFrom

  return {
    reads: ['session', 'idp_login', 'repo_audit', 'agent_state', 'presence', 'power_state', 'network_place'],
    take(seen) {
      const { event, connection, device, worker, conflict } = seen
      if (worker === null || conflict) return
      // A laptop's clock may be ahead; what it sends has happened by now.
      const time = Math.min(seen.time, seen.receivedAt)
      if (event?.category === 'idp_login') {
        if (event.Result === 'success') takeLogin(worker, time, seen)
        return
      }
      if (event?.category === 'repo_audit') {
        if (event.Action !== 'unknown') takeAct(worker, time, seen)
        return
      }
      if (device === null) return
      const isNew = remembered.addAwake(worker, time, device)
      const isMoved = connection !== null && remembered.addStay(worker, time, seen)
      if (isMoved) review(worker)
      if ((isNew || isMoved) && suspects.has(worker)) stale.add(worker)
    },
    advance(_, emit) {
      if (revision !== world.revision) {
        revision = world.revision
        for (const worker of remembered.logins.subjects()) {
          review(worker)
          if (suspects.has(worker)) stale.add(worker)
        }
      }
      for (const worker of stale) {
        const reached = Math.max(remembered.logins.reached(worker), remembered.stays.reached(worker))
        const firstDay = Math.floor(reached / DAY) - OPEN_DAYS
        const deps = { limits, world, memory: remembered, isCompanyExit }
        reported.revise(worker, firstDay * DAY, judged(worker, firstDay, deps), emit)
      }
      stale.clear()
    },
    restored() {
      for (const worker of remembered.logins.subjects()) review(worker)
    },
    kept: {
      logins: remembered.logins.kept,
      stays: remembered.stays.kept,
      awake: remembered.awake.kept,
      reported: reported.kept,
      exits,
      stale,
      revision: single(
        () => revision,
        (state) => {
          revision = state
        },
      ),
    },
  }

  function takeLogin(worker: string, time: number, seen: Seen): void {
    const { event, peer } = seen
    if (event?.category !== 'idp_login') return
    if (peer?.class === 'hosting' && event.Ip !== null) addExit(networkOf(event.Ip), worker)
    if (remembered.addLogin(worker, time, seen, event)) judgeAgain(worker)
  }

  function takeAct(worker: string, time: number, seen: Seen): void {
    const { event, peer } = seen
    if (event?.category !== 'repo_audit') return
    // Only what can say something is kept: build servers have many addresses.
    const isSaying = event.Ip === null ? event.Country !== null : peer !== null && WITNESSES.has(peer.class)
    if (isSaying && remembered.addLogin(worker, time, seen, event)) judgeAgain(worker)
  }

  function judgeAgain(worker: string): void {
    review(worker)
    if (suspects.has(worker)) stale.add(worker)
  }

  function addExit(network: string, worker: string): void {
    const known = exits.get(network) ?? []
    if (known.includes(worker) || (known.length === 0 && exits.size >= MAX_EXITS)) return
    const before = isCompanyExit(network)
    exits.set(network, [...known, worker].sort().slice(0, WORKERS_AN_EXIT))
    if (!before && isCompanyExit(network)) for (const it of exits.get(network)!) stale.add(it)
  }

  /** Nearly all logins are from home, on a laptop of ours, and need no closer look. */
  function review(worker: string): void {
    const countries = new Set(world.versionsOf(worker).map((it) => it.country ?? null))
    const home = countries.size === 1 ? [...countries][0]! : null
    const isAtHome = home !== null && remembered.staysIn(worker, home)
    const isOrdinary = remembered.logins.keys(worker).every((key) => isOrdinaryLogin(key, home, isAtHome, world))
    if (isOrdinary && !reported.has(worker)) suspects.delete(worker)
    else suspects.add(worker)
  }
})

/** `isAtHome`: no laptop of the worker was seen elsewhere. */
function isOrdinaryLogin(key: string, home: string | null, isAtHome: boolean, world: World): boolean {
  const { managed, mobile, deviceId, geo, approval } = loginIn(key)
  if (approval && approval.country !== home && approval.country !== geo.country) return false
  if (mobile === true) return true
  if (managed === false || HIDING.has(geo.class)) return false
  if (deviceId !== null && (!isAtHome || world.deviceNamed(deviceId) === null)) return false
  return geo.country === null || geo.country === home
}
