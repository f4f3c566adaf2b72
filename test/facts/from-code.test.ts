import assert from 'node:assert/strict'
import { CODE_FACTS } from '../../rules/tooling/code-facts.ts'
import { codeFacts } from './from-code.ts'

describe('what the code reads and fills', () => {
  it('equals rules/tooling/code-facts.json: run `node test/facts/main.ts`', function () {
    this.timeout(120_000)
    assert.deepEqual(codeFacts(), CODE_FACTS)
  })
})
