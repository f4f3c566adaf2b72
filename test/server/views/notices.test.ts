import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { merged, NAMED_MAX, NOTICE_EVERY_MS, Notices } from '../../../server/views/notices.ts'
import type { Notice } from '../../../server/views/schema.ts'

const about = (workers: string[] | null, fields: Partial<Notice> = {}): Notice => ({
  ...{ revision: 1, workers, clusters: false, laptops: false, ...fields },
})
const many = (from: number, count: number) => Array.from({ length: count }, (_, n) => `w${from + n}`)

describe('notices', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('the first is sent at once, those of the next second together, and then nothing', () => {
    const notices = new Notices()
    const heard: Notice[] = []
    notices.listen((it) => heard.push(it))
    notices.send(about(['w1']))
    assert.deepEqual(heard, [about(['w1'])])
    for (let n = 2; n < 50; n++) notices.send(about([`w${n % 3}`], { revision: n, laptops: n === 9 }))
    assert.equal(heard.length, 1)
    mock.timers.tick(NOTICE_EVERY_MS)
    assert.deepEqual(heard[1], about(['w2', 'w0', 'w1'], { revision: 49, laptops: true }))
    mock.timers.tick(10 * NOTICE_EVERY_MS)
    assert.equal(heard.length, 2)
    notices.send(about(['w9']))
    assert.equal(heard.length, 3)
  })

  it('a removed listener is not called', () => {
    const notices = new Notices(0)
    const stop = notices.listen(() => assert.fail('heard'))
    stop()
    notices.send(about(['w1']))
    assert.equal(notices.listeners, 0)
  })

  const unions: { name: string; a: Notice; b: Notice; workers: number | null }[] = [
    { name: 'the same names count once', a: about(['a', 'b']), b: about(['b', 'c']), workers: 3 },
    { name: 'all workers stay all workers', a: about(null), b: about(['a']), workers: null },
    {
      name: 'the largest number that is named',
      a: about(many(0, 100)),
      b: about(many(100, NAMED_MAX - 100)),
      workers: NAMED_MAX,
    },
    {
      name: 'more than that count as all workers',
      a: about(many(0, 100)),
      b: about(many(100, NAMED_MAX - 99)),
      workers: null,
    },
  ]
  for (const { name, a, b, workers } of unions)
    it(name, () => assert.equal(merged(a, b).workers?.length ?? null, workers))
})
