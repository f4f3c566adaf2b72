/**
 * How long a round trip to a place takes at most, when the address tells the truth about the place.
 *
 * Source  light in fibre covers two thirds of its speed in vacuum: 200 km a millisecond, there and back 100.
 */
import * as z from 'zod'
import { kilometres } from './place.ts'

const FIBRE_KM_PER_MS = 0.67 * 299.792

/** For each deriver that judges round trips; set the server's place in all of them. */
export const roundTripThresholds = {
  /** Degrees WGS 84: where this server's listener stands. Null: not known; then distance to it explains nothing. */
  serverLatitude: z.number().min(-90).max(90).nullable().default(null),
  serverLongitude: z.number().min(-180).max(180).nullable().default(null),
  /** How much longer than the great circle cables and routes are: 1.5 to 2 is usual between cities. */
  pathFactor: z.number().min(1).max(10).default(2),
  /** Milliseconds that the last mile takes whatever the distance: DSL interleaving, cable, Wi-Fi. */
  baseMs: z.number().min(0).max(1_000).default(40),
}
export type RoundTripThresholds = z.output<z.ZodObject<typeof roundTripThresholds>>

/** Milliseconds; null where the server's place or the other one is not known. `slackKm` how far off the place may be. */
export function expectedMs(
  thresholds: RoundTripThresholds,
  place: { lat: number | null; lon: number | null },
  slackKm = 0,
): number | null {
  const server = { latitude: thresholds.serverLatitude, longitude: thresholds.serverLongitude }
  const distance = kilometres(server, { latitude: place.lat, longitude: place.lon })
  return distance === null ? null : overKm(thresholds, distance + slackKm)
}

export function overKm({ pathFactor, baseMs }: RoundTripThresholds, km: number): number {
  return ((2 * km) / FIBRE_KM_PER_MS) * pathFactor + baseMs
}
