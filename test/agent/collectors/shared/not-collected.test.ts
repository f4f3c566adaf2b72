import assert from 'node:assert/strict'
import { notCollected } from '../../../../agent/collectors/shared/not-collected.ts'
import type { ObservationOf } from '../../../../wire/event.ts'
import { fakeHost, policy, watchPolls } from '../../fake-host.ts'

describe('agent/collectors/shared/not-collected', () => {
  const told = async (off: string[]) => {
    const [found = []] = await watchPolls(
      notCollected('windows', ['AppX packages']),
      fakeHost({}),
      [],
      { ...policy, off: off as typeof policy.off },
      'windows',
    )
    return (found as ObservationOf<'collection_gap'>[]).map((it) => `${it.About} ${it.Reason} ${it.Categories}`)
  }

  it('is a gap, unless the policy does not want it', async () => {
    const all = await told([])
    assert.ok(all.includes('repository unsupported repository'), all.join('; '))
    assert.ok(all.includes('AppX packages unsupported '), all.join('; '))
    assert.ok(!all.some((it) => it.startsWith('software ')))
    assert.ok(!(await told(['repository'])).some((it) => it.startsWith('repository')))
  })
})
