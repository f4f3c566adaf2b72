/**
 * The longest round trip to expect when a laptop is where its address says.
 *
 * Source  light in fibre travels at two thirds of its speed in vacuum: 200 km in a millisecond, so 100 km there and
 *         back.
 */
import * as z from 'zod'
import { kilometres } from './place.ts'

/** Km of glass fibre that light covers in a millisecond. */
export const FIBRE_KM_PER_MS = 0.67 * 299.792

/** Thresholds of every deriver that judges round trips; set the server's place in all of them. */
export const roundTripThresholds = {
  /** Degrees WGS 84: the place of this server's listener. Null: unknown; distances to it are then not used. */
  serverLatitude: z.number().min(-90).max(90).nullable().default(null),
  serverLongitude: z.number().min(-180).max(180).nullable().default(null),
  /** Length of the cable route over that of the great circle: 1.5 to 2 is usual between cities. */
  pathFactor: z.number().min(1).max(10).default(2),
  /** Milliseconds for the last mile, whatever the distance: DSL interleaving, cable, Wi-Fi. */
  baseMs: z.number().min(0).max(1_000).default(40),
}
export type RoundTripThresholds = z.output<z.ZodObject<typeof roundTripThresholds>>

/** Milliseconds; null when the place of the server or the laptop is unknown. `slackKm`: the place's uncertainty. */
export function expectedMs(
  thresholds: RoundTripThresholds,
  place: { lat: number | null; lon: number | null },
  slackKm = 0,
): number | null {
  const server = { latitude: thresholds.serverLatitude, longitude: thresholds.serverLongitude }
  const distance = kilometres(server, { latitude: place.lat, longitude: place.lon })
  return distance === null ? null : overKm(thresholds, distance + slackKm)
}

/** Milliseconds for a distance. */
export function overKm({ pathFactor, baseMs }: RoundTripThresholds, km: number): number {
  return ((2 * km) / FIBRE_KM_PER_MS) * pathFactor + baseMs
}
