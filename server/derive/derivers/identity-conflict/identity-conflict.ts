/**
 * One identity used in two ways that exclude each other.
 *
 * Shape   sequence_replay    a sequence number was used again by another event (#98): one per device and UTC day.
 *         two_fingerprints   a session or the agent itself from other hardware (#98, P23), when the previous hardware
 *                            is seen again soon afterwards, or both at nearly the same time: one per device and UTC
 *                            day.
 *         fingerprint_changed  the hardware changed once and stayed changed: a repair or a new disk (N26).
 *         two_machines_at_once, two_boots_at_once   two boots of other hardware, or of the same or unknown hardware,
 *                            that overlap: one per device and UTC day. A machine has one boot at a time.
 *         virtual_after_hardware, virtual_though_listed   the agent calls its machine virtual (#99), after it had not,
 *                            or although the roster lists a serial number: one per device and UTC day.
 *         two_places         a login from one place while the worker's own laptops were in use elsewhere (#50, #52,
 *                            P9): one per worker, UTC day, country and region of the login, and whether its device is
 *                            managed; not about a laptop. All laptops in use must have a proven place away from the
 *                            login.
 *         `Days`: distinct UTC days of the last 7, including this one.
 * Silent  failed logins, logins from phones, during an announced journey there, or through an exit that proves no
 *         place.
 * Memory  ten days. Per device up to five numbers for each fingerprint and boot and six hours; per worker as much for each laptop's
 *         network, two a day for when a laptop was in use, two for each hour and place with a login, and the days of
 *         conflict of the week before.
 */
import * as z from 'zod'
import { deriverKind } from '../../deriver.ts'
import { prefixed } from '../../kit/kept.ts'
import { statements } from '../../kit/statements.ts'
import { laptopConflicts } from './laptop-conflicts.ts'
import { placeConflicts } from './place-conflicts.ts'

const thresholds = z.strictObject({
  /** Hours within which the previous hardware must be seen again for a change to be a second machine (see N26). */
  backWithinHours: z.number().min(0).max(24).default(24),
  /** Minutes between two fingerprints that are too short for a repair. */
  togetherMinutes: z.number().min(0).max(1_440).default(60),
  /** Minutes for which two boots must overlap: what is told around a restart may name the other one. Our judgement. */
  overlapMinutes: z.number().min(0).max(1_440).default(240),
  /** Hours around a login within which a laptop must have sent an event to be in use; in whole UTC hours. */
  activeWithinHours: z.int().min(0).max(12).default(1),
  /** Hours for which a session proves where the laptop is: a session that continues is not recorded again. */
  placeHoldsHours: z.number().min(0).max(24).default(24),
  /** Km between login and laptop in two regions of one country: two address databases may differ by as much. */
  farKm: z.number().min(0).max(20_000).default(500),
  /** Km within which another country may be that of a border town's own provider. */
  borderKm: z.number().min(0).max(1_000).default(50),
  /** Hours of grace before and after a travel notice. */
  travelGraceHours: z.number().min(0).max(240).default(24),
})

export const identityConflict = deriverKind('identity_conflict', thresholds, (limits, world) => {
  const reported = statements()
  const laptops = laptopConflicts(limits, world, reported)
  const places = placeConflicts(limits, world, reported)
  return {
    take(seen, emit) {
      // A laptop's clock may be ahead; what it sends has happened by now.
      const time = Math.min(seen.time, seen.receivedAt)
      laptops.take(seen, time, emit)
      if (!seen.conflict) places.take(seen, time, emit)
    },
    kept: {
      ...prefixed('laptops', laptops.kept),
      ...prefixed('places', places.kept),
      reported: reported.kept,
    },
  }
})
