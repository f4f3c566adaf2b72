/** Everything in one process: the stream, the store, the gateway, a detector in its own thread, the console, the jobs. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { asnClass, catalogueVersion, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { Event } from '../../wire/event.ts'
import type { CatalogueFacts } from '../../wire/recording.ts'
import { openAddresses } from '../addresses/addresses.ts'
import { ageGauges, feedAges as agesOf, staleWarnings } from '../addresses/ages.ts'
import { feedChangeGauge, feedChangeWarning, keepFeedChanges } from '../addresses/moved.ts'
import type { Config } from '../config.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import { SHIPPED_RULES } from '../detect/program.ts'
import { ALIVE_AT, clockLine } from '../jobs/clock-line.ts'
import { feedAges } from '../jobs/feed-ages.ts'
import { followConfig } from '../jobs/follow-config.ts'
import { followRules } from '../jobs/follow-rules.ts'
import { runJobs } from '../jobs/job.ts'
import { reloadAddresses } from '../jobs/reload-addresses.ts'
import { retention } from '../jobs/retention.ts'
import { rosterInbox } from '../jobs/roster-inbox.ts'
import type { Log } from '../log.ts'
import { metrics as makeMetrics } from '../metrics.ts'
import { contracts as makeContracts } from '../roster/contracts.ts'
import { Directory } from '../roster/directory.ts'
import { openStore } from '../store/open.ts'
import { openTelemetry, type Telemetry } from '../store/sqlite/telemetry.ts'
import type { Store } from '../store/store.ts'
import { consoleRole } from './console.ts'
import { Detector } from './detector.ts'
import { gatewayRole } from './gateway.ts'
import { httpServer, listen, urlOf } from './http.ts'
import { removeServerFile, writeServerFile } from './server-file.ts'

const DAY_MS = 86_400_000

export interface Running {
  url: string
  /** A path with a secret in its fragment: who opens it is signed in, once. */
  oneTimeLink(): Promise<string>
  makeToken(worker: string | null, by: string): Promise<{ token: string; expiresAt: number }>
  close(): Promise<void>
}

export interface ServeOptions {
  /** Reads the configuration again, where it came from a file. */
  reload?: () => Config
}
