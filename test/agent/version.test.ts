import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AGENT_VERSION } from '../../agent/version.ts'

describe('agent/version', () => {
  it('equals the version in package.json', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      version: string
    }
    assert.equal(AGENT_VERSION, version)
  })
})
