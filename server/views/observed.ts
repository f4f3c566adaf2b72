/**
 * Compares the contract with what was seen: agrees, differs or unknown, line by line. For people; not scored.
 *
 * Shape   always six rows, one per subject of a contract. A row differs when anything seen differs, agrees when
 *         everything seen agrees, and is unknown otherwise: without a contract or a report, with an exit that
 *         proves no place, or on a laptop whose agent cannot see it.
 * Units   places of the last 14 days, tools and hardware of the last 30, clocks as last reported.
 * Source  sightings of the coverage, and the events behind findings. Strings come from laptops: hostile.
 */
import { isSameTool } from '../../rules/catalogue/tool-names.ts'
import type { Contract } from '../../wire/contract.ts'
import type { Event } from '../../wire/event.ts'
import type { NetworkClass } from '../../wire/events/derived.ts'
import { utcOffsets } from '../derive/kit/local-time.ts'
import { kilometres, positionOf } from '../derive/kit/place.ts'
import type { SeenPlace, Sightings } from '../derive/kit/sightings.ts'
import type { Coverage } from '../model/coverage.ts'
import type { Finding } from '../model/finding.ts'
import type { Compared } from './schema.ts'

const DAY = 86_400_000
const PLACE_DAYS = 14
const THING_DAYS = 30
const MAX_SEEN = 32
/** The default of `place_mismatch`: how inaccurate address databases are (N7). */
const TOLERATED_KM = 300
const MOBILE_TOLERATED_KM = 600
/** Exits that an honest worker may not even know of: they prove no place, and differ from nothing. */
const HONEST_EXITS: ReadonlySet<NetworkClass> = new Set(['corporate', 'private_relay', 'sase', 'satellite'])

type Row = Compared
type Item = Row['seen'][number]
type State = Row['state']

export interface ObservedOf {
  worker: string
  /** The contract in force now. */
  contract: Contract | null
  laptops: readonly { device: string; sightings: Sightings; coverage: readonly Coverage[] }[]
  findings: readonly Finding[]
  now: number
}

export function observed(about: ObservedOf): Row[] {
  return [country(about), region(about), timeZone(about), network(about), tools(about), hardware(about)]
}

function country({ contract, ...about }: ObservedOf): Row {
  const agreed = contract?.country ?? null
  const seen = places(about).map(({ device, place }): Item => {
    const item = (state: State, why: string | null) => ({
      ...{ text: place.country ?? 'no known place', state, device, time: place.time, why },
    })
    if (place.country === null) return item('unknown', 'no database knows the address')
    if (!place.proves) return item('unknown', exitSays(place))
    if (agreed === null) return item('unknown', null)
    if (place.country === agreed) return item('agrees', null)
    return onJourney(contract, place) ? item('agrees', 'on an announced journey') : item('differs', null)
  })
  const found = mismatches(about, (it) => it.ObservedCountry !== it.ContractCountry)
  return row('country', agreed === null ? [] : [agreed], [...seen, ...found], {
    agreedSays: contract ? null : NO_CONTRACT,
    unseen: 'no connection in 14 days',
  })
}

const kmAway = (km: number) => `${Math.round(km).toLocaleString('en')} km away`

function region({ contract, ...about }: ObservedOf): Row {
  const agreed = [contract?.city, contract?.region].filter((it) => it != null && it !== '').join(', ')
  const seen = places(about).flatMap(({ device, place }): Item[] => {
    const text = [place.city, place.region].filter(Boolean).join(', ')
    if (text === '') return []
    const item = (state: State, why: string | null): Item[] => [{ text, state, device, time: place.time, why }]
    if (!place.proves) return item('unknown', exitSays(place))
    if (!contract || agreed === '') return item('unknown', null)
    if (onJourney(contract, place)) return item('agrees', 'on an announced journey')
    if (contract.country != null && place.country !== contract.country) return item('differs', 'another country')
    const km = kilometres(contract, positionOf(place))
    const far = place.networkClass === 'mobile' ? MOBILE_TOLERATED_KM : TOLERATED_KM
    if (km !== null && km > far) return item('differs', kmAway(km))
    if (km !== null) {
      const inIt = same(place.region, contract?.region)
      return item('agrees', inIt ? null : `${kmAway(km)}, within the accuracy of address databases`)
    }
    if (same(place.region, contract.region) || same(place.city, contract.city)) return item('agrees', null)
    return item('unknown', 'not comparable: the names differ, and the distance between them is not known')
  })
  const found = mismatches(about, (it) => it.ObservedCountry === it.ContractCountry)
  return row('region', agreed === '' ? [] : [agreed], [...seen, ...found], {
    agreedSays: contract ? null : NO_CONTRACT,
    unseen: 'no address with a known region in 14 days',
  })
}

function timeZone({ worker, contract, laptops }: ObservedOf): Row {
  const agreed = contract?.timeZone ?? null
  const offsetOf = utcOffsets()
  const seen = laptops.flatMap(({ device, sightings: { clock } }): Item[] => {
    // Reported when it changes, so the last report holds until the next.
    if (!clock || clock.worker !== worker) return []
    const { time, utcOffsetMinutes: offset, timeZone } = clock
    const text = [timeZone, offset === null ? null : `UTC${signedHours(offset)}`].filter(Boolean).join(', ')
    const item = (state: State, why: string | null): Item[] => [{ text: text || 'not named', state, device, time, why }]
    if (agreed === null || (timeZone === null && offset === null)) return item('unknown', null)
    if (same(timeZone, agreed)) return item('agrees', null)
    if (timeZone !== null && /^(Etc\/)?(UTC|UCT|GMT|Universal|Zulu)$/.test(timeZone))
      return item('unknown', 'set to UTC, which names no place')
    const wanted = offsetOf(agreed, time)
    if (wanted === null || offset === null) return item('unknown', 'the two cannot be compared')
    return wanted === offset ? item('agrees', 'the same time on the clock') : item('differs', null)
  })
  return row('time_zone', agreed === null ? [] : [agreed], seen, {
    agreedSays: contract ? null : NO_CONTRACT,
    unseen: 'no laptop has reported its clock',
  })
}

function network({ contract, ...about }: ObservedOf): Row {
  const entries = contract?.approvedEgress ?? []
  const agreed = entries.map((it) => it.address ?? it.domain ?? (it.asn == null ? 'an exit' : `AS${it.asn}`))
  const seen = places(about).map(({ device, place }): Item => {
    const { networkClass, asName, time } = place
    const text = [networkClass.replace('_', ' '), asName].filter(Boolean).join(', ')
    const item = (state: State, why: string | null) => ({ text, state, device, time, why })
    if (networkClass === 'unknown') return item('unknown', 'no list knows the address')
    if (!contract) return item('unknown', null)
    if (place.approved) return item('agrees', 'an approved exit')
    if (networkClass === 'residential' || networkClass === 'mobile') return item('agrees', null)
    if (HONEST_EXITS.has(networkClass)) return item('unknown', exitSays(place))
    return item('differs', 'not an approved exit')
  })
  return row('network', agreed, seen, {
    agreedSays: contract ? 'no exit is approved: a home or mobile network is expected' : NO_CONTRACT,
    unseen: 'no connection in 14 days',
  })
}

function tools(about: ObservedOf): Row {
  const entries = about.contract?.approvedTools ?? []
  const agreed = entries.map((it) => [it.tool, it.tenant].filter(Boolean).join(', '))
  return things(about, 'remote_tools', agreed, {
    what: 'tool',
    fromEvent: (it) => (it.category === 'tool' && !it.Approved ? it.Tool : null),
    sight: ['process_creation', 'software'],
    none: 'none approved',
  })
}

function hardware(about: ObservedOf): Row {
  const entries = about.contract?.peripherals ?? []
  const agreed = entries.map((it) =>
    [it.kind, [it.vendorId, it.productId].filter(Boolean).join(':')].filter(Boolean).join(', '),
  )
  return things(about, 'hardware', agreed, {
    what: 'hardware',
    fromEvent: (it) => (it.category === 'hardware' && !it.Approved ? it.Device : null),
    sight: ['usb_device', 'display'],
    none: 'none declared',
  })
}

/** Whether the contract approves the tool in any tenant. */
function approvesAny(contract: Contract | null, tool: string): boolean {
  return contract?.approvedTools?.some((it) => it.tenant == null && isSameTool(it.tool, tool)) ?? false
}

interface ThingsAre {
  what: 'tool' | 'hardware'
  /** The name of the tool or hardware, if the event of a finding reports one that was not agreed. */
  fromEvent: (event: Event) => string | null
  /** Categories that must be visible before 'none seen' means anything. */
  sight: readonly string[]
  none: string
}

function things(about: ObservedOf, name: Row['what'], agreed: string[], { what, fromEvent, sight, none }: ThingsAre) {
  const { worker, contract, laptops, findings, now } = about
  const recent = (time: number) => now - time <= THING_DAYS * DAY
  const state = (approved: boolean): State => (!contract ? 'unknown' : approved ? 'agrees' : 'differs')
  const why = (approved: boolean) => (!contract ? null : approved ? null : 'not in the contract')
  const seen = laptops.flatMap(({ device, sightings }) =>
    sightings.things
      .filter((it) => it.what === what && it.worker === worker && recent(it.time))
      .map(({ id, name: text, time, ...it }): Item => {
        // It may have been approved since it was seen.
        const approved = it.approved || (what === 'tool' && approvesAny(contract, id))
        return { text, state: state(approved), device, time, why: why(approved) }
      }),
  )
  const known = new Set(seen.map((it) => it.text))
  const found = findings.flatMap((finding) =>
    finding.events.flatMap((event): Item[] => {
      const text = recent(event.time) ? fromEvent(event) : null
      if (text === null || known.has(text)) return []
      known.add(text)
      return [{ text, state: state(false), device: finding.device, time: event.time, why: why(false) }]
    }),
  )
  const items = [...seen, ...found]
  const blind = laptops.filter(({ coverage }) => !sight.every((it) => isSighted(coverage, it)))
  const looked = laptops.length > 0 && blind.length === 0
  const made = row(name, agreed, items, {
    agreedSays: contract ? none : NO_CONTRACT,
    unseen:
      laptops.length === 0
        ? 'no laptop reports'
        : looked
          ? 'none in 30 days, and the agent can look'
          : `none, but not every laptop can look for it`,
  })
  return items.length === 0 && looked && contract ? { ...made, state: 'agrees' as const } : made
}

const NO_CONTRACT = 'no contract is known'

function row(
  what: Row['what'],
  agreed: string[],
  seen: Item[],
  { agreedSays, unseen }: { agreedSays: string | null; unseen: string },
): Row {
  const sorted = seen.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || b.time - a.time)
  const any = (state: State) => seen.some((it) => it.state === state)
  return {
    what,
    state: any('differs') ? 'differs' : any('agrees') && !any('unknown') ? 'agrees' : 'unknown',
    agreed,
    agreedSays: agreed.length === 0 ? (agreedSays ?? 'not on record') : null,
    seen: sorted.slice(0, MAX_SEEN),
    unseen: seen.length === 0 ? unseen : null,
  }
}

const ORDER: readonly State[] = ['differs', 'unknown', 'agrees']

/** Where the worker's laptops were last seen. */
function places({ worker, laptops, now }: Omit<ObservedOf, 'contract'>): { device: string; place: SeenPlace }[] {
  return laptops.flatMap(({ device, sightings: { place } }) =>
    place && place.worker === worker && now - place.time <= PLACE_DAYS * DAY ? [{ device, place }] : [],
  )
}

/** Places from findings of the same days that contradict the contract: one line per place. */
function mismatches(
  { findings, now }: Omit<ObservedOf, 'contract'>,
  wanted: (event: Extract<Event, { category: 'place_mismatch' }>) => boolean,
): Item[] {
  const by = new Map<string, Item>()
  for (const { events, device } of findings)
    for (const event of events) {
      if (event.category !== 'place_mismatch' || event.TravelNotice || now - event.time > PLACE_DAYS * DAY) continue
      if (event.Reason === 'operator_address' || !wanted(event)) continue
      const text = [event.ObservedRegion, event.ObservedCountry].filter(Boolean).join(', ') || 'elsewhere'
      const why = `in a finding: on ${event.Days} of 14 days`
      if ((by.get(text)?.time ?? 0) < event.time)
        by.set(text, { text, state: 'differs', device, time: event.time, why })
    }
  return [...by.values()]
}

function onJourney(contract: Contract | null, { country, region }: SeenPlace): boolean {
  return (
    contract?.travelNotices?.some(
      (it) => (it.country ?? country) === country && (it.region == null || same(it.region, region)),
    ) ?? false
  )
}

const EXIT_WORDS: Partial<Record<NetworkClass, string>> = {
  hosting: 'a data centre',
  sase: "a security service's exit",
}

function exitSays({ networkClass, approved }: SeenPlace): string {
  if (approved) return 'an approved exit: it proves no place'
  return `${EXIT_WORDS[networkClass] ?? `a ${networkClass.replace('_', ' ')} exit`}: it proves no place`
}

function isSighted(coverage: readonly Coverage[], category: string): boolean {
  return coverage.some((it) => it.category === category && (it.state === 'seen' || it.state === 'quiet'))
}

function same(a: string | null | undefined, b: string | null | undefined): boolean {
  return a != null && b != null && a.toLowerCase() === b.toLowerCase()
}

/** '+5:30', '-6'. */
function signedHours(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${minutes < 0 ? '-' : '+'}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`
}
