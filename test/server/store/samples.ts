/** Records for the tests of stores: realistic, small, and unique by their numbers. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Enrolled } from '../../../server/model/device.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { Rejected, Stored } from '../../../server/store/stream.ts'
import type { Event, EventOf } from '../../../wire/event.ts'
import type { Recorded, RecordedOf } from '../../../wire/recording.ts'

export const T0 = Date.UTC(2026, 10, 22, 9)
export const HOUR = 3_600_000

export function processEvent(seq: number | null, change: Partial<EventOf<'process_creation'>> = {}): Event {
  return {
    category: 'process_creation',
    id: idOf(`process ${seq}`),
    seq,
    time: T0 + (seq ?? 0) * 1_000,
    product: 'linux',
    collector: 'processes',
    Image: '/usr/bin/git',
    CommandLine: `git fetch --depth ${seq}`,
    ParentImage: '/usr/bin/bash',
    ParentCommandLine: 'bash',
    User: 'ana',
    ProcessId: 4_000 + (seq ?? 0),
    ParentProcessId: 3_999,
    CurrentDirectory: '/home/ana',
    OriginalFileName: null,
    Product: null,
    Company: null,
    Signer: null,
    StartedBeforeAgent: false,
    ...change,
  }
}

export function connectionEvent(seq: number, change: Partial<EventOf<'network_connection'>> = {}): Event {
  return {
    category: 'network_connection',
    id: idOf(`connection ${seq}`),
    seq,
    time: T0 + seq * 1_000,
    product: 'linux',
    collector: 'connections',
    Image: '/usr/lib/firefox/firefox',
    Protocol: 'tcp',
    Initiated: true,
    SourceIp: '192.0.2.17',
    SourcePort: 40_000 + (seq % 20_000),
    DestinationIp: `198.51.100.${seq % 250}`,
    DestinationPort: 443,
    DestinationHostname: null,
    ...change,
  }
}

export function recorded(device: string, event: Event, change: Partial<RecordedOf<'event'>> = {}): RecordedOf<'event'> {
  return { type: 'event', device, receivedAt: T0, epoch: 7, event, ...change }
}

export function feedLine(what: string): RecordedOf<'feed'> {
  const id = idOf(what)
  const event = { category: 'contract_event', id, seq: null, time: T0, product: 'tellwire', collector: 'feed' } as const
  const nothing = { EffectiveAt: null, ToThirdParty: null, Relation: null }
  return { type: 'feed', worker: 'w1', time: T0, receivedAt: T0, event: { ...event, ...nothing, Action: 'ending' } }
}

/** `count` process events of one device, numbered from `first`. */
export function batch(device: string, first: number, count: number): RecordedOf<'event'>[] {
  return Array.from({ length: count }, (_, index) => recorded(device, processEvent(first + index)))
}

export function rejectedEvent(device: string, seq: number | null, change: Partial<Rejected> = {}): Rejected {
  return { device, receivedAt: T0, seq, code: 'event.malformed', where: 'Image', raw: `{"seq":${seq}}`, ...change }
}

/**
 * Six devices, two categories, hours out of order, with records of every type. Numbers do not follow the stream's
 * order.
 */
export function mixed(count: number): Recorded[] {
  return range(0, count).map((index) => {
    const device = `d${index % 6}`
    if (index % 97 === 0) return { type: 'clock', time: T0 + index, downSince: null }
    if (index % 89 === 0) return { type: 'connection', device, time: T0 + index, remoteAddress: '203.0.113.9' }
    if (index % 83 === 0) return { type: 'device', device, worker: `w${index}`, from: T0, to: null }
    if (index % 73 === 0) return { type: 'revocation', device, from: T0 + index, to: null }
    if (index % 79 === 0) return { type: 'contract', worker: 'w1', from: T0 + index, country: 'US' }
    const time = T0 - ((index * 7_919) % 40) * (HOUR / 4) + (index % 5)
    const make = index % 3 === 0 ? connectionEvent : processEvent
    return recorded(device, make(index + 1, { time }), { epoch: 9 })
  })
}

/** With the positions of an empty store. */
export const numbered = (records: readonly Recorded[]): Stored[] =>
  records.map((record, index) => ({ position: index + 1, record }))

export async function gather(blocks: AsyncIterable<readonly Stored[]>): Promise<Stored[]> {
  const found: Stored[] = []
  for await (const block of blocks) for (const it of block) found.push(it)
  return found
}

/** Asserts on the first difference only: describing a difference of all records takes gigabytes. */
export function sameRecords(found: readonly Stored[], expected: readonly Stored[]): void {
  const wrong = expected.findIndex((it, index) => !isDeepStrictEqual(it, found[index]))
  if (wrong >= 0) assert.deepEqual(found[wrong], expected[wrong])
  assert.equal(found.length, expected.length)
}

/** from <= n < to */
export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

export function enrolledDevice(device: string, change: Partial<Enrolled> = {}): Enrolled {
  return {
    device,
    publicKey: 'key',
    platform: 'linux',
    version: '0.1.0',
    fingerprint: null,
    enrolledAt: T0,
    revokedAt: null,
    firstBoot: T0,
    ...change,
  }
}

export function findingOf(id: string, change: Partial<Finding> = {}): Finding {
  return {
    id,
    rule: 'r1',
    ruleVersion: 'v1',
    title: 'A tool',
    level: 'high',
    family: 'remote-access',
    strength: 3,
    fact: null,
    halfLifeDays: 30,
    ordinaryFor: [],
    sensors: ['process'],
    rate: null,
    what: '',
    decibans: null,
    pattern: null,
    worker: 'w1',
    device: 'd1',
    group: 'd1',
    time: T0,
    lastTime: T0,
    count: 1,
    says: 'A tool was started.',
    events: [processEvent(1)],
    ...change,
  }
}

/** Text that may harm code that stores, prints or parses it. */
export const HOSTILE = [
  { name: 'NUL', text: 'before\0after' },
  { name: 'a lone surrogate', text: 'a\ud800b\udc00' },
  { name: 'right-to-left override', text: 'invoice\u202efdp.exe' },
  { name: 'line ends', text: 'a\nb\r\nc\u2028d\u2029e' },
  { name: 'quotes and SQL', text: `'; drop table segments; -- "\\` },
  { name: 'emoji and combining marks', text: '👩🏽‍💻 e\u0301' },
  { name: '8 KB', text: 'x\ud83d\ude00'.repeat(2_730) },
]

/** A UUID derived from the text. */
export function idOf(words: string): string {
  const hex = createHash('sha256').update(words).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
