/** An ordinary office, for the screenshots. */
import type { DeviceBook } from '../../../server/derive/coverage.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { RuleFacts } from '../../../server/model/rule.ts'
import { AGENT_CATEGORIES, type Event } from '../../../wire/event.ts'
import type { RecordedOf } from '../../../wire/recording.ts'
import { finding } from '../assess/finding.ts'
import { contract, event, holding, processStart, received } from '../events.ts'
import type { Stage } from '../views/stage.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const NAMES = ['Amara Lindqvist', 'Ben Okafor', null, 'Chiara Novak', 'Dmitri Hale', 'Elif Sato', 'Farid Jensen']
const PLACES = [
  { country: 'US', region: 'Texas', city: 'Austin' },
  { country: 'US', region: 'Arizona', city: 'Tempe' },
  { country: 'US', region: 'Idaho', city: 'Boise' },
  { country: 'GB', region: 'England', city: 'Leeds' },
]

const workerId = (index: number) => `w${String(index + 1).padStart(4, '0')}`
const laptopId = (index: number) => `lt-${String(index + 1).padStart(4, '0')}`

const KVM = { rule: 'kvm', title: 'IP-KVM on a USB port', family: 'hardware', strength: 4 as const }
const ANYDESK = { rule: 'tool', title: 'Unapproved remote-control tool', strength: 3 as const }
const COPY = { rule: 'copy', title: 'Mass copy to removable media', family: 'exfiltration', strength: 3 as const }
const VPN = { rule: 'vpn', title: 'A VPN client of note', family: 'network', strength: 1 as const }

/** `workers` people, of whom few have findings; among them a farm and a pair. The last of them have none. */
export async function fill(stage: Stage, workers: number, now: number): Promise<void> {
  for (let index = 0; index < workers; index++) {
    const [worker, device] = [workerId(index), laptopId(index)]
    // Workers with a story keep it.
    if (stage.queue.row(worker)) continue
    const found = foundOf(index / workers, worker, device, now - (index % 40) * 17 * MINUTE)
    stage.find(...found)
    await stage.enroll(device, {
      ...{
        platform: (['linux', 'linux', 'linux', 'macos', 'windows'] as const)[index % 5]!,
        enrolledAt: now - 40 * DAY,
      },
      ...(index === 11 && { revokedAt: now - 2 * DAY, revokedBy: 'ada', revokedWhy: 'The laptop was stolen.' }),
    })
    stage.book(device, bookOf(index, now))
    const records: RecordedOf<'contract' | 'device'>[] = [holding(device, worker, { from: now - 40 * DAY })]
    if (index !== 1) records.push(agreed(index, now))
    await stage.records(...records)
    if (index % 5 !== 4) await stage.connect(device)
  }
  farm(stage, now)
  pair(stage, now)
  await stage.judge()
  await decideSome(stage, now)
  // Reads the laptops at once, not only after an hour.
  await stage.queue.reload()
}

/** By position among all: the first two of a thousand are critical, most have no findings. */
function foundOf(share: number, worker: string, device: string, lastTime: number): Finding[] {
  const about = { worker, device, time: lastTime - DAY, lastTime }
  const tool = finding({ ...ANYDESK, ...about, says: 'Unapproved AnyDesk on the first evening' })
  if (share < 0.002) return [finding({ ...KVM, ...about, says: 'IP-KVM by USB id and EDID' }), tool]
  if (share < 0.008) return [finding({ ...KVM, ...about, says: 'IP-KVM by USB id and EDID' })]
  if (share < 0.016) return [tool]
  if (share < 0.028) return [finding({ ...COPY, ...about, says: 'Mass copy to removable media: 4,812 files' })]
  if (share < 0.1) return [finding({ ...VPN, ...about, says: 'A VPN client of note was installed' })]
  return []
}

/** Every fourth case is closed; some of those are reopened. */
async function decideSome(stage: Stage, now: number): Promise<void> {
  const open = stage.rows().filter((it) => it.case === 'open' && it.cluster === null)
  for (const [index, { worker }] of open.entries()) {
    if (index % 4 !== 1) continue
    await stage.decide(worker, { verdict: 'benign_expected', reason: 'The help desk, ticket 7.' }, 'ann')
    if (index % 8 !== 1) continue
    const later = finding({ rule: 'silence', title: 'The agent fell silent', family: 'tampering', strength: 3 })
    stage.find({ ...later, worker, device: null, time: now, lastTime: now, says: 'The agent was silent for 19 hours' })
  }
  await stage.judge()
}

function agreed(index: number, now: number): RecordedOf<'contract'> {
  const name = NAMES[index % NAMES.length]
  const place = PLACES[index % PLACES.length]
  return contract(workerId(index), { from: now - 90 * DAY, ...(name && { name }), ...place })
}

function bookOf(index: number, now: number): Partial<DeviceBook> {
  if (index === 9) return {}
  const denied = { about: '/dev/input', reason: 'denied', count: null, detail: 'EACCES: permission denied' }
  const others = { about: 'process_creation', reason: 'denied', count: 4, detail: 'exe of other users' }
  return {
    ...{ events: 18_204 + index, lastSeen: now - (index % 40) * MINUTE, lastAddress: '203.0.113.9' },
    ...{ place: 'Austin, Texas, US', spoolBytes: 48_211, residentBytes: 61_000_000, clockSkewMs: -240 },
    starts: { seen: 1_233 - index, total: 1_240, by: 'tracefs', time: now },
    holes: index === 2 ? 12 : 0,
    categories: seenAt(now),
    gaps:
      index % 3 === 0
        ? [
            { ...denied, time: now - HOUR, categories: ['usb_device', 'display'] },
            { ...others, time: now - 3 * HOUR, categories: ['process_creation'] },
          ]
        : [],
  }
}

function seenAt(now: number): DeviceBook['categories'] {
  return Object.fromEntries(
    AGENT_CATEGORIES.map((it, index) => [it, now - index * 4 * MINUTE]).filter((_, at) => at % 3 !== 2),
  )
}

/** The facts about the rules of the story's findings. */
const FACTS: RuleFacts = {
  blindTo: 'A tool that is renamed and re-signed, and talks to a relay we do not know.',
  response: 'Ask the help desk whether a session was booked; then call the worker on the number from the contract.',
  falsepositives: ['A tool that IT forgot to approve in the contract; approve it there, do not weaken the rule.'],
  tags: ['attack.t1219.002'],
  ...{ author: null, license: null, link: null },
}
const KVM_FACTS: RuleFacts = {
  ...FACTS,
  blindTo: 'A KVM that copies the ids of a common keyboard and shows the EDID of a common monitor.',
  response: 'Do not warn the worker. Ask for a photo of the desk in the next video call; freeze repository access.',
  falsepositives: ['A homelab KVM that the worker declared by mail; put it into the contract.'],
  tags: ['attack.t1219.003'],
}

/** A worker whose laptop somebody else drives from another place. */
export async function displaced(stage: Stage, worker: string, now: number): Promise<void> {
  const device = `lt-of-${worker}`
  await stage.enroll(device, { enrolledAt: now - 40 * DAY })
  await stage.records(terms(worker, now), holding(device, worker, { from: now - 40 * DAY }))
  stage.book(device, { ...bookOf(0, now), holes: 12, sightings: sightings(worker, now) })
  stage.facts('kvm', KVM_FACTS)
  for (const rule of ['tool', 'place', 'vendors']) stage.facts(rule, FACTS)
  stage.find(...evidence(worker, device, now))
  await stage.records(...lately(device, now))
  await stage.judge()
  await stage.connect(device)
}

function terms(worker: string, now: number): RecordedOf<'contract'> {
  return contract(worker, {
    ...{ name: 'Amara Lindqvist', from: now - 90 * DAY, country: 'US', region: 'Texas', city: 'Austin' },
    ...{ timeZone: 'America/Chicago', roles: ['developer', 'payments'], start: now - 90 * DAY },
    shipTo: { country: 'US', region: 'Arizona', city: 'Tempe' },
    approvedTools: [{ tool: 'ScreenConnect', tenant: 'acme', to: now + 90 * DAY }],
    approvedEgress: [{ address: '198.51.100.0/24' }, { asn: 64_500 }],
  })
}

function evidence(worker: string, device: string, now: number): Finding[] {
  const about = { worker, device, halfLifeDays: null }
  const mismatch = event(
    'place_mismatch',
    {
      ...{ ContractCountry: 'US', ContractRegion: 'Texas', ObservedCountry: 'NL', ObservedRegion: 'North Holland' },
      ...{ DistanceKm: 8_084, Days: 3, TravelNotice: false, ShipToDistanceKm: 8_084 },
    } as Parameters<typeof event<'place_mismatch'>>[1],
    now - HOUR,
  )
  return [
    finding({
      ...{ ...KVM, ...about, id: `kvm-${worker}`, time: now - 2 * DAY, lastTime: now - 5 * HOUR, count: 14 },
      says: `A PiKVM (1d6b:0104) with an absolute pointer is attached to ${device}`,
      events: [usb(now - 2 * DAY), usb(now - 5 * HOUR)],
    }),
    finding({
      ...{ ...ANYDESK, ...about, id: `tool-${worker}`, time: now - 26 * HOUR, lastTime: now - 26 * HOUR },
      ...{ level: 'high', says: `AnyDesk runs on ${device}, 2 days after its first boot` },
      events: [processStart('/opt/anydesk/anydesk', now - 26 * HOUR, { CommandLine: 'anydesk --service' })],
    }),
    finding({
      ...{ ...about, id: `place-${worker}`, rule: 'place', title: 'Place does not match the contract', strength: 2 },
      ...{ family: 'network', time: now - 3 * DAY, lastTime: now - HOUR, count: 61, events: [mismatch] },
      says: 'Connections for 3 days from Amsterdam, NL; the contract says Austin, Texas',
    }),
    finding({
      ...{ ...about, id: `vendors-${worker}`, rule: 'vendors', title: 'Two remote-control vendors', strength: 2 },
      ...{ time: now - 20 * HOUR, lastTime: now - 20 * HOUR, says: 'AnyDesk and RustDesk were both seen' },
    }),
  ]
}

function sightings(worker: string, now: number): DeviceBook['sightings'] {
  const seen = { worker, time: now - HOUR }
  return {
    place: {
      ...{ ...seen, country: 'NL', region: 'North Holland', city: 'Amsterdam', lat: 52.37, lon: 4.89 },
      ...{ networkClass: 'hosting', asName: 'Example Servers B.V.', proves: false, approved: false },
    },
    clock: { ...seen, timeZone: 'America/Chicago', utcOffsetMinutes: -360 },
    things: [
      { ...seen, what: 'tool', id: 'anydesk', name: 'AnyDesk', approved: false },
      { ...seen, what: 'tool', id: 'screenconnect', name: 'ScreenConnect', approved: true },
    ],
  }
}

/** A week of work with its notable events. */
function lately(device: string, now: number): RecordedOf<'event'>[] {
  const from = Math.floor(now / HOUR) * HOUR
  const work = Array.from({ length: 160 }, (_, index) => {
    const time = from - index * HOUR
    const clock = new Date(time).getUTCHours()
    const busy = clock > 1 && clock < 11 ? 5 : clock > 14 && clock < 22 ? 2 : 0
    return Array.from({ length: busy }, (_, n) => processStart('/usr/bin/make', time + n * MINUTE))
  })
  const notable: Event[] = [usb(now - 2 * DAY), usb(now - 5 * HOUR)]
  return [...work.flat(), ...notable].map((it) => received(device, it))
}

export function usb(time: number): Event {
  return event(
    'usb_device',
    {
      ...{ Action: 'attached', VendorId: '1d6b', ProductId: '0104', Manufacturer: 'PiKVM' },
      ...{ ProductName: 'Composite KVM Device', SerialNumber: 'CAFEBABE', InterfaceClasses: ['03', '03', '08'] },
      ...{ HasKeyboard: true, HasAbsolutePointer: true, HasStorage: true, HasNetwork: false, ParentPort: '1-2' },
    },
    time,
  )
}

/** Five people in one flat: some keys are shared by all, some by two. */
const FARM = [0, 1, 2, 6, 11].map(workerId)

function farm(stage: Stage, now: number): void {
  share(stage, now, { letter: 'a', kind: 'uplink', workers: FARM.slice(0, 4), days: 9, strength: 4 })
  share(stage, now, { letter: 'b', kind: 'controller', workers: FARM, days: 6, strength: 4 })
  share(stage, now, { letter: 'c', kind: 'gateway', workers: FARM.slice(0, 2), days: 9, strength: 3 })
  share(stage, now, { letter: 'd', kind: 'edid', workers: [FARM[2]!, FARM[4]!], days: 2, strength: 3 })
  share(stage, now, { letter: 'e', kind: 'usb_serial', workers: [FARM[1]!, FARM[4]!], days: 1, strength: 3 })
}

function pair(stage: Stage, now: number): void {
  share(stage, now, { letter: 'f', kind: 'bssid', workers: [workerId(19), workerId(20)], days: 4, strength: 3 })
}

interface Shared {
  letter: string
  kind: string
  workers: readonly string[]
  days: number
  strength: 3 | 4
  /** Default: the letter, 64 times. */
  key?: string
}

export function share(stage: Stage, now: number, { letter, kind, workers, days, strength, key }: Shared): void {
  for (const worker of workers)
    stage.find(
      finding({
        ...{ id: `${kind}-${letter}-${worker}`, rule: `shares ${kind}`, title: `Shares: ${kind}`, family: 'network' },
        ...{ strength, worker, device: null, halfLifeDays: null, time: now - DAY, lastTime: now - HOUR },
        says: `shares a ${kind} with ${workers.length - 1} unrelated ${workers.length === 2 ? 'person' : 'people'}`,
        events: [
          event(
            'shared_key',
            {
              ...{ KeyKind: kind, KeyHash: key ?? letter.repeat(64), Workers: workers.length, Days: days },
              ...{ Rarity: 0.01, Corroborated: null, Roams: null, NetworkClass: null },
            } as Parameters<typeof event<'shared_key'>>[1],
            now - HOUR,
          ),
        ],
      }),
    )
}
