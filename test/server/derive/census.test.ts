/** What a fleet has in common in its first two weeks. */
import assert from 'node:assert/strict'
import { type Census, LEARNING_DAYS } from '../../../server/derive/kit/census.ts'
import type { Recorded } from '../../../wire/recording.ts'
import {
  AUSTIN,
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
  session,
  T0,
} from '../events.ts'
import { Rig } from './rig.ts'
import { about, sameInAnyOrder } from './standing.ts'

const anydesk: FoundTool = { ...NINJAONE, id: 'anydesk', name: 'AnyDesk', category: 'remote-desktop' }
const rat: FoundTool = { ...NINJAONE, id: 'some-rat', name: 'Some RAT', category: 'malware-rat' }

const ids = (count: number) => Array.from({ length: count }, (_, n) => n + 1)
/** Each worker `wN` holds laptop `dN`. */
const fleet = (count: number): Recorded[] => ids(count).flatMap((n) => [contract(`w${n}`), holding(`d${n}`, `w${n}`)])
const online = (count: number, day = 0): Recorded[] =>
  ids(count).map((n) => session(`d${n}`, AUSTIN, T0 + day * DAY + n))
const seen = (tool: FoundTool, n: number, day = 0, line = 'x'): Recorded => ({
  ...received(`d${n}`, processStart('/usr/bin/x', T0 + day * DAY + n * HOUR, { CommandLine: line })),
  facts: { tools: [tool] },
})
const onAll = (count: number, tool = NINJAONE, day = 0, line = 'x') => ids(count).map((n) => seen(tool, n, day, line))
const ends = (until: number, saidAt = until): Recorded => ({
  type: 'learning',
  until,
  saidAt,
  saidBy: 'ana',
  receivedAt: saidAt,
})

/** 'w1 ninjaone-ninjarmm' for each tool event that is common. */
const common = (records: readonly Recorded[]): string[] => [
  ...new Set(
    about('tool', records)
      .filter((it) => it.event.CommonHere)
      .map((it) => `${it.worker} ${it.event.ToolId}`),
  ),
]
const all = (count: number, id = NINJAONE.id) => ids(count).map((n) => `w${n} ${id}`)

describe('what the fleet has in common', () => {
  const cases: { name: string; records: Recorded[]; common: string[] }[] = [
    { name: 'N33: ten of ten', records: [...fleet(10), ...onAll(10)], common: all(10) },
    { name: 'five of fifteen', records: [...fleet(15), ...online(15), ...onAll(5)], common: all(5) },
    { name: 'five of sixteen', records: [...fleet(16), ...online(16), ...onAll(5)], common: [] },
    { name: 'four of four are too few', records: [...fleet(4), ...onAll(4)], common: [] },
    {
      name: 'a tool that nobody else has',
      records: [...fleet(10), ...onAll(10), seen(anydesk, 3)],
      common: all(10),
    },
    { name: 'malware is nobody’s own', records: [...fleet(10), ...onAll(10, rat)], common: [] },
    {
      name: 'all with one tenant',
      records: [...fleet(10), ...onAll(10, NINJAONE, 0, 'agent --tenant acme')],
      common: all(10),
    },
    {
      name: 'one of them with another tenant',
      records: [
        ...fleet(10),
        ...onAll(9, NINJAONE, 0, 'agent --tenant acme'),
        seen(NINJAONE, 10, 0, 'agent --tenant evil'),
      ],
      common: all(9),
    },
    {
      name: 'it does not end by itself',
      records: [...fleet(10), ...onAll(9), seen(NINJAONE, 10, LEARNING_DAYS + 1)],
      common: all(10),
    },
    {
      name: 'the period ended earlier, by a person',
      records: [...fleet(10), ...onAll(9), ends(T0 + 2 * DAY), seen(NINJAONE, 10, 3)],
      common: all(9),
    },
    {
      name: 'ended before the fifth had it',
      records: [...fleet(10), ...onAll(4), ends(T0 + DAY), ...onAll(10, NINJAONE, 2)],
      common: [],
    },
    {
      name: 'extended',
      records: [...fleet(10), ...onAll(9), ends(T0 + 30 * DAY, T0 + DAY), seen(NINJAONE, 10, 20)],
      common: all(10),
    },
    {
      name: 'the last word on it counts, whatever order they arrive in',
      records: [...fleet(10), ends(T0 + DAY, T0 + 2 * DAY), ends(T0 + 30 * DAY, T0 + DAY), ...onAll(10, NINJAONE, 2)],
      common: [],
    },
  ]
  for (const { name, records, common: expected } of cases)
    it(name, () => assert.deepEqual(common(records).sort(), [...expected].sort()))

  it('in any order', () => {
    const records = [...onAll(8), ...onAll(8, NINJAONE, 1), seen(anydesk, 2), ...onAll(8, anydesk, 12)]
    assert.ok(sameInAnyOrder('tool', fleet(8), records).some((it) => it.CommonHere))
  })
})

describe('the candidates', () => {
  const take = (records: readonly Recorded[]): Census => {
    const rig = new Rig()
    for (const it of records) rig.take(it)
    rig.advance()
    return rig.world.census
  }
  const shown = (census: Census, least = 2) =>
    census
      .counts(T0 + DAY, least)
      .map((it) => `${it.kind} ${it.value}${it.tenant ? ` @${it.tenant}` : ''} ${it.workers}/${it.of}`)
  const display = (n: number): Recorded =>
    received(
      `d${n}`,
      event('display', {
        ...{
          Action: 'present',
          MakerId: 'DEL',
          ProductCode: '0x40f4',
          MonitorName: 'DELL U2720Q',
          SerialText: `S${n}`,
        },
        ...{ WidthMm: 600, HeightMm: 340, Internal: false, EdidHash: 'abcdef0123456789' },
      } as Parameters<typeof event<'display'>>[1]),
    )
  const vpn = (n: number): Recorded =>
    session(`d${n}`, { ...AUSTIN, asn: 22_616, asName: 'Zscaler', class: 'corporate' })

  it('by kind and value, with how many of how many', () =>
    assert.deepEqual(
      shown(
        take([
          ...fleet(6),
          ...onAll(6, NINJAONE, 0, 'agent --tenant acme'),
          seen(anydesk, 1),
          ...ids(3).map(display),
          ...ids(2).map(vpn),
        ]),
      ),
      ['tool ninjaone-ninjarmm 6/6', 'tool ninjaone-ninjarmm @acme 6/6', 'display DEL 0x40f4 3/6', 'exit 22616 2/6'],
    ))
  it('who has it, and labels', () => {
    const [found] = take([...fleet(6), ...onAll(6)]).counts(T0 + DAY, 2)
    assert.deepEqual([found?.label, found?.having], ['NinjaOne (NinjaRMM)', ids(6).map((n) => `w${n}`)])
  })
  it('a dock that the catalogue takes for a capture card, by kind and ids', () => {
    const ids = { VendorId: '534D', ProductId: '2109', ProductName: 'USB3.0 Dock', InterfaceClasses: ['0e'] }
    const dock = (n: number): Recorded => ({
      ...received(
        `d${n}`,
        event('usb_device', { ...ids, Action: 'present' } as Parameters<typeof event<'usb_device'>>[1]),
      ),
      facts: { hardware: [{ id: 'ms2109', name: 'MacroSilicon MS2109', kind: 'capture', by: 'usb_id' }] },
    })
    assert.deepEqual(shown(take([...fleet(6), ...[1, 2, 3].map(dock)])), [
      'hardware capture 534d:2109 3/3',
      'usb 534d:2109 3/3',
    ])
  })
  it('not a home', () => assert.deepEqual(shown(take([...fleet(6), ...online(6)])), []))
  it('not what was last seen six weeks ago', () =>
    assert.deepEqual(take([...fleet(6), ...onAll(6)]).counts(T0 + 42 * DAY, 2), []))
  it('the period', () => {
    const census = take([...fleet(2), ...online(2), approval({ tool: 'NinjaOne' })])
    assert.deepEqual(census.period(), {
      ...{ from: T0 + 1, due: T0 + 1 + LEARNING_DAYS * DAY },
      ...{ until: null, saidBy: null },
    })
    assert.equal(take(fleet(2)).period(), null)
  })
  it('a laptop that invents values keeps sixty-four of a kind', () => {
    const many = Array.from({ length: 500 }, (_, n) => seen({ ...anydesk, id: `tool-${n}` }, 1))
    assert.equal(take([...fleet(1), ...many]).counts(T0 + DAY, 1).length, 64)
  })
})
