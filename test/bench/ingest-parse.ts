/** The cost of checking one event: unpack, parse, validate. */
import { randomUUID } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { parseBatch, unpack, validateEvents } from '../../server/ingest/validation.ts'
import type { Policy } from '../../wire/messages.ts'
import { median, type Row } from './row.ts'

const POLICY: Policy = {
  version: 1,
  salt: 'a'.repeat(64),
  off: [],
  on: [],
  watchedRoots: [],
  spoolBytes: 67_108_864,
  spoolDays: 14,
}
const BATCHES = 40
const BATCH_EVENTS = 500

/** The mix of a developer's laptop: mostly processes and connections. */
export async function bench(): Promise<Row[]> {
  const text = JSON.stringify({
    type: 'batch',
    epoch: 1,
    events: Array.from({ length: BATCH_EVENTS }, (_, index) => sample(index + 1)),
  })
  const frame = zstdCompressSync(text)
  const rounds: { unpack: number; json: number; validate: number }[] = []
  for (let round = 0; round < 6; round++) {
    const spent = { unpack: 0, json: 0, validate: 0 }
    for (let turn = 0; turn < BATCHES; turn++) {
      const began = performance.now()
      const unpacked = (await unpack(frame)).toString('utf8')
      const unpackedAt = performance.now()
      const batch = parseBatch(unpacked)
      const parsedAt = performance.now()
      const { accepted } = validateEvents(batch.events, POLICY)
      spent.validate += performance.now() - parsedAt
      spent.json += parsedAt - unpackedAt
      spent.unpack += unpackedAt - began
      if (accepted.length !== BATCH_EVENTS) throw new Error(`${accepted.length} of ${BATCH_EVENTS} were accepted`)
    }
    // The first round is the warm-up.
    if (round > 0) rounds.push(spent)
  }
  const perEvent = (of: 'unpack' | 'json' | 'validate') =>
    (median(rounds.map((it) => it[of])) * 1_000) / (BATCHES * BATCH_EVENTS)
  return [
    { name: 'ingest, unpack', unit: 'µs/event', value: perEvent('unpack'), budget: '' },
    { name: 'ingest, parse the JSON', unit: 'µs/event', value: perEvent('json'), budget: '' },
    { name: 'ingest, validate', unit: 'µs/event', value: perEvent('validate'), budget: '' },
    { name: 'ingest, JSON of an event', unit: 'bytes', value: Buffer.byteLength(text) / BATCH_EVENTS, budget: '' },
  ]
}

function sample(seq: number): Record<string, unknown> {
  const envelope = {
    id: randomUUID(),
    seq,
    time: 1_763_800_000_000 + seq * 250,
    product: 'linux',
    collector: 'processes',
  }
  if (seq % 10 < 6)
    return {
      category: 'process_creation',
      ...envelope,
      Image: '/usr/bin/git',
      CommandLine: `git -c core.quotepath=false log --no-color -n ${seq} --format=%H`,
      ParentImage: '/usr/share/code/code',
      ParentCommandLine: '/usr/share/code/code --type=utility --lang=en-US',
      User: 'ada',
      ProcessId: 10_000 + seq,
      ParentProcessId: 4_321,
      CurrentDirectory: '/home/ada/src/tellwire',
      OriginalFileName: null,
      Product: null,
      Company: null,
      Signer: null,
      StartedBeforeAgent: false,
    }
  if (seq % 10 < 9)
    return {
      category: 'network_connection',
      ...envelope,
      Image: '/usr/lib/firefox/firefox',
      Protocol: 'tcp',
      Initiated: true,
      SourceIp: seq % 2 === 0 ? '192.168.1.20' : '2001:db8:1::20',
      SourcePort: 40_000 + (seq % 20_000),
      DestinationIp: seq % 2 === 0 ? '198.51.100.7' : '2001:db8:2::7',
      DestinationPort: 443,
      DestinationHostname: null,
    }
  return {
    category: 'usb_device',
    ...envelope,
    Action: 'present',
    VendorId: '046d',
    ProductId: 'c52b',
    Manufacturer: 'Logitech',
    ProductName: 'USB Receiver',
    SerialNumber: null,
    InterfaceClasses: ['03', '03'],
    HasKeyboard: true,
    HasAbsolutePointer: false,
    HasStorage: false,
    HasNetwork: false,
    ParentPort: '1-2',
  }
}
