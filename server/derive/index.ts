/** Every deriver, in one list: a new one is one file and one line here. */
import * as z from 'zod'
import { bulkCopy } from './bulk-copy.ts'
import { connection } from './connection.ts'
import type { Deriver, DeriverKind } from './deriver.ts'
import { exitWindow } from './exit-window.ts'
import { hardware } from './hardware.ts'
import { identityConflict } from './identity-conflict.ts'
import { PlaceChangeThresholds } from './place-changes.ts'
import { placeMismatch } from './place-mismatch.ts'
import { remoteHours } from './remote-hours.ts'
import { rhythm } from './rhythm.ts'
import { rttExcess } from './rtt-excess.ts'
import { shareHours } from './share-hours.ts'
import { sharedKey } from './shared-key.ts'
import { silence } from './silence.ts'
import { tool } from './tool.ts'
import { travel } from './travel.ts'
import { volumeAnomaly } from './volume-anomaly.ts'
import type { World } from './world.ts'

const KINDS: readonly DeriverKind[] = [
  connection,
  placeMismatch,
  travel,
  rttExcess,
  tool,
  hardware,
  bulkCopy,
  identityConflict,
  silence,
  sharedKey,
  shareHours,
  exitWindow,
  volumeAnomaly,
  remoteHours,
  rhythm,
]

/** What can be tuned, by deriver: `thresholds` in the configuration. */
export const Thresholds = z.strictObject({
  place_changes: PlaceChangeThresholds.prefault({}),
  ...(Object.fromEntries(KINDS.map((it) => [it.name, z.prefault(it.thresholds, {})])) as Record<string, z.ZodType>),
})
/** What is left out is as shipped. */
export type Thresholds = Record<string, unknown>

/** Fresh ones, by name. */
export function derivers(world: World, thresholds: Thresholds = {}): [name: string, deriver: Deriver][] {
  return KINDS.map((it) => [it.name, it.make(thresholds[it.name], world)])
}

export function placeChanges(thresholds: Thresholds = {}): PlaceChangeThresholds {
  return PlaceChangeThresholds.parse(thresholds.place_changes ?? {})
}
