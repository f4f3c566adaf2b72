/** Views for tests, with unremarkable defaults. */

import type { Coverage } from '../../../server/model/coverage.ts'
import type { FindingView, Laptop, WorkerRow } from '../../../server/views/schema.ts'
import { AGENT_CATEGORIES } from '../../../wire/event.ts'

export function workerRow(worker: string, about: Partial<WorkerRow> = {}): WorkerRow {
  return {
    worker,
    name: null,
    band: 'none',
    points: 0,
    reason: 'nothing found in what the agents can see',
    waiting: null,
    case: 'none',
    cluster: null,
    lastFinding: null,
    lastSeen: null,
    laptops: 1,
    online: 1,
    coverage: 0.9,
    ...about,
  }
}

export function laptop(device: string, about: Partial<Laptop> = {}): Laptop {
  return {
    device,
    worker: null,
    platform: 'linux',
    version: '0.1.0',
    online: true,
    enrolledAt: 1_790_000_000_000,
    revokedAt: null,
    revokedBy: null,
    revokedWhy: null,
    lastSeen: 1_790_000_000_000,
    lastAddress: '203.0.113.9',
    place: 'Austin, Texas, US',
    spoolBytes: 48_211,
    residentBytes: 61_000_000,
    programHash: null,
    policyHash: null,
    starts: { seen: 1_233, total: 1_240, by: 'tracefs', time: 1_790_000_000_000 },
    clockSkewMs: -240,
    events: 18_204,
    missing: 0,
    rejected: 0,
    visible: { wanted: 20, seen: 16, impaired: 4 },
    gaps: [],
    coverage: coverage(1_790_000_000_000),
    ...about,
  }
}

export function coverage(time: number): Coverage[] {
  const states = ['seen', 'seen', 'quiet', 'seen', 'partial', 'quiet', 'seen', 'blind', 'seen', 'off'] as const
  return AGENT_CATEGORIES.map((category, index) => {
    const state = states[index % states.length] ?? 'unknown'
    return {
      category,
      state,
      detail:
        state === 'blind' ? 'denied: /dev/input' : state === 'partial' ? '4 processes of other users not read' : null,
      lastEvent: state === 'seen' ? time - index * 240_000 : null,
    }
  })
}

export function finding(id: string, about: Partial<FindingView> = {}): FindingView {
  return {
    id,
    rule: '6f0c1f0e-6a5e-4c0e-9a3e-2f2f1f3b7a11',
    title: 'Remote-control tool that the contract does not approve',
    level: 'high',
    family: 'remote-access',
    strength: 3,
    device: 'd1',
    time: 1_790_000_000_000,
    lastTime: 1_790_000_000_000,
    count: 1,
    says: 'AnyDesk runs on d1, 2 days after its first boot; the contract does not approve it.',
    blindTo: 'A tool that is renamed and re-signed, and talks to a relay we do not know.',
    response: 'Ask the help desk whether a session was booked; then call the worker on the number from the contract.',
    falsepositives: ['A tool that IT forgot to approve in the contract; approve it there, do not weaken the rule.'],
    tags: ['attack.t1219.002'],
    author: null,
    license: null,
    link: null,
    events: [],
    ...about,
  }
}
