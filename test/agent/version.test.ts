import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AGENT_VERSION } from '../../agent/version.ts'

describe('agent/version', () => {
  it('is the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      version: string
    }
    assert.equal(AGENT_VERSION, version)
  })
})
