/**
 * Incoming remote-control sessions: who drove which laptop, from where, for how long, in whatever order the tools' logs
 * arrive.
 *
 * Shape   one entry per laptop, tool, operator and start, as its latest event says. An operator is the id in the tool's
 *         log, or else the address. `end` null: no event has said it yet, or the log never does.
 * Memory  per laptop the sessions of `SESSION_DAYS`, `MAX_SESSIONS` at most, the shortest dropped first.
 */
import { toolIdOf } from '../../../rules/catalogue/tool-names.ts'
import type { EventOf } from '../../../wire/event.ts'
import type { AddressFacts } from '../../../wire/recording.ts'
import { DAY, MINUTE } from '../../../wire/time.ts'
import { APPRAISED_DAYS } from './appraised-days.ts'
import type { Sighting } from './installations.ts'
import { mapCodec, type Parts, Subjects } from './kept.ts'
import { isLater, shortest } from './remote-sessions.ts'

/** What the longest comparison looks back on, and as far back as what was declared later is applied. */
export const SESSION_DAYS = APPRAISED_DAYS + 15
const MAX_SESSIONS = 512
/**
 * A help desk (N1, F20) is on one laptop for less than an hour a day, and on few days of six weeks; whoever works on a
 * laptop is there for longer, or again and again. Our judgement.
 */
const HELP_MINUTES = 60
const HELP_DAYS = 5

export interface DrivenSession {
  /** As the tool's log names it. */
  tool: string
  toolId: string
  operator: string
  ip: string | null
  place: Pick<AddressFacts, 'country' | 'region' | 'asn' | 'class'> | null
  start: number
  end: number | null
  /** Of its latest event. */
  time: number
  id: string
}

export class DrivenLaptops {
  readonly #laptops = new Subjects<Map<string, DrivenSession>>(mapCodec(), (device, sessions) => {
    for (const { operator } of sessions.values()) this.#index(operator, device)
  })
  /** By operator; follows from the sessions. */
  readonly #laptopsOf = new Map<string, Set<string>>()
  readonly kept: Parts = { laptops: this.#laptops }

  /** True when the sessions of the laptop changed. */
  take({ event, device, peer, time, receivedAt, conflict }: Sighting): boolean {
    if (event?.category !== 'remote_session' || event.Direction !== 'incoming') return false
    if (device === null || conflict || time > receivedAt + DAY) return false
    const session = sessionOf(event, peer)
    const sessions = this.#laptops.ensure(device, () => new Map())
    const key = JSON.stringify([session.toolId, session.operator, event.StartedAt])
    const before = sessions.get(key)
    if (before && !isLater(session, before)) return false
    sessions.set(key, session)
    const oldest = Math.max(...[...sessions.values()].map((it) => it.start)) - SESSION_DAYS * DAY
    for (const [name, it] of sessions) if (it.start < oldest) this.#remove(device, sessions, name)
    if (sessions.size > MAX_SESSIONS) this.#remove(device, sessions, shortest(sessions))
    this.#laptops.touch(device)
    this.#index(session.operator, device)
    return true
  }

  of(device: string): Iterable<DrivenSession> {
    return this.#laptops.get(device)?.values() ?? []
  }

  laptops(): Iterable<string> {
    return this.#laptops.keys()
  }

  /** The laptops that the operator was on. */
  laptopsOf(operator: string): ReadonlySet<string> {
    return this.#laptopsOf.get(operator) ?? NONE
  }

  /**
   * Whether the operator only helps on this laptop: briefly, and on few days. False also where it is not known how long
   * the sessions lasted.
   */
  isHelp(device: string, operator: string): boolean {
    const minutes = new Map<number, number>()
    for (const it of this.of(device)) {
      if (it.operator !== operator) continue
      if (it.end === null) return false
      const day = Math.floor(it.start / DAY)
      minutes.set(day, (minutes.get(day) ?? 0) + (it.end - it.start) / MINUTE)
    }
    return minutes.size <= HELP_DAYS && [...minutes.values()].every((it) => it < HELP_MINUTES)
  }

  #index(operator: string, device: string): void {
    const laptops = this.#laptopsOf.get(operator) ?? new Set()
    this.#laptopsOf.set(operator, laptops.add(device))
  }

  #remove(device: string, sessions: Map<string, DrivenSession>, key: string): void {
    const { operator } = sessions.get(key)!
    sessions.delete(key)
    if ([...sessions.values()].some((it) => it.operator === operator)) return
    const laptops = this.#laptopsOf.get(operator)
    laptops?.delete(device)
    if (laptops?.size === 0) this.#laptopsOf.delete(operator)
  }
}

const NONE: ReadonlySet<string> = new Set()

function sessionOf(event: EventOf<'remote_session'>, peer: AddressFacts | null): DrivenSession {
  const { id, time, Tool: tool, PeerIp: ip, PeerIdHash, StartedAt, EndedAt } = event
  const start = Math.min(StartedAt, time)
  return {
    ...{ tool, toolId: toolIdOf(tool), operator: PeerIdHash ?? ip ?? '', ip },
    place: peer && { country: peer.country, region: peer.region, asn: peer.asn, class: peer.class },
    // An end later than the event is not an end yet; the clocks of a log and of the agent may differ a little.
    ...{ start, end: EndedAt === null || EndedAt > time + MINUTE ? null : Math.max(start, EndedAt), time, id },
  }
}
