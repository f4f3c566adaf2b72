/** The fuzz targets, a line each. */
import type { Target } from './target.ts'
import { geofeed, mmdb, rangeList, storedRanges } from './targets/addresses.ts'
import { batches } from './targets/batches.ts'
import { config } from './targets/config.ts'
import { enrollmentRequest } from './targets/enrollment.ts'
import { feedBody } from './targets/feed-body.ts'
import { laptopFiles, remoteLogs } from './targets/laptop.ts'
import { macBytes, macLines, macPlists } from './targets/mac.ts'
import { policyText } from './targets/policy.ts'
import { redact } from './targets/redact.ts'
import { replayed } from './targets/replay.ts'
import { rosterCsv, rosterJson } from './targets/roster.ts'
import { conditions, regex, ruleArchive, sigma } from './targets/rules.ts'
import { spoolCursor, spoolSegment } from './targets/spool.ts'
import { uplinkMessages } from './targets/uplink.ts'
import { wire } from './targets/wire.ts'

export const TARGETS: readonly Target[] = [
  wire,
  batches,
  enrollmentRequest,
  feedBody,
  replayed,
  rosterCsv,
  rosterJson,
  rangeList,
  geofeed,
  storedRanges,
  mmdb,
  sigma,
  conditions,
  regex,
  ruleArchive,
  config,
  uplinkMessages,
  policyText,
  spoolSegment,
  spoolCursor,
  remoteLogs,
  laptopFiles,
  macPlists,
  macBytes,
  macLines,
  redact,
]
