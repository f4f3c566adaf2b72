/**
 * What was seen last on a laptop of the things that contracts speak of: place, clock, remote-control tools, hardware.
 *
 * Shape   by event time, whatever order it came in; each names who held the laptop then, so that a laptop handed on does
 *         not tell the next holder's story. `approved`, `proves`: by the contract that held at `time`.
 * Memory  per device one place, one clock and 32 things, the longest unseen given up first.
 */
import { isRemoteControl } from '../../../rules/catalogue/categories.ts'
import type { NetworkClass } from '../../../wire/events/derived.ts'
import type { Seen } from '../deriver.ts'
import { declares } from '../derivers/hardware.ts'
import { approvedExit, provesPlace } from './place.ts'
import { isApprovedTool } from './tenant.ts'

const MAX_THINGS = 32

interface Sighting {
  worker: string | null
  time: number
}
export interface SeenPlace extends Sighting {
  country: string | null
  region: string | null
  city: string | null
  lat: number | null
  lon: number | null
  networkClass: NetworkClass
  asName: string | null
  /** False: an exit that says where it is, and not where the laptop is. */
  proves: boolean
  approved: boolean
}
export interface SeenClock extends Sighting {
  timeZone: string | null
  utcOffsetMinutes: number | null
}
export interface SeenThing extends Sighting {
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

/** What `seen` adds is written into `memory`. */
export function sight(memory: Sightings, { event, connection, facts, contract, worker, time, conflict }: Seen): void {
  if (connection && time >= (memory.place?.time ?? 0)) {
    const { geo, remoteAddress } = connection
    memory.place = {
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
  if (event.category === 'clock_place' && time >= (memory.clock?.time ?? 0))
    memory.clock = { worker, time, timeZone: event.TimeZone, utcOffsetMinutes: event.UtcOffsetMinutes }
  if (!facts || ('Action' in event && event.Action === 'removed')) return
  for (const it of facts.tools ?? [])
    if (isRemoteControl(it.category))
      put(memory, { what: 'tool', ...named(it), worker, time, approved: isApprovedTool(contract, it, event) })
  const usb = event.category === 'usb_device' ? event : null
  for (const it of facts.hardware ?? [])
    put(memory, { what: 'hardware', ...named(it), worker, time, approved: declares(contract, it.kind, usb) })
}

function named({ id, name }: { id: string; name: string }) {
  return { id, name }
}

function put(memory: Sightings, thing: SeenThing): void {
  const same = (it: SeenThing) => it.what === thing.what && it.id === thing.id && it.worker === thing.worker
  const before = memory.things.find(same)
  if (before && before.time > thing.time) return
  if (before) Object.assign(before, thing)
  else memory.things = [...memory.things, thing].sort((a, b) => b.time - a.time).slice(0, MAX_THINGS)
}
