/**
 * The contract says one place, the connections another (#2, #3).
 *
 * Shape   one `place_mismatch` per `connection` that contradicts the contract; `Days` counts the distinct UTC days of
 *         the last 14 that did, this one included.
 * Silent  where the address proves no place (VPN, relay, Tor, hosting, corporate exits), where the contract names no
 *         country, where the databases know none, and where the contract approves that exit. Mobile and unknown
 *         classes do prove a country, and a distance only past what address databases commonly err by.
 * Memory  up to 14 day numbers a device.
 */
import * as z from 'zod'
import { approvedExit } from './connection.ts'
import { deriverKind } from './deriver.ts'
import { holds } from './world.ts'

const DAY = 86_400_000
const WINDOW_DAYS = 14
/** Look-alike N7: carrier-grade NAT puts an address 300 km off. Nearer than that is no contradiction. */
export const TOLERATED_KM = 300
const PROVES_NO_PLACE = new Set(['vpn', 'private_relay', 'tor', 'hosting', 'corporate'])

export const placeMismatch = deriverKind('place_mismatch', z.strictObject({}), () => {
  let devices = new Map<string, number[]>()
  return {
    take(seen, emit) {
      const { connection, device, contract, time } = seen
      if (!connection || device === null || !contract?.country || !connection.geo.country) return
      const { geo } = connection
      if (PROVES_NO_PLACE.has(geo.class) || approvedExit(contract, connection.remoteAddress, geo.asn, time)) return
      const distance = kilometres(contract, { latitude: geo.lat, longitude: geo.lon })
      const far = distance !== null && distance - (geo.accuracyKm ?? 0) > TOLERATED_KM
      if (geo.country === contract.country && !far) return
      const day = Math.floor(time / DAY)
      const earlier = (devices.get(device) ?? []).filter((it) => it > day - WINDOW_DAYS && it !== day)
      const days = [...earlier, day].slice(-WINDOW_DAYS)
      devices.set(device, days)
      const shipTo = contract.shipTo ? kilometres(contract.shipTo, { latitude: geo.lat, longitude: geo.lon }) : null
      emit(seen, connection.remoteAddress, {
        category: 'place_mismatch',
        Reason: 'contract',
        DaysInPlace: null,
        ContractCountry: contract.country,
        ContractRegion: contract.region ?? null,
        ObservedCountry: geo.country,
        ObservedRegion: geo.region,
        DistanceKm: distance === null ? null : Math.round(distance),
        Days: days.filter((it) => it <= day).length,
        TravelNotice:
          contract.travelNotices?.some((it) => holds(it, time) && (it.country ?? geo.country) === geo.country) ?? false,
        ShipToDistanceKm: shipTo === null ? null : Math.round(shipTo),
      })
    },
    save: () => [...devices],
    load: (state) => {
      devices = new Map(state as [string, number[]][])
    },
  }
})

interface Place {
  latitude?: number | null | undefined
  longitude?: number | null | undefined
}

/** Great-circle distance on a sphere of 6,371 km; null when either place is not known. */
export function kilometres(a: Place, b: Place): number | null {
  if (a.latitude == null || a.longitude == null || b.latitude == null || b.longitude == null) return null
  const rad = Math.PI / 180
  const dLat = (b.latitude - a.latitude) * rad
  const dLon = (b.longitude - a.longitude) * rad
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(dLon / 2) ** 2
  return 2 * 6_371 * Math.asin(Math.min(1, Math.sqrt(h)))
}
