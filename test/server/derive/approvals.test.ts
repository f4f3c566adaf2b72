/** What the company approves, at three levels, before or after the events it is about. */
import assert from 'node:assert/strict'
import { World } from '../../../server/derive/kit/world.ts'
import type { EventOf } from '../../../wire/event.ts'
import type { Recorded } from '../../../wire/recording.ts'
import {
  approval,
  contract,
  DAY,
  event,
  type FoundTool,
  HOUR,
  holding,
  NINJAONE,
  processStart,
  received,
  T0,
} from '../events.ts'
import { sameInAnyOrder, standing } from './standing.ts'

const screenconnect: FoundTool = { ...NINJAONE, id: 'screenconnect', name: 'ScreenConnect', category: 'remote-support' }
const home = [contract('w1', { roles: ['Developer'] }), holding('d1', 'w1')]

const seen = (tool: FoundTool, time: number, line = '/usr/bin/x'): Recorded => ({
  ...received('d1', processStart('/usr/bin/x', time, { CommandLine: line })),
  facts: { tools: [tool] },
})
const session = (tool: string, day: number, hours = 5): Recorded =>
  received(
    'd1',
    event(
      'remote_session',
      {
        ...{ Tool: tool, Direction: 'incoming', PeerIp: null, PeerIdHash: null, Unattended: null },
        ...{ StartedAt: T0 + day * DAY, EndedAt: T0 + day * DAY + hours * HOUR },
      } as Omit<EventOf<'remote_session'>, 'category'>,
      T0 + day * DAY + hours * HOUR,
    ),
  )
const later = (days: number): Recorded =>
  seen({ ...NINJAONE, id: 'zoom', name: 'Zoom', category: 'meeting' }, T0 + days * DAY)

const approvedOf = (records: readonly Recorded[], id = NINJAONE.id) =>
  standing('tool', records)
    .filter((it) => it.ToolId === id)
    .map((it) => it.Approved)

describe('approvals', () => {
  const days = [seen(NINJAONE, T0), seen(NINJAONE, T0 + DAY), seen(NINJAONE, T0 + 2 * DAY)]
  const cases: { name: string; records: Recorded[]; approved: boolean[] }[] = [
    { name: 'nobody approved it', records: [...home, ...days], approved: [false, false, false] },
    {
      name: 'of the company',
      records: [...home, approval({ tool: 'NinjaOne' }), ...days],
      approved: [true, true, true],
    },
    {
      name: 'of a role, without regard to case',
      records: [...home, approval({ level: 'role', role: 'developer', tool: 'NinjaOne' }), ...days],
      approved: [true, true, true],
    },
    {
      name: 'of another role',
      records: [...home, approval({ level: 'role', role: 'designer', tool: 'NinjaOne' }), ...days],
      approved: [false, false, false],
    },
    {
      name: 'of the worker',
      records: [...home, approval({ level: 'contract', worker: 'w1', tool: 'NinjaRMM' }), ...days],
      approved: [true, true, true],
    },
    {
      name: 'of another worker',
      records: [...home, approval({ level: 'contract', worker: 'w2', tool: 'NinjaOne' }), ...days],
      approved: [false, false, false],
    },
    {
      name: 'of the company, for a worker without a contract',
      records: [holding('d1', 'w1'), approval({ tool: 'NinjaOne' }), ...days],
      approved: [true, true, true],
    },
    {
      name: 'F16: said two weeks later, from the beginning',
      records: [...home, ...days, later(16), approval({ tool: 'ninjarmm' })],
      approved: [true, true, true],
    },
    {
      name: 'F16: said later, from the second day',
      records: [...home, ...days, later(16), approval({ tool: 'ninjarmm', from: T0 + DAY })],
      approved: [false, true, true],
    },
    {
      name: 'F16: a contract version that was entered two weeks late',
      records: [...home, ...days, later(16), contract('w1', { from: T0 - DAY, approvedTools: [{ tool: 'NinjaOne' }] })],
      approved: [true, true, true],
    },
    {
      name: 'revoked from the second day',
      records: [...home, approval({ tool: 'NinjaOne' }), ...days, approval({ tool: 'NinjaOne', revokedAt: T0 + DAY })],
      approved: [true, false, false],
    },
    {
      name: 'revoked as a mistake: never in force',
      records: [
        ...home,
        approval({ tool: 'NinjaOne', from: T0 }),
        ...days,
        later(16),
        approval({ tool: 'NinjaOne', from: T0, revokedAt: T0 }),
      ],
      approved: [false, false, false],
    },
    {
      name: 'the revocation arrives before the approval',
      records: [...home, approval({ tool: 'NinjaOne', revokedAt: T0 }), approval({ tool: 'NinjaOne' }), ...days],
      approved: [false, false, false],
    },
    {
      name: 'one that names nothing approves nothing',
      records: [...home, approval({}), ...days],
      approved: [false, false, false],
    },
    {
      name: 'an exit of the company is no tool',
      records: [...home, approval({ kind: 'exit', asn: 64_500 }), ...days],
      approved: [false, false, false],
    },
  ]
  for (const { name, records, approved } of cases) it(name, () => assert.deepEqual(approvedOf(records), approved))

  it('all kinds are part of the contract, with their source', () => {
    const world = new World()
    world.addContract(contract('w1'))
    for (const it of [
      approval({ kind: 'tool', tool: 'NinjaOne', tenant: 'acme', ticket: 'T-1' }),
      approval({ kind: 'exit', asn: 64_500 }),
      approval({ kind: 'hardware', deviceKind: 'ip_kvm', vendorId: '1d6b' }),
      approval({ kind: 'repository', host: 'git.acme.example' }),
      approval({ kind: 'management', program: 'acme-agent' }),
    ])
      world.addApproval(it)
    const held = world.contractAt('w1', T0)
    assert.deepEqual(
      [
        held?.approvedTools,
        held?.approvedEgress,
        held?.peripherals,
        held?.approvedRepositories,
        held?.approvedPrograms,
      ].map((it) => it?.length),
      [1, 1, 1, 1, 1],
    )
    assert.deepEqual(held?.approvedTools?.[0], {
      ...{ tool: 'NinjaOne', tenant: 'acme', from: T0 - 30 * DAY, to: null, approvedBy: 'ana', ticket: 'T-1' },
      ...{ approval: 'a-tool-NinjaOne', level: 'company', reason: 'Our own.' },
    })
  })
})

describe('approvals: the tenant belongs to the installation', () => {
  const ours = [...home, approval({ tool: 'ScreenConnect', tenant: 'acme' })]
  const client = (host: string, time: number) => seen(screenconnect, time, `client ?e=Access&h=${host}&p=443`)
  const cases: { name: string; records: Recorded[]; approved: boolean[] }[] = [
    { name: 'none is shown', records: [seen(screenconnect, T0)], approved: [true] },
    {
      name: 'ours, in one event of the day',
      records: [seen(screenconnect, T0), client('acme.example', T0 + HOUR)],
      approved: [true, true],
    },
    {
      name: "another's, in one event, an hour later",
      records: [seen(screenconnect, T0), client('evil.example', T0 + HOUR)],
      approved: [false, false],
    },
    {
      name: "another's, two days earlier",
      records: [client('evil.example', T0), seen(screenconnect, T0 + 2 * DAY)],
      approved: [false, false],
    },
    {
      name: 'a second tenant beside ours is not covered',
      records: [client('acme.example', T0), client('evil.example', T0 + HOUR), seen(screenconnect, T0 + 2 * HOUR)],
      approved: [true, false, true],
    },
    {
      name: 'two months ago it was another installation',
      records: [client('evil.example', T0), seen(screenconnect, T0 + 60 * DAY)],
      approved: [false, true],
    },
  ]
  for (const { name, records, approved } of cases)
    it(name, () => assert.deepEqual(approvedOf([...ours, ...records], 'screenconnect'), approved))

  it('in any order', () => {
    const records = cases.slice(0, 5).flatMap((it) => it.records)
    assert.ok(sameInAnyOrder('tool', ours, records).length > 2)
  })
})

describe('approvals: hours of remote control', () => {
  const week = [0, 1, 2].map((day) => session('NinjaOne', day))
  const hoursOf = (records: Recorded[]) => standing('volume_anomaly', records).map((it) => it.Value)
  it('unapproved', () => assert.deepEqual(hoursOf([...home, ...week]), [5, 5, 5, 15]))
  for (const tool of ['NinjaOne', 'NinjaOne (NinjaRMM)', 'ninjaone-ninjarmm', 'NINJARMM'])
    it(`approved as ${tool}`, () => assert.deepEqual(hoursOf([...home, approval({ tool }), ...week]), []))
  it('F16: approved three weeks later', () =>
    assert.deepEqual(hoursOf([...home, ...week, session('NinjaOne', 21, 1), approval({ tool: 'NinjaOne' })]), []))
  it('not where another tenant of it was seen', () => {
    const other = seen(NINJAONE, T0, 'agent --tenant evil')
    assert.equal(hoursOf([...home, other, approval({ tool: 'NinjaOne', tenant: 'acme' }), ...week]).length, 4)
  })
})
