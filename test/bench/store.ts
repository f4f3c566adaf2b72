/**
 * Writing to and reading from the telemetry log: 100 laptops, each with one batch of 100 events in flight at a time,
 * half process starts and half connections, over 30 days, on the disk of the temporary folder.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTelemetry } from '../../server/store/sqlite/telemetry.ts'
import type { Stream } from '../../server/store/stream.ts'
import type { RecordedOf } from '../../wire/recording.ts'
import { connectionEvent, HOUR, processEvent, recorded, T0 } from '../server/store/samples.ts'
import { median, type Row } from './row.ts'

const DEVICES = 100
const BATCH = 100
const ROUNDS = 30

export async function bench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  try {
    const random = seeded(1)
    const rounds = Array.from({ length: ROUNDS }, (_, round) =>
      Array.from({ length: DEVICES }, (_, device) => realBatch(`laptop-${device}`, round, random)),
    )
    const events = ROUNDS * DEVICES * BATCH
    const { stream, history, close } = await openTelemetry({ folder })

    const cpu = process.cpuUsage()
    const ownCpu = process.threadCpuUsage()
    const start = performance.now()
    await Promise.all(rounds[0]!.map((_, device) => appendAll(stream, rounds, device)))
    const seconds = (performance.now() - start) / 1_000
    const main = microseconds(process.threadCpuUsage(ownCpu))
    const writer = microseconds(process.cpuUsage(cpu)) - main

    const queries = [
      { name: 'newest 100 of a laptop', run: () => history.events({ devices: ['laptop-42'] }, 100) },
      { name: 'newest 100 of all', run: () => history.events({}, 100) },
      {
        name: '100 of a laptop and category, 20 days back',
        run: () =>
          history.events({ devices: ['laptop-42'], categories: ['network_connection'], to: T0 + 240 * HOUR }, 100),
      },
      { name: 'a laptop by hour, 30 days', run: () => history.counts({ devices: ['laptop-42'] }) },
      { name: 'all laptops by hour, 30 days', run: () => history.counts({}) },
      { name: 'one event by its number', run: () => history.bySeq('laptop-42', 7, 1_234) },
    ]
    const times = []
    for (const { name, run } of queries) {
      times.push({ name: `store, ${name}`, unit: 'ms', value: await medianOfFive(run), budget: '' })
    }
    const scans = [
      { name: 'scan for half of the events', query: { categories: ['process_creation' as const] } },
      { name: 'scan for one literal', query: { categories: ['process_creation' as const], literals: ['--job abc'] } },
      { name: 'scan for a category that never came', query: { categories: ['usb_device' as const] } },
    ]
    for (const { name, query } of scans) {
      const run = async () => {
        for await (const _ of history.scan({ ...query, after: 0, upTo: events }));
      }
      times.push({ name: `store, ${name}`, unit: 'ms', value: await medianOfFive(run), budget: '' })
    }
    const reading = performance.now()
    for await (const _ of stream.read(0));
    const readSeconds = (performance.now() - reading) / 1_000
    await close()
    const size = statSync(join(folder, 'telemetry.db')).size

    return [
      { name: 'store, append', unit: 'events/s', value: Math.round(events / seconds), budget: '>= 40,000' },
      { name: 'store, writer thread', unit: 'events/CPU-s', value: Math.round(events / (writer / 1e6)), budget: '' },
      { name: 'store, calling thread', unit: 'events/CPU-s', value: Math.round(events / (main / 1e6)), budget: '' },
      { name: 'store, on the disk', unit: 'MB/million', value: size / events, budget: '<= 125' },
      ...times,
      { name: 'store, read all', unit: 'events/s', value: Math.round(events / readSeconds), budget: '>= 100,000' },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function appendAll(stream: Stream, rounds: readonly RecordedOf<'event'>[][][], device: number): Promise<void> {
  for (const round of rounds) await stream.publish(round[device]!)
}

/** A realistic batch: few programs, many arguments; few hosts, many ports; ids and times never repeat. */
function realBatch(device: string, round: number, random: () => number): RecordedOf<'event'>[] {
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!
  const digits = (count: number) => Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join('')
  return Array.from({ length: BATCH }, (_, index) => {
    const seq = round * BATCH + index + 1
    const id = `0193${digits(4)}-${digits(4)}-7${digits(3)}-8${digits(3)}-${digits(12)}`
    const time = Math.floor(T0 + (round * 24 + (index / BATCH) * 10 + random()) * HOUR)
    const receivedAt = time + 500 + Math.floor(random() * 4_000)
    if (random() < 0.5) {
      const Image = pick(PROGRAMS)
      const ParentImage = pick(PROGRAMS)
      const event = processEvent(seq, {
        id,
        time,
        Image,
        CommandLine: `${Image} ${pick(ARGUMENTS)} --job ${digits(6)} /home/ana/src/${pick(ARGUMENTS)}/${digits(4)}.ts`,
        ParentImage,
        ParentCommandLine: `${ParentImage} ${pick(ARGUMENTS)}`,
        ProcessId: Math.floor(random() * 4_000_000),
        ParentProcessId: Math.floor(random() * 4_000_000),
      })
      return recorded(device, event, { receivedAt })
    }
    const event = connectionEvent(seq, {
      id,
      time,
      Image: pick(PROGRAMS),
      SourcePort: 32_768 + Math.floor(random() * 28_000),
      DestinationIp: `198.51.${Math.floor(random() * 100)}.${Math.floor(random() * 250)}`,
      DestinationHostname: `edge-${digits(2)}.cdn.example`,
    })
    return recorded(device, event, { receivedAt })
  })
}

const PROGRAMS = ['/usr/bin/git', '/usr/bin/node', '/usr/bin/bash', '/usr/lib/firefox/firefox', '/usr/bin/python3.13']
const ARGUMENTS = ['status --porcelain', 'run build', '-c', '--type=renderer', 'install', 'fetch origin', 'test -w']

async function medianOfFive(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 5; n++) {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  return median(times)
}

const microseconds = ({ user, system }: NodeJS.CpuUsage) => user + system

/** The same sequence each time (Lehmer, Park and Miller 1988). */
function seeded(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}
