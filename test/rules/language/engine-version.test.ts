/** ENGINE_VERSION must increase when the engine's verdicts change, so that the log is re-evaluated. */
import assert from 'node:assert/strict'
import { ENGINE_VERSION } from '../../../rules/language/index.ts'
import { changedVerdicts, presentVerdicts, recordedVerdicts } from '../engine-verdicts.ts'

describe('the version of the engine', () => {
  const [recorded, present] = [recordedVerdicts(), presentVerdicts()]

  it('is raised when a verdict that was recorded has changed', () =>
    assert.deepEqual(changedVerdicts(recorded, present), [], 'raise ENGINE_VERSION in rules/language/identity.ts'))

  it('has all its verdicts recorded', () => {
    // A vector that was added for a corrected mistake needs a new version too: its earlier verdict is not recorded.
    assert.equal(recorded.engine, ENGINE_VERSION, 'run `node test/rules/engine-verdicts.ts`')
    assert.deepEqual(recorded.verdicts, present.verdicts, 'run `node test/rules/engine-verdicts.ts`')
  })

  it('would notice a changed verdict', () => {
    const [input] = Object.keys(present.verdicts) as [string]
    const changed = { ...present, verdicts: { ...present.verdicts, [input]: 'another' } }
    assert.deepEqual(changedVerdicts(recorded, changed), [input])
    assert.deepEqual(changedVerdicts({ ...recorded, engine: ENGINE_VERSION - 1 }, changed), [])
  })
})
