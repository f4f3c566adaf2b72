/** Helpers for the agent's tests: temporary folders, a spool, sample events, waiting for a condition. */
import { randomBytes } from 'node:crypto'
import { accessSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Spool, type SpoolOptions } from '../../agent/spool/spool.ts'
import type { Category, EventOf, ObservationOf } from '../../wire/event.ts'
import { DAY } from '../../wire/time.ts'

export const NOW = Date.UTC(2026, 10, 22)

/** In memory if the system has /dev/shm: these tests open and sync a spool thousands of times. */
export function temporaryFolder(): string {
  return mkdtempSync(join(sharedMemoryFolder() ?? tmpdir(), 'tellwire-agent-'))
}
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
function sharedMemoryFolder(): string | null {
  try {
    accessSync('/dev/shm', 6)
    return '/dev/shm'
  } catch {
    return null
  }
}

export function openSpool(folder: string, options: Partial<SpoolOptions> = {}): Spool {
  return Spool.open({
    folder,
    product: 'linux',
    now: () => NOW,
    booted: () => 0,
    random: randomBytes,
    maxBytes: 64 * 1_048_576,
    maxAgeMs: 7 * DAY,
    ...options,
  })
}

export function connectionTo(port: number): ObservationOf<'network_connection'> {
  return {
    category: 'network_connection',
    time: NOW,
    collector: 'test',
    Image: '/usr/bin/curl',
    Protocol: 'tcp',
    Initiated: true,
    SourceIp: '192.0.2.1',
    SourcePort: 40_000,
    DestinationIp: '198.51.100.7',
    DestinationPort: port,
    DestinationHostname: null,
  }
}

export function disk(serial: string): ObservationOf<'volume_mounted'> {
  return {
    category: 'volume_mounted',
    time: NOW,
    collector: 'test',
    VolumeKind: 'vfat',
    Label: serial,
    SerialHash: null,
    SizeBytes: 1,
    Removable: true,
    VirtualMedia: false,
  }
}

/** All events that are neither acknowledged nor leased, as the server would receive them. */
export function leaseAll(spool: Spool): EventOf<Category>[] {
  const all: EventOf<Category>[] = []
  for (let part = spool.lease(500, 1_048_576); part.length > 0; part = spool.lease(500, 1_048_576)) {
    all.push(...part.map(({ text }) => JSON.parse(text.toString('utf8')) as EventOf<Category>))
  }
  return all
}

export function gapsIn(events: EventOf<Category>[]): EventOf<'collection_gap'>[] {
  return events.filter((it) => it.category === 'collection_gap')
}

/** Resolves when the condition is true, which is checked every few ms. Rejects after `withinMs`. */
export async function until(condition: () => boolean, what: string, withinMs = 8_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
