import assert from 'node:assert/strict'
import { DEADLINE_MS, policyTrial, SETTLE_MS } from '../../agent/policy-trial.ts'

/** At each second: what is acknowledged, what fails, and whether the server has room. */
interface Second {
  acked?: number
  failing?: string[]
  throttled?: boolean
}

/** The verdict on a policy whose event has the number 10, and after how many seconds. */
function judged(course: (second: number) => Second, before: string[] = []) {
  let second = 0
  const now = () => course(second)
  const trial = policyTrial({
    awakeMs: () => second * 1_000,
    failing: () => now().failing ?? [],
    acked: () => now().acked ?? 0,
    isThrottled: () => now().throttled ?? false,
  })
  trial.begin(before, 10)
  for (; second < 3_600; second++) {
    const verdict = trial.judge()
    if (verdict !== null) return { verdict: verdict.works ? 'works' : verdict.why, second }
  }
  return { verdict: null, second }
}

const NO_ACK = 'The server has acknowledged nothing since it was applied.'
const SETTLED = SETTLE_MS / 1_000
const DEADLINE = DEADLINE_MS / 1_000

describe('agent/policy-trial', () => {
  const cases: {
    name: string
    course: (second: number) => Second
    before?: string[]
    verdict: string | null
    at: number
  }[] = [
    {
      name: 'acknowledged at once: after its collectors had time to fail',
      course: () => ({ acked: 10 }),
      verdict: 'works',
      at: SETTLED,
    },
    { name: 'acknowledged late', course: (s) => ({ acked: s < 200 ? 9 : 12 }), verdict: 'works', at: 200 },
    { name: 'never acknowledged', course: () => ({ acked: 9 }), verdict: NO_ACK, at: DEADLINE },
    { name: 'no room for an hour', course: () => ({ throttled: true }), verdict: null, at: 3_600 },
    {
      name: 'no room for ten minutes, then acknowledged',
      course: (s) => (s < 600 ? { throttled: true } : { acked: 10 }),
      verdict: 'works',
      at: 600,
    },
    {
      name: 'a collector fails',
      course: (s) => ({ acked: 10, failing: s < 4 ? [] : ['usb'] }),
      verdict: 'It makes collectors fail: usb.',
      at: 4,
    },
    {
      name: 'a collector fails that failed before',
      course: () => ({ acked: 10, failing: ['usb'] }),
      before: ['usb'],
      verdict: 'works',
      at: SETTLED,
    },
  ]
  for (const { name, course, before, verdict, at } of cases)
    it(name, () => assert.deepEqual(judged(course, before), { verdict, second: at }))

  it('judges nothing when nothing is on trial', () => {
    const trial = policyTrial({ awakeMs: () => 0, failing: () => ['usb'], acked: () => 0, isThrottled: () => false })
    assert.equal(trial.judge(), null)
  })
})
