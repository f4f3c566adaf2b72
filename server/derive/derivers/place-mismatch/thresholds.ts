/** From when on a place contradicts the contract. */
import * as z from 'zod'
import { roundTripThresholds } from '../../kit/round-trip.ts'

/** The vocabulary's 'of the last 14'. */
export const WINDOW_DAYS = 14
/** A first boot is judged by what follows, so its event can change for this long. */
export const MAX_CONVERGE_DAYS = 14

export const thresholds = z.strictObject({
  ...roundTripThresholds,
  /** Km from the contract's place that still match it. N7: carrier-grade NAT moves addresses by 300 km. */
  toleratedKm: z.number().min(0).max(20_000).default(300),
  /** The same for mobile networks, whose gateways are in a few cities of a country. */
  mobileToleratedKm: z.number().min(0).max(20_000).default(600),
  /** Km from the contract's place within which another country may be that of a border town's provider. */
  borderKm: z.number().min(0).max(1_000).default(50),
  /** Hours of grace before and after a travel notice: people leave the evening before and return the morning after. */
  travelGraceHours: z.number().min(0).max(240).default(24),
  /** Hours after the first boot (or the contract's start when that is unknown) that count as first (#2). */
  firstBootHours: z.number().min(1).max(336).default(72),
  /** Km from the shipping address from which a first boot is far from it (#2: 150). */
  shipToKm: z.number().min(0).max(20_000).default(150),
  /** Days from the first boot within which a laptop may still arrive at the contract's place, which retracts #2. */
  convergeDays: z.int().min(1).max(MAX_CONVERGE_DAYS).default(10),
  /** Least number of days in place for that. */
  convergedDays: z.int().min(1).max(MAX_CONVERGE_DAYS).default(2),
  /** Days since a laptop was first seen before `never_converged` is possible (#3). */
  observedDays: z.int().min(2).max(365).default(14),
  /** Days of the last 14 with a proven place outside announced journeys that #3 requires. */
  provenDays: z.int().min(1).max(WINDOW_DAYS).default(7),
  /** Days in the contract's country that must precede another country for a reappearance (#59). */
  homeDays: z.int().min(1).max(365).default(3),
  /** Days abroad that #59 requires: an address database may be wrong for one day. */
  abroadDays: z.int().min(1).max(WINDOW_DAYS).default(2),
  /** Hours between the first and last connection of one day that are enough instead. */
  abroadSpanHours: z.number().min(0).max(24).default(6),
  /** Milliseconds above what the contract's place explains, from which the round trip says elsewhere (#53: 80). */
  excessMs: z.number().min(1).max(5_000).default(80),
  /**
   * Days for which an address at which the laptop was in place outweighs a database that now has it elsewhere; as
   * `place_changes.doubtDays`.
   */
  doubtDays: z.number().min(1).max(365).default(45),
})
export type PlaceLimits = z.output<typeof thresholds>
