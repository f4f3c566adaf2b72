import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { FaultCode } from '../wire/fault.ts'

/** What the server counts. Plain functions, so that callers do not depend on Prometheus. */
export interface Metrics {
  batch(bytes: number, unpackedBytes: number): void
  accepted(events: number): void
  /** One event that was rejected, and why. */
  rejected(code: FaultCode): void
  duplicates(events: number): void
  conflicts(events: number): void
  /** Evidence (rejected or conflicting events) beyond a device's hourly cap: counted, not stored. */
  capped(events: number): void
  /** Events that were acknowledged and are missing from the log. */
  lost(events: number): void
  appended(seconds: number): void
  /** A session, upgrade or enrollment that was refused, and why. */
  refusal(code: FaultCode): void
  sessions(open: number): void
  inFlight(bytes: number): void
  /** Rules in use, and rule documents that could not be used. */
  rules(loaded: number, omitted: number): void
  /** Bytes free where the data folder is, asked when metrics are read. */
  diskFree(read: () => number): void
  /** The Prometheus text format. */
  text(): Promise<string>
  contentType: string
  /** For components that register metrics of their own. */
  registry: Registry
}

/** One registry per server, none global, so that two servers in one test do not share counts. */
export function metrics(): Metrics {
  const registry = new Registry()
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `tellwire_${name}`, help, labelNames, registers: [registry] })
  const gauge = (name: string, help: string) => new Gauge({ name: `tellwire_${name}`, help, registers: [registry] })

  const batches = counter('batches_total', 'Batches received')
  const bytes = counter('batch_bytes_total', 'Bytes of batches as received')
  const unpacked = counter('batch_unpacked_bytes_total', 'Bytes of batches after unpacking')
  const accepted = counter('events_accepted_total', 'Events stored')
  const rejected = counter('events_rejected_total', 'Events rejected, by reason', ['code'])
  const duplicates = counter('events_duplicate_total', 'Events received again after they were stored')
  const conflicts = counter('events_conflict_total', 'Events whose number had already been used for another event')
  const capped = counter('evidence_capped_total', 'Rejected or conflicting events beyond the cap: not stored')
  const lost = counter('events_lost_total', 'Events that were acknowledged and are missing from the log')
  const refusals = counter('refusals_total', 'Sessions, upgrades and enrollments refused, by reason', ['code'])
  const sessions = gauge('sessions', 'Open agent sessions')
  const inFlight = gauge('in_flight_bytes', 'Bytes of batches that are not yet stored and delivered')
  const rulesLoaded = gauge('rules_loaded', 'Rules in use')
  const rulesOmitted = gauge('rules_left_out', 'Rule documents that could not be used')
  const append = new Histogram({
    name: 'tellwire_append_seconds',
    help: 'Time until a batch was durable',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [registry],
  })

  return {
    batch: (sent, size) => {
      batches.inc()
      bytes.inc(sent)
      unpacked.inc(size)
    },
    accepted: (events) => accepted.inc(events),
    rejected: (code) => rejected.inc({ code }),
    duplicates: (events) => duplicates.inc(events),
    conflicts: (events) => conflicts.inc(events),
    capped: (events) => capped.inc(events),
    lost: (events) => lost.inc(events),
    appended: (seconds) => append.observe(seconds),
    refusal: (code) => refusals.inc({ code }),
    sessions: (open) => sessions.set(open),
    inFlight: (size) => inFlight.set(size),
    rules: (loaded, omitted) => {
      rulesLoaded.set(loaded)
      rulesOmitted.set(omitted)
    },
    diskFree: (read) =>
      void new Gauge({
        name: 'tellwire_disk_free_bytes',
        help: 'Free space where the data folder is',
        registers: [registry],
        collect() {
          this.set(read())
        },
      }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
    registry,
  }
}
