import assert from 'node:assert/strict'
import type { Contact } from '../../../agent/contact.ts'
import { type GateOptions, gate } from '../../../agent/install/gate.ts'

const MINUTE = 60_000
const contact = (more: Partial<Contact> = {}): Contact => ({
  ...{ version: '0.2.0', pid: 7, acknowledged: false, throttled: false, ...more },
})

/** One entry a second: what is seen; the last one stays. */
async function judged(course: { contact?: Contact | null; pid?: number | null }[], deadlineMs = MINUTE) {
  let seconds = 0
  const at = () => course[Math.min(seconds, course.length - 1)]!
  const options: GateOptions = {
    version: '0.2.0',
    deadlineMs,
    contact: () => at().contact ?? null,
    agentPid: () => (at().pid === undefined ? 7 : at().pid!),
    awakeMs: () => seconds * 1_000,
    sleep: async () => void seconds++,
  }
  const verdict = await gate(options)
  return { verdict: verdict.works ? 'works' : verdict.why, seconds }
}

describe('agent/install/gate', () => {
  const cases = [
    { name: 'an acknowledgement', course: [{}, { contact: contact({ acknowledged: true }) }], verdict: 'works' },
    {
      name: 'an acknowledgement of the version before is none',
      course: [{ contact: contact({ acknowledged: true, version: '0.1.0' }) }],
      verdict: 'Version 0.1.0 runs instead.',
    },
    { name: 'silence', course: [{ contact: contact() }], verdict: 'The server has acknowledged nothing of it.' },
    { name: 'no process', course: [{ pid: null }], verdict: 'It does not run.' },
    { name: 'it hangs before it is ready', course: [{}], verdict: 'It runs, and has not said that it is ready.' },
    {
      name: 'it crashes again and again',
      course: [{ pid: 1 }, { pid: 2 }, { pid: null }, { pid: 3 }, { pid: 4 }],
      verdict: 'It was started 4 times and ended each time.',
    },
  ]
  for (const { name, course, verdict } of cases)
    it(name, async () => assert.equal((await judged(course)).verdict, verdict))

  it('the deadline does not run while the server has no room', async () => {
    const busy = Array.from({ length: 600 }, () => ({ contact: contact({ throttled: true }) }))
    const { verdict, seconds } = await judged([...busy, { contact: contact({ acknowledged: true }) }])
    assert.deepEqual([verdict, seconds], ['works', 600])
  })

  it('a day without room shows that it reaches the server', async () => {
    const { verdict, seconds } = await judged([{ contact: contact({ throttled: true }) }])
    assert.deepEqual([verdict, seconds], ['works', 24 * 3_600])
  })

  it('no room that an earlier process met does not count', async () => {
    const { seconds } = await judged([{ contact: contact({ throttled: true, pid: 6 }) }])
    assert.equal(seconds, 60)
  })
})
