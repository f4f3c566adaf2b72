import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { AddressFacts, Recorded } from '../../../../wire/recording.ts'
import { AUSTIN, contract, DAY, event, HOUR, holding, login, MINUTE, received, session, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const person = [contract('w1'), holding('d1', 'w1')]
const HOME: AddressFacts = { ...AUSTIN, asn: 7_922 }
const OTHER: AddressFacts = { ...AUSTIN, asn: 22_773 }

function signsIn(
  minutes: number,
  { geo = {}, ...fields }: Partial<EventOf<'idp_login'>> & { geo?: Partial<AddressFacts> } = {},
): Recorded {
  const unmanaged = { ManagedDevice: false, Mobile: false, DeviceId: null, Ip: '198.51.100.77' }
  return { ...login('w1', T0 + minutes * MINUTE, { ...unmanaged, ...fields }), geo: { ...OTHER, ...geo } }
}
const unlocks = (minutes: number, fields: Partial<EventOf<'logon'>> = {}) =>
  received(
    'd1',
    event(
      'logon',
      { User: 'u', LogonType: 'unlock', SourceIp: null, Action: 'logon', ...fields },
      T0 + minutes * MINUTE,
    ),
  )
const present = (minutes: number, ActiveMinutes: number) =>
  received(
    'd1',
    event('presence', { ActiveMinutes, LongestIdleSeconds: 60, WindowSeconds: 3_600 }, T0 + minutes * MINUTE),
  )
const home = session('d1', HOME)
/** The laptop, behind the other line. */
const behind = (day: number): Recorded => ({
  ...session('d1', OTHER, T0 + day * DAY),
  remoteAddress: '198.51.100.9',
})
const twoLines = [home, unlocks(60), signsIn(65)]
const found = (records: readonly Recorded[]) =>
  standing('identity_conflict', [...person, ...records])
    .filter((it) => it.Reason === 'two_lines')
    .map((it) => [(it.time - T0) / MINUTE, it.Days])

describe('identity_conflict: an account on two lines (P9)', () => {
  const rows: { name: string; records: Recorded[]; found: number[][] }[] = [
    {
      name: 'in the minutes after the laptop was unlocked',
      records: [home, unlocks(60), signsIn(70)],
      found: [[70, 1]],
    },
    { name: 'in an hour of work', records: [home, present(120, 45), signsIn(100)], found: [[100, 1]] },
    { name: 'at its end', records: [home, present(120, 45), signsIn(134)], found: [[134, 1]] },
    { name: 'several a day are one', records: [home, present(120, 45), signsIn(100), signsIn(80)], found: [[80, 1]] },
    {
      name: 'days add up',
      records: [
        home,
        unlocks(60),
        signsIn(62),
        session('d1', HOME, T0 + DAY),
        unlocks(24 * 60 + 5),
        signsIn(24 * 60 + 6),
      ],
      found: [
        [62, 1],
        [24 * 60 + 6, 2],
      ],
    },
    { name: 'an hour later', records: [home, unlocks(0), signsIn(60)], found: [] },
    { name: 'in an hour with little activity', records: [home, present(120, 10), signsIn(100)], found: [] },
    {
      name: 'the laptop is logged on to from another computer',
      records: [home, unlocks(60, { SourceIp: '10.0.0.7' }), signsIn(65)],
      found: [],
    },
    { name: 'a phone', records: [home, unlocks(60), signsIn(65, { Mobile: true })], found: [] },
    {
      name: 'the provider does not say whether it is a phone',
      records: [home, unlocks(60), signsIn(65, { Mobile: null })],
      found: [],
    },
    { name: 'a managed laptop', records: [home, unlocks(60), signsIn(65, { ManagedDevice: true })], found: [] },
    {
      name: "the worker's own laptop, unmanaged by the provider's list",
      records: [home, unlocks(60), signsIn(65, { DeviceId: 'd1' })],
      found: [],
    },
    { name: 'a failure', records: [home, unlocks(60), signsIn(65, { Result: 'failure' })], found: [] },
    {
      name: 'another address of the same provider, as with IPv6',
      records: [home, unlocks(60), signsIn(65, { geo: { asn: 7_922 } })],
      found: [],
    },
    {
      name: "another network of the same provider, while the laptop's own stays",
      records: [session('d1', HOME, T0 - DAY), home, unlocks(60), signsIn(65, { geo: { asn: 7_922 } })],
      found: [[65, 1]],
    },
    {
      name: "another network of the same provider, as the laptop's own changes",
      records: [
        { ...session('d1', HOME, T0 - DAY), remoteAddress: '192.0.2.7' },
        ...[home, unlocks(60), signsIn(65, { geo: { asn: 7_922 } })],
      ],
      found: [],
    },
    {
      name: 'the same provider by IPv6',
      records: [
        session('d1', HOME, T0 - DAY),
        ...[home, unlocks(60), signsIn(65, { Ip: '2001:db8::7', geo: { asn: 7_922 } })],
      ],
      found: [],
    },
    {
      name: "a VPN is another rule's business",
      records: [home, unlocks(60), signsIn(65, { geo: { class: 'vpn' } })],
      found: [],
    },
    {
      name: 'the laptop is behind a VPN',
      records: [session('d1', { ...HOME, class: 'vpn' }), unlocks(60), signsIn(65)],
      found: [],
    },
    {
      name: 'the laptop was in the office on that day, too',
      records: [home, session('d1', { ...HOME, class: 'corporate' }, T0 + 5 * HOUR), unlocks(60), signsIn(65)],
      found: [],
    },
    { name: 'N38: the laptop was behind that line ten days before', records: [behind(-10), ...twoLines], found: [] },
    { name: 'N38: and comes to it three days later', records: [...twoLines, behind(3)], found: [] },
    { name: 'three weeks before is long ago', records: [behind(-21), ...twoLines], found: [[65, 1]] },
    { name: 'a laptop whose line is not known', records: [unlocks(60), signsIn(65)], found: [] },
  ]
  for (const { name, records, ...expected } of rows) it(name, () => assert.deepEqual(found(records), expected.found))

  it('an approved exit', () => {
    const approved = contract('w1', { approvedEgress: [{ asn: 22_773 }] })
    assert.deepEqual(standing('identity_conflict', [approved, person[1]!, home, unlocks(60), signsIn(65)]), [])
  })

  it('is the same in any order', () => {
    const records = [home, unlocks(60), signsIn(65), present(240, 50), signsIn(200), session('d1', HOME, T0 + DAY)]
    const all = [...records, unlocks(1_450), signsIn(1_460), signsIn(1_700)]
    assert.ok(sameInAnyOrder('identity_conflict', person, all).length > 0)
    sameInAnyOrder('identity_conflict', person, [...all, behind(2), unlocks(4_320), signsIn(4_325)])
  })
})
