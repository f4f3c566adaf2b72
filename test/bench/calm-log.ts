/**
 * A data folder with a large fleet's stored telemetry, published straight into the stream, and its laptops enrolled.
 *
 * Shape   the telemetry ends at the hour that has just begun. `laptops` are those whose keys we have, one each for the
 *         first workers; the others are enrolled and stay silent. A folder that was built before is used again.
 */
import { createPrivateKey } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deviceOf } from '../../server/ingest/identity.ts'
import type { Enrolled } from '../../server/model/device.ts'
import { openStore } from '../../server/store/open.ts'
import { openTelemetry } from '../../server/store/sqlite/telemetry.ts'
import type { Recorded } from '../../wire/recording.ts'
import { openBefore } from './calm-before.ts'
import { calendarDay, DAY, fleet, HOUR, WORKING_HOURS, workerOf } from './fleet.ts'
import { type LaptopKey, newLaptopKey } from './simulated-agent.ts'

/** What fleet.ts makes of a worker's day. */
const EVENTS_A_DAY = 18.9

export interface Size {
  workers: number
  events: number
}

export interface Laptop {
  device: string
  worker: string
  key: LaptopKey
}

export interface StoredFleet {
  /** With the server's data folder, its rules and its configuration. */
  folder: string
  laptops: readonly Laptop[]
  events: number
}

interface Written {
  laptops: { device: string; worker: string; publicKey: string; pem: string }[]
  events: number
}

export async function storedFleet(
  folder: string,
  { workers, events }: Size,
  checkout: string | null,
  says: (text: string) => void,
): Promise<StoredFleet> {
  const facts = join(folder, 'laptops.json')
  if (!existsSync(facts)) {
    mkdirSync(join(folder, 'data'), { recursive: true })
    mkdirSync(join(folder, 'rules'), { recursive: true })
    const laptops = keys(Math.min(workers, LAPTOPS))
    const deviceOf = (n: number) => laptops[n]?.device ?? `device-${n}`
    says(`enrolling ${workers.toLocaleString('en')} laptops`)
    const data = join(folder, 'data')
    const into = checkout === null ? await open(data) : await openBefore(checkout, data)
    await enroll(into, workers, deviceOf, laptops)
    const stored = await publish(into, { workers, events }, deviceOf, says)
    await into.close()
    writeFileSync(`${facts}.new`, JSON.stringify({ laptops, events: stored } satisfies Written))
    renameSync(`${facts}.new`, facts)
  }
  const written = JSON.parse(readFileSync(facts, 'utf8')) as Written
  return {
    folder,
    events: written.events,
    laptops: written.laptops.map(({ device, worker, publicKey, pem }) => ({
      ...{ device, worker },
      key: { publicKey, privateKey: createPrivateKey(pem) },
    })),
  }
}

/** So many are connected: a hundred events a second come from them. */
const LAPTOPS = 100
/** Calls that share a commit. */
const TOGETHER = 5_000

function keys(count: number): Written['laptops'] {
  return Array.from({ length: count }, (_, n) => {
    const { publicKey, privateKey } = newLaptopKey()
    const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    return { device: deviceOf(Buffer.from(publicKey, 'base64url')), worker: workerOf(n), publicKey, pem }
  })
}

interface DataFolder {
  enroll(enrolled: Enrolled): Promise<void>
  publish(records: readonly Recorded[]): Promise<unknown>
  close(): Promise<void>
}

async function open(folder: string): Promise<DataFolder> {
  const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline' })
  const { stream, close } = await openTelemetry({ folder })
  return {
    enroll: store.devices.save,
    publish: (records) => stream.publish(records),
    async close() {
      await store.close()
      await close()
    },
  }
}

async function enroll(
  into: DataFolder,
  workers: number,
  deviceOf: (n: number) => string,
  laptops: Written['laptops'],
): Promise<void> {
  const enrolledAt = Date.now() - 120 * DAY
  for (let n = 0; n < workers; n++)
    await into.enroll({
      ...{ device: deviceOf(n), publicKey: laptops[n]?.publicKey ?? '', platform: 'linux', version: 'bench' },
      ...{ fingerprint: null, enrolledAt, revokedAt: null, firstBoot: enrolledAt },
    })
}

/** Answers how many events it published. */
async function publish(
  into: DataFolder,
  { workers, events }: Size,
  deviceOf: (n: number) => string,
  says: (text: string) => void,
): Promise<number> {
  const days = Math.ceil(events / workers / EVENTS_A_DAY)
  const from = Math.floor(Date.now() / HOUR) * HOUR - calendarDay(days - 1) * DAY - WORKING_HOURS * HOUR
  let [published, saidAt] = [0, 0]
  for (const block of fleet({ workers, days, from, deviceOf })) {
    for (let at = 0; at < block.length; at += TOGETHER) await into.publish(block.slice(at, at + TOGETHER))
    published += block.filter((it) => it.type === 'event' || it.type === 'feed').length
    if (published - saidAt < 500_000) continue
    saidAt = published
    says(`${published.toLocaleString('en')} events stored`)
  }
  return published
}
