/**
 * The latest place, clock, remote-control tools and hardware seen on a laptop: the things that contracts regulate.
 *
 * Shape   the latest by event time, whatever order events arrive in. Each has the worker who held the laptop then, so
 *         that it is not attributed to the next holder. `approved`, `proves`: by the contract in force at `time`.
 * Memory  per device one place, one clock and 32 things, those not seen for longest dropped first.
 */
import { isRemoteControl } from '../../../rules/catalogue/categories.ts'
import type { NetworkClass } from '../../../wire/events/derived.ts'
import type { Seen } from '../deriver.ts'
import { declares } from '../derivers/hardware.ts'
import { approvedExit, provesPlace } from './place.ts'
import { isApprovedTool, tenantsIn } from './tenant.ts'

const MAX_THINGS = 32

interface SeenBy {
  worker: string | null
  time: number
}
export interface SeenPlace extends SeenBy {
  country: string | null
  region: string | null
  city: string | null
  lat: number | null
  lon: number | null
  networkClass: NetworkClass
  asName: string | null
  /** False: a shared exit, which does not show where the laptop is. */
  proves: boolean
  approved: boolean
}
export interface SeenClock extends SeenBy {
  timeZone: string | null
  utcOffsetMinutes: number | null
}
export interface SeenThing extends SeenBy {
  what: 'tool' | 'hardware'
  id: string
  name: string
  approved: boolean
}
export interface Sightings {
  place: SeenPlace | null
  clock: SeenClock | null
  things: SeenThing[]
}

export function noSightings(): Sightings {
  return { place: null, clock: null, things: [] }
}

/** Adds what `seen` shows to `sightings`. */
export function addSighting(
  sightings: Sightings,
  { event, connection, facts, contract, worker, time, conflict }: Seen,
): void {
  if (connection && time >= (sightings.place?.time ?? 0)) {
    const { geo, remoteAddress } = connection
    sightings.place = {
      worker,
      time,
      country: geo.country,
      region: geo.region,
      city: geo.city,
      lat: geo.lat,
      lon: geo.lon,
      networkClass: geo.class,
      asName: geo.asName ?? null,
      proves: provesPlace(contract, remoteAddress, geo, time),
      approved: approvedExit(contract, remoteAddress, geo.asn, time),
    }
  }
  if (!event || conflict) return
  if (event.category === 'clock_place' && time >= (sightings.clock?.time ?? 0))
    sightings.clock = { worker, time, timeZone: event.TimeZone, utcOffsetMinutes: event.UtcOffsetMinutes }
  if (!facts || ('Action' in event && event.Action === 'removed')) return
  const tenants = { shown: facts.tools ? tenantsIn(event) : [], installed: [] }
  for (const it of facts.tools ?? [])
    if (isRemoteControl(it.category))
      put(sightings, { what: 'tool', ...named(it), worker, time, approved: isApprovedTool(contract, it, tenants) })
  const usb = event.category === 'usb_device' ? event : null
  for (const it of facts.hardware ?? [])
    put(sightings, { what: 'hardware', ...named(it), worker, time, approved: declares(contract, it, usb) })
}

function named({ id, name }: { id: string; name: string }) {
  return { id, name }
}

function put(sightings: Sightings, thing: SeenThing): void {
  const same = (it: SeenThing) => it.what === thing.what && it.id === thing.id && it.worker === thing.worker
  const before = sightings.things.find(same)
  if (before && before.time > thing.time) return
  if (before) Object.assign(before, thing)
  else sightings.things = [...sightings.things, thing].sort((a, b) => b.time - a.time).slice(0, MAX_THINGS)
}
