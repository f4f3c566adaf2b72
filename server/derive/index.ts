/** The list of all derivers: a new one is one file and one line here. */
import * as z from 'zod'
import type { Deriver, DeriverKind } from './deriver.ts'
import { bulkCopy } from './derivers/bulk-copy.ts'
import { codeDestination } from './derivers/code-destination/code-destination.ts'
import { connection } from './derivers/connection.ts'
import { exitWindow } from './derivers/exit-window.ts'
import { hardware } from './derivers/hardware.ts'
import { identityConflict } from './derivers/identity-conflict/identity-conflict.ts'
import { logins } from './derivers/logins/logins.ts'
import { placeMismatch } from './derivers/place-mismatch/place-mismatch.ts'
import { remoteHours } from './derivers/remote-hours.ts'
import { remoteOperator } from './derivers/remote-operator.ts'
import { rhythm } from './derivers/rhythm.ts'
import { rttChange } from './derivers/rtt-change.ts'
import { rttExcess } from './derivers/rtt-excess/rtt-excess.ts'
import { shareHours } from './derivers/share-hours.ts'
import { sharedKey } from './derivers/shared-key/shared-key.ts'
import { silence } from './derivers/silence/silence.ts'
import { slowEvidence } from './derivers/slow-evidence/slow-evidence.ts'
import { tool } from './derivers/tool.ts'
import { travel } from './derivers/travel.ts'
import { twoLines } from './derivers/two-lines.ts'
import { volumeAnomaly } from './derivers/volume/anomaly.ts'
import { workElsewhere } from './derivers/work-elsewhere.ts'
import { PlaceChangeThresholds } from './kit/place-changes.ts'
import type { World } from './kit/world.ts'

const KINDS: readonly DeriverKind[] = [
  connection,
  placeMismatch,
  travel,
  rttExcess,
  rttChange,
  tool,
  hardware,
  bulkCopy,
  identityConflict,
  logins,
  codeDestination,
  workElsewhere,
  twoLines,
  silence,
  sharedKey,
  shareHours,
  exitWindow,
  volumeAnomaly,
  slowEvidence,
  remoteHours,
  remoteOperator,
  rhythm,
]

/** `thresholds` in the configuration, by deriver. */
export const Thresholds = z.strictObject({
  place_changes: PlaceChangeThresholds.prefault({}),
  ...(Object.fromEntries(KINDS.map((it) => [it.name, z.prefault(it.thresholds, {})])) as Record<string, z.ZodType>),
})
/** Absent ones have their shipped values. */
export type Thresholds = Record<string, unknown>

/** New instances of all derivers, with their names. */
export function derivers(world: World, thresholds: Thresholds = {}): [name: string, deriver: Deriver][] {
  return KINDS.map((it) => [it.name, it.make(thresholds[it.name], world)])
}

export function placeChanges(thresholds: Thresholds = {}): PlaceChangeThresholds {
  return PlaceChangeThresholds.parse(thresholds.place_changes ?? {})
}
