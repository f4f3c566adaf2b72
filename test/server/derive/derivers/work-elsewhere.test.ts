import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { AddressFacts, Recorded } from '../../../../wire/recording.ts'
import { AUSTIN, agentState, contract, event, HOUR, holding, received, session, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const person = [contract('w1'), holding('d1', 'w1')]
const ELSEWHERE = '198.51.100.77'

function repository(hours: number, Action: EventOf<'repository'>['Action'] = 'clone', device = 'd1'): Recorded {
  const fields = { Action, Host: 'github.com', Namespace: 'acme', Bytes: null, InsideOrganisation: null }
  return received(device, event('repository', fields, T0 + hours * HOUR))
}
const on = (hours: number, device = 'd1') => received(device, agentState('summary', T0 + hours * HOUR))
const blind = (hours: number) =>
  received(
    'd1',
    event(
      'collection_gap',
      { About: '/home', Reason: 'denied', Categories: ['repository'], Count: null, Detail: null },
      T0 + hours * HOUR,
    ),
  )
function saw(hours: number, fields: Partial<EventOf<'repo_audit'>> = {}, geo: Partial<AddressFacts> = {}): Recorded {
  const unsaid = { Destination: null, InsideOrganisation: null, OutsideTeam: null, Country: null, AccountHash: null }
  const time = T0 + hours * HOUR
  const act = {
    Worker: 'w1',
    Action: 'clone' as const,
    Repository: 'acme/app',
    Ip: ELSEWHERE,
    Count: null,
    Bytes: null,
  }
  const it = event('repo_audit', { ...unsaid, ...act, ...fields }, time)
  return { type: 'feed', worker: 'w1', time, geo: { ...AUSTIN, ...geo }, event: { ...it, seq: null } }
}
/** On at home from the first hour to the fourth, and watching. */
const working = [session('d1', AUSTIN), repository(0.2), ...[1, 2, 3, 4].map((it) => on(it))]
const found = (records: readonly Recorded[]) =>
  standing('identity_conflict', [...person, ...records])
    .filter((it) => it.Reason === 'code_host_only')
    .map((it) => [Number(((it.time - T0) / HOUR).toFixed(2)), it.Days])

describe('identity_conflict: what only the code host saw', () => {
  const rows: { name: string; records: Recorded[]; found: number[][] }[] = [
    { name: 'a clone from elsewhere while the laptop is on', records: [...working, saw(3)], found: [[3, 1]] },
    { name: 'a push', records: [...working, saw(3, { Action: 'push' })], found: [[3, 1]] },
    { name: 'several a day are one', records: [...working, saw(2.5), saw(3), saw(4)], found: [[2.5, 1]] },
    {
      name: 'days add up',
      records: [...working, saw(3), ...[24, 25, 26].map((it) => on(it)), saw(25)],
      found: [
        [3, 1],
        [25, 2],
      ],
    },
    {
      name: 'through a VPN that the laptop is not behind',
      records: [...working, saw(3, {}, { class: 'vpn' })],
      found: [[3, 1]],
    },
    { name: 'the laptop did the same', records: [...working, repository(3.1), saw(3)], found: [] },
    {
      name: 'the laptop mirrored, which is a push',
      records: [...working, repository(3.1, 'mirror'), saw(3, { Action: 'push' })],
      found: [],
    },
    { name: "the laptop's own address", records: [...working, saw(3, { Ip: '203.0.113.9' })], found: [] },
    {
      name: 'an address that the laptop had the day before',
      records: [...working, on(27), saw(27, { Ip: '203.0.113.9' })],
      found: [],
    },
    { name: 'no address', records: [...working, saw(3, { Ip: null })], found: [] },
    { name: 'the laptop is off', records: [...working, saw(9)], found: [] },
    {
      name: 'a laptop that never reported a repository',
      records: [session('d1', AUSTIN), on(2), on(3), saw(3)],
      found: [],
    },
    { name: 'a laptop that cannot see them any more', records: [...working, blind(1.5), saw(3)], found: [] },
    { name: 'a laptop that sees them again', records: [...working, blind(0.1), saw(3)], found: [[3, 1]] },
    {
      name: 'a second laptop of the worker that does not watch is in use, too',
      records: [holding('d2', 'w1'), ...working, on(3, 'd2'), saw(3)],
      found: [],
    },
    { name: 'a build server', records: [...working, saw(3, {}, { class: 'hosting' })], found: [] },
    { name: 'a phone', records: [...working, saw(3, {}, { class: 'mobile' })], found: [] },
    { name: 'a company exit', records: [...working, saw(3, {}, { class: 'corporate' })], found: [] },
    ...(['token_created', 'fork', 'list', 'made_public', 'fetch'] as const).map((Action) => ({
      name: `an act that needs no laptop of ours: ${Action}`,
      records: [...working, saw(3, { Action })],
      found: [],
    })),
    { name: 'the reverse: only the laptop saw it', records: [...working, repository(3)], found: [] },
  ]
  for (const { name, records, ...expected } of rows) it(name, () => assert.deepEqual(found(records), expected.found))

  it('an approved exit', () => {
    const approved = contract('w1', { approvedEgress: [{ address: ELSEWHERE }] })
    const all = [approved, person[1]!, ...working, saw(3)]
    assert.equal(standing('identity_conflict', all).length, 0)
  })

  it('is the same in any order', () => {
    const days = [24, 25, 26, 48, 49, 50].map((it) => on(it))
    const records = [...working, saw(3), saw(25), saw(49), repository(49.5), blind(26), ...days]
    assert.ok(sameInAnyOrder('identity_conflict', person, records).length > 0)
  })
})
