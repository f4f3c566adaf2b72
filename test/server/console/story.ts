/** A desk that looks like a Tuesday: what the screenshots show. */
import type { ClusterView, FindingView, WorkerPage } from '../../../server/api/schema.ts'
import type { Band } from '../../../server/model/assessment.ts'
import { unseen } from '../../../server/views/unseen.ts'
import { coverage, type FakeDesk, finding, laptop, workerRow } from '../views/fake-desk.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const REASONS: Record<Band, string[]> = {
  critical: ['IP-KVM by USB id and EDID, unapproved AnyDesk on the first evening, and egress 40 times the own median.'],
  high: ['Unapproved remote-control tool, and connections from a place that does not match the contract.'],
  medium: ['Mass copy to removable media: 4,812 files, 3.1 GiB in 20 minutes.', 'The agent fell silent for 19 hours.'],
  low: ['A VPN client of note was installed.', 'Two remote-control vendors within 30 days.'],
  none: ['Nothing speaks against this worker.'],
}

export function fill(desk: FakeDesk, workers: number, now: number): void {
  const share: [Band, number][] = [
    ['critical', 0.002],
    ['high', 0.006],
    ['medium', 0.02],
    ['low', 0.08],
    ['none', 1],
  ]
  desk.groups = [farm(), pair()]
  const points: Record<Band, number> = { critical: 97, high: 68, medium: 34, low: 14, none: 0 }
  desk.rows = Array.from({ length: workers }, (_, index) => {
    const band = share.find(([, part]) => index < Math.ceil(workers * part))?.[0] ?? 'none'
    const reasons = REASONS[band]
    return workerRow(workerId(index), {
      name: NAMES[index % NAMES.length] ?? null,
      band,
      points: Math.max(0, points[band] - (index % 9)),
      reason: reasons[index % reasons.length] ?? '',
      lastFinding: band === 'none' ? null : now - (index + 1) * 17 * MINUTE,
      lastSeen: now - (index % 40) * MINUTE,
      laptops: 1 + (index % 7 === 0 ? 1 : 0),
      online: index % 5 === 0 ? 0 : 1,
      coverage: index % 11 === 0 ? 0.42 : 0.78 + (index % 3) * 0.1,
      case: band === 'none' || band === 'low' ? 'none' : (CASES[index % CASES.length] ?? 'open'),
      cluster: desk.groups.find((it) => it.workers.includes(workerId(index)))?.key ?? null,
    })
  }).sort(
    (a, b) =>
      rank(b.band) - rank(a.band) || Number(a.case === 'closed') - Number(b.case === 'closed') || b.points - a.points,
  )
  desk.machines = Array.from({ length: 14 }, (_, index) =>
    laptop(`lt-${(0x3f2a + index * 977).toString(16)}`, {
      worker: index === 9 ? null : workerId(index),
      platform: (['linux', 'macos', 'windows'] as const)[index % 3] ?? 'linux',
      online: index % 4 !== 3,
      lastSeen: now - (index % 4 === 3 ? 19 * HOUR : index * 7_000),
      enrolledAt: now - 40 * DAY,
      missing: index === 2 ? 12 : 0,
      rejected: index === 5 ? 3 : 0,
      revokedAt: index === 11 ? now - 2 * DAY : null,
      coverage: index === 9 ? [] : coverage(now),
      gaps:
        index % 3 === 0
          ? [
              {
                about: '/dev/input',
                reason: 'denied',
                count: null,
                detail: 'EACCES: permission denied',
                time: now - HOUR,
              },
              {
                about: 'process_creation',
                reason: 'denied',
                count: 4,
                detail: 'exe of other users',
                time: now - 3 * HOUR,
              },
            ]
          : [],
    }),
  )
}

const CASES = ['open', 'open', 'reopened', 'closed', 'open'] as const
const workerId = (index: number) => `w${String(index + 1).padStart(4, '0')}`

const NAMES = ['Amara Lindqvist', 'Ben Okafor', null, 'Chiara Novak', 'Dmitri Hale', 'Elif Sato', 'Farid Jensen']

function rank(band: Band): number {
  return ['none', 'low', 'medium', 'high', 'critical'].indexOf(band)
}

export function displacedWorker(now: number): WorkerPage {
  const findings: FindingView[] = [
    finding('f1', {
      title: 'IP-KVM on a USB port',
      family: 'hardware',
      strength: 4,
      level: 'critical',
      time: now - 2 * DAY,
      lastTime: now - 5 * HOUR,
      count: 14,
      says: 'A PiKVM (1d6b:0104) with an absolute pointer is attached to lt-3f2a; the contract declares none.',
      blindTo: 'A KVM that copies the ids of a common keyboard and shows the EDID of a common monitor.',
      response: 'Do not warn the worker. Ask for a photo of the desk in the next video call; freeze repository access.',
      falsepositives: ['A homelab KVM that the worker declared by mail; put it into the contract.'],
      tags: ['attack.t1219.003'],
      events: [usb(now - 2 * DAY, 'f1a'), usb(now - 5 * HOUR, 'f1b')],
    }),
    finding('f2', {
      time: now - 26 * HOUR,
      lastTime: now - 26 * HOUR,
      device: 'lt-3f2a',
      events: [
        {
          id: '0190a1b2-0000-7000-8000-00000000f2aa',
          seq: 4_211,
          time: now - 26 * HOUR,
          category: 'process_creation',
          product: 'linux',
          collector: 'processes',
          Image: '/opt/anydesk/anydesk',
          CommandLine: 'anydesk --service --set-password [removed]',
          ParentImage: '/usr/lib/systemd/systemd',
          ParentCommandLine: '/sbin/init',
          User: 'amara',
          ProcessId: 41_220,
          ParentProcessId: 1,
          CurrentDirectory: '/',
          Signer: null,
          StartedBeforeAgent: false,
        },
      ],
    }),
    finding('f3', {
      title: 'Place does not match the contract',
      family: 'network',
      strength: 3,
      time: now - 3 * DAY,
      lastTime: now - HOUR,
      count: 61,
      says: 'Connections for 3 days from Amsterdam, NL (hosting); the contract says Austin, Texas. No travel notice.',
      events: [
        {
          id: '0190a1b2-0000-8000-8000-00000000f3aa',
          seq: null,
          time: now - HOUR,
          category: 'place_mismatch',
          product: 'tellwire',
          collector: 'place_mismatch',
          ContractCountry: 'US',
          ContractRegion: 'Texas',
          ObservedCountry: 'NL',
          ObservedRegion: 'North Holland',
          DistanceKm: 8_084,
          Days: 3,
          TravelNotice: false,
          ShipToDistanceKm: 8_084,
        },
      ],
    }),
    finding('f4', {
      title: 'Two remote-control vendors within 30 days',
      strength: 2,
      time: now - 20 * HOUR,
      lastTime: now - 20 * HOUR,
      says: 'AnyDesk and RustDesk were both seen on lt-3f2a.',
    }),
    finding('f5', {
      title: 'A VPN client of note',
      family: 'network',
      strength: 1,
      time: now - 80 * DAY,
      lastTime: now - 80 * DAY,
      says: 'Mullvad VPN was installed 80 days ago.',
    }),
  ]
  return {
    worker: 'w0001',
    contract: {
      worker: 'w0001',
      name: 'Amara Lindqvist',
      from: now - 90 * DAY,
      country: 'US',
      region: 'Texas',
      city: 'Austin',
      timeZone: 'America/Chicago',
      roles: ['developer', 'payments'],
      start: now - 90 * DAY,
      end: null,
      shipTo: { country: 'US', region: 'Arizona', city: 'Tempe' },
      approvedTools: [{ tool: 'ScreenConnect', tenant: 'acme', to: now + 90 * DAY }],
      approvedEgress: [{ address: '198.51.100.0/24' }, { asn: 64_500 }],
    },
    case: { state: 'open', verdict: null, newKinds: [] },
    cluster: withoutPeople(farm()),
    assessment: {
      worker: 'w0001',
      band: 'critical',
      points: 97,
      reason:
        'IP-KVM by USB id, unapproved AnyDesk on the first evening, and a place that does not match the contract.',
      parts: [
        {
          kind: 'finding',
          label: 'IP-KVM on a USB port',
          points: 50,
          family: 'hardware',
          findings: ['f1'],
          without: { points: 47, band: 'high' },
        },
        {
          kind: 'finding',
          label: 'Unapproved remote-control tool',
          points: 30,
          family: 'remote-access',
          findings: ['f2'],
          without: { points: 79, band: 'critical' },
        },
        {
          kind: 'finding',
          label: 'Two vendors within 30 days',
          points: 12,
          family: 'remote-access',
          findings: ['f4'],
          without: { points: 97, band: 'critical' },
        },
        {
          kind: 'family_cap',
          label: 'Limit of remote-access',
          points: -12,
          family: 'remote-access',
          findings: ['f2', 'f4'],
          without: null,
        },
        {
          kind: 'finding',
          label: 'Place does not match the contract',
          points: 25,
          family: 'network',
          findings: ['f3'],
          without: { points: 80, band: 'critical' },
        },
        {
          kind: 'mitigation',
          label: 'Approved egress of the company',
          points: -8,
          family: 'network',
          findings: [],
          without: { points: 105, band: 'critical' },
        },
      ],
    },
    findings,
    observed: [
      {
        what: 'country',
        state: 'differs',
        agreed: ['US'],
        agreedSays: null,
        seen: [
          {
            text: 'North Holland, NL',
            state: 'differs',
            device: 'lt-3f2a',
            time: now - HOUR,
            why: 'found: on 3 of 14 days',
          },
          {
            text: 'NL',
            state: 'unknown',
            device: 'lt-3f2a',
            time: now - HOUR,
            why: 'a data centre: it proves no place',
          },
        ],
        unseen: null,
      },
      {
        what: 'region',
        state: 'unknown',
        agreed: ['Austin, Texas'],
        agreedSays: null,
        seen: [],
        unseen: 'no address with a known region in 14 days',
      },
      {
        what: 'time_zone',
        state: 'agrees',
        agreed: ['America/Chicago'],
        agreedSays: null,
        seen: [{ text: 'America/Chicago, UTC-6', state: 'agrees', device: 'lt-3f2a', time: now - 3 * DAY, why: null }],
        unseen: null,
      },
      {
        what: 'network',
        state: 'differs',
        agreed: ['198.51.100.0/24', 'AS64500'],
        agreedSays: null,
        seen: [
          {
            text: 'hosting, Example Servers B.V.',
            state: 'differs',
            device: 'lt-3f2a',
            time: now - HOUR,
            why: 'not an approved exit',
          },
        ],
        unseen: null,
      },
      {
        what: 'remote_tools',
        state: 'differs',
        agreed: ['ScreenConnect, acme'],
        agreedSays: null,
        seen: [
          { text: 'AnyDesk', state: 'differs', device: 'lt-3f2a', time: now - 26 * HOUR, why: 'not in the contract' },
          { text: 'ScreenConnect', state: 'agrees', device: 'lt-3f2a', time: now - 2 * DAY, why: null },
        ],
        unseen: null,
      },
      {
        what: 'hardware',
        state: 'unknown',
        agreed: [],
        agreedSays: 'none declared',
        seen: [],
        unseen: 'none, but not every laptop can look for it',
      },
    ],
    unseen: unseen([{ device: 'lt-3f2a', coverage: coverage(now) }]),
    laptops: [
      laptop('lt-3f2a', {
        worker: 'w0001',
        lastSeen: now - 4_000,
        coverage: coverage(now),
        missing: 12,
        gaps: [
          { about: '/dev/input', reason: 'denied', count: null, detail: 'EACCES: permission denied', time: now - HOUR },
        ],
      }),
    ],
    activity: Array.from({ length: 168 }, (_, index) => {
      const hour = Math.floor(now / HOUR) * HOUR - index * HOUR
      const clock = new Date(hour).getUTCHours()
      const busy = clock > 1 && clock < 11 ? 900 : clock > 14 && clock < 22 ? 140 : 12
      return { hour, events: Math.round(busy * (0.6 + ((index * 7_919) % 97) / 120)) }
    }),
    timeline: findings.flatMap((it) => [
      { time: it.time, device: it.device, category: 'finding', text: it.says, finding: it.id },
      {
        time: it.time - 90 * MINUTE,
        device: 'lt-3f2a',
        category: 'usb_device',
        text: 'A USB device was attached: Logitech Unifying Receiver (046d:c52b), keyboard and pointer.',
        finding: null,
      },
      {
        time: it.time - 4 * HOUR,
        device: 'lt-3f2a',
        category: 'network_place',
        text: 'Another network: gateway 5f3a…, DNS 10.2.0.1, default route on a WireGuard tunnel.',
        finding: null,
      },
    ]),
  }
}

/** Five people, one flat: some keys are everybody's, some only two people's. */
export function farm(): ClusterView {
  const workers = ['w0001', 'w0002', 'w0003', 'w0007', 'w0012']
  const key = (letter: string, kind: string, whose: number[], days: number, strength: number) => ({
    ...{ key: letter.repeat(64), kind, days, strength },
    workers: whose.map((it) => workers[it] ?? ''),
  })
  return {
    key: 'a'.repeat(64),
    kind: 'uplink',
    workers,
    band: 'critical',
    points: 97,
    keys: [
      key('a', 'uplink', [0, 1, 2, 3], 9, 4),
      key('b', 'controller', [0, 1, 2, 3, 4], 6, 4),
      key('c', 'gateway', [0, 1], 9, 3),
      key('d', 'edid', [2, 4], 2, 3),
      key('e', 'usb_serial', [1, 4], 1, 3),
    ],
    people: [
      {
        worker: 'w0001',
        name: 'Amara Lindqvist',
        band: 'critical',
        points: 97,
        place: 'Austin, Texas, US',
        case: 'open',
      },
      { worker: 'w0002', name: 'Ben Okafor', band: 'high', points: 68, place: 'Tempe, Arizona, US', case: 'reopened' },
      { worker: 'w0003', name: null, band: 'high', points: 67, place: null, case: 'open' },
      { worker: 'w0007', name: 'Farid Jensen', band: 'medium', points: 34, place: 'Boise, Idaho, US', case: 'closed' },
      { worker: 'w0012', name: 'Elif Sato', band: 'low', points: 14, place: 'Leeds, England, GB', case: 'none' },
    ],
  }
}

export function pair(): ClusterView {
  const workers = ['w0020', 'w0021']
  const key = 'f'.repeat(64)
  return {
    ...{ key, kind: 'bssid', workers, band: 'medium', points: 40 },
    keys: [{ key, kind: 'bssid', workers, days: 4, strength: 3 }],
    people: workers.map((worker) => ({ worker, name: null, band: 'medium', points: 40, place: null, case: 'open' })),
  }
}

function withoutPeople({ people: _, ...cluster }: ClusterView) {
  return cluster
}

function usb(time: number, id: string) {
  return {
    id,
    seq: 88,
    time,
    category: 'usb_device',
    product: 'linux',
    collector: 'usb-devices',
    Action: 'attached',
    VendorId: '1d6b',
    ProductId: '0104',
    Manufacturer: 'PiKVM',
    ProductName: 'Composite KVM Device',
    SerialNumber: 'CAFEBABE',
    InterfaceClasses: ['03', '03', '08'],
    HasKeyboard: true,
    HasAbsolutePointer: true,
    HasStorage: true,
    HasNetwork: false,
    ParentPort: '1-2',
  }
}
