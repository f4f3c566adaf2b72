/** A screen that is shared all day, as opposed to calls, uploads and ordinary work. */
import assert from 'node:assert/strict'
import type { Recorded } from '../../../../wire/recording.ts'
import { contract, DAY, event, HOUR, holding, processStart, received, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const home = [contract('w1', { start: T0 - 100 * DAY }), holding('d1', 'w1')]
const MORNING = Math.floor(T0 / DAY) * DAY + 8 * HOUR
const zoom = { id: 'zoom', name: 'Zoom', category: 'meeting', by: 'name', renamed: false, unattended: null } as const

const meeting = (day: number): Recorded => ({
  ...received('d1', processStart('/opt/zoom/zoom', MORNING + day * DAY)),
  facts: { tools: [zoom] },
})
/** Quarters of an hour, megabytes each way. */
const stream = (day: number, hours: number, sent = 30, back = 2): Recorded[] =>
  Array.from({ length: hours * 4 }, (_, n) =>
    received(
      'd1',
      event(
        'egress',
        {
          ...{ Image: null, DestinationIp: null, DestinationPort: null, DestinationHostname: null },
          ...{ BytesSent: sent * 1e6, BytesReceived: back * 1e6, WindowSeconds: 900 },
        },
        MORNING + day * DAY + n * 0.25 * HOUR,
      ),
    ),
  )
const shown = (day: number, hours: number) => [meeting(day), ...stream(day, hours)]
/** The same streams as parts of those sums, by program and peer. */
const byProgram = (sums: Recorded[]): Recorded[] =>
  sums.map((it) => {
    if (it.type !== 'event' || it.event.category !== 'egress') return it
    const part = { Image: '/opt/zoom/zoom', DestinationIp: '198.51.100.7', DestinationPort: 443 }
    const { time, BytesSent, BytesReceived, WindowSeconds } = it.event
    return received(
      'd1',
      event('egress', { ...part, DestinationHostname: null, BytesSent, BytesReceived, WindowSeconds }, time),
    )
  })

const cases: { what: string; records: Recorded[]; stands: [value: number, windowDays: number][] }[] = [
  { what: '#28: a whole day', records: shown(0, 9), stands: [[9, 1]] },
  {
    what: 'P21: three days of a week',
    records: [0, 1, 3].flatMap((day) => shown(day, 8)),
    stands: [
      [8, 1],
      [8, 1],
      [8, 1],
      [24, 7],
    ],
  },
  { what: 'a workshop in the morning', records: shown(0, 4), stands: [] },
  {
    what: 'a workshop whose stream is told by program, too',
    records: [...shown(0, 4), ...byProgram(stream(0, 4))],
    stands: [],
  },
  { what: 'a whole day, by program only', records: [meeting(0), ...byProgram(stream(0, 9))], stands: [[9, 1]] },
  { what: 'a call, in which as much comes back', records: [meeting(0), ...stream(0, 9, 120, 110)], stands: [] },
  { what: 'N19: an upload, which is faster', records: [meeting(0), ...stream(0, 9, 900, 10)], stands: [] },
  { what: 'ordinary work', records: [meeting(0), ...stream(0, 9, 5, 60)], stands: [] },
  { what: 'N17: a slow backup, and no meeting', records: stream(0, 9), stands: [] },
]

describe('screen_share_hours', () => {
  for (const { what, records, stands } of cases)
    it(what, () =>
      assert.deepEqual(
        standing('volume_anomaly', [...home, ...records], { at: MORNING + 6 * DAY })
          .filter((it) => it.Metric === 'screen_share_hours')
          .map((it) => [it.Value, it.WindowDays]),
        stands,
      ),
    )

  it('is not emitted before the day is over', () => {
    const at = (time: number) =>
      standing('volume_anomaly', [...home, ...shown(0, 9)], { at: time }).filter(
        (it) => it.Metric === 'screen_share_hours',
      )
    assert.deepEqual([at(MORNING + 10 * HOUR).length, at(MORNING + 17 * HOUR).length], [0, 1])
  })

  it('is the same in any order, across a restart', () => {
    const records = [0, 1, 3].flatMap((day) => [meeting(day), ...stream(day, 7)])
    const found = sameInAnyOrder('volume_anomaly', home, records, { at: MORNING + 8 * DAY })
    assert.equal(found.filter((it) => it.Metric === 'screen_share_hours').length, 4)
  })
})
