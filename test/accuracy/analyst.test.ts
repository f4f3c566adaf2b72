import assert from 'node:assert/strict'
import type { Band } from '../../server/model/assessment.ts'
import { finding } from '../server/assess/finding.ts'
import { DAY, T0 } from '../server/events.ts'
import { analyst, type InQueue } from './analyst.ts'

const waiting = (worker: string, band: Band, points: number, rules: readonly string[] = ['tool']): InQueue => ({
  ...{ worker, band, points },
  findings: rules.map((rule) => finding({ rule, worker })),
})

describe('the analyst', () => {
  const reviewed = (
    perDay: number,
    days: readonly InQueue[][],
    isInfiltrator: (worker: string, at: number) => boolean,
  ) => {
    const desk = analyst(perDay, isInfiltrator)
    for (const [nth, queue] of days.entries()) desk.day(T0 + nth * DAY, queue)
    return desk.reviews.map((it) => `day ${(it.at - T0) / DAY} ${it.worker}${it.confirmed ? ' confirmed' : ''}`)
  }
  const none = () => false

  for (const { name, perDay, days, infiltrator = '', from = 0, is } of [
    {
      name: 'takes the first by band, then points, then name',
      perDay: 3,
      days: [
        [waiting('d', 'medium', 90), waiting('c', 'high', 50), waiting('b', 'high', 50), waiting('a', 'critical', 1)],
      ],
      is: ['day 0 a', 'day 0 b', 'day 0 c'],
    },
    {
      name: 'skips workers without an open case',
      perDay: 3,
      days: [[waiting('a', 'low', 15), waiting('b', 'medium', 40)]],
      is: ['day 0 b'],
    },
    {
      name: 'carries a fraction over to the next day',
      perDay: 0.5,
      days: Array.from({ length: 4 }, () => [
        waiting('a', 'high', 9),
        waiting('b', 'high', 8),
        waiting('c', 'high', 7),
      ]),
      is: ['day 1 a', 'day 3 b'],
    },
    {
      name: 'does not carry over unused reviews',
      perDay: 1,
      days: [[], [], [waiting('a', 'high', 9), waiting('b', 'high', 8)]],
      is: ['day 2 a'],
    },
    {
      name: 'a benign worker comes back only with evidence of a new kind',
      perDay: 1,
      days: [
        [waiting('a', 'high', 9)],
        [waiting('a', 'critical', 99)],
        [waiting('a', 'critical', 99, ['tool', 'place'])],
      ],
      is: ['day 0 a', 'day 2 a'],
    },
    {
      name: 'a confirmed worker never comes back',
      perDay: 1,
      infiltrator: 'a',
      days: [[waiting('a', 'high', 9)], [waiting('a', 'critical', 99, ['tool', 'place'])]],
      is: ['day 0 a confirmed'],
    },
    {
      name: 'an infiltrator is benign before their first action, until there is new evidence',
      perDay: 1,
      infiltrator: 'a',
      from: T0 + DAY,
      days: [[waiting('a', 'high', 9)], [waiting('a', 'high', 9)], [waiting('a', 'high', 9, ['tool', 'place'])]],
      is: ['day 0 a', 'day 2 a confirmed'],
    },
  ])
    it(name, () =>
      assert.deepEqual(
        reviewed(perDay, days, infiltrator === '' ? none : (worker, at) => worker === infiltrator && at >= from),
        is,
      ),
    )
})
