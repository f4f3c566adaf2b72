/** The command starts on an older Node, which hands over to the one that npm installed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { notTested } from './not-tested.ts'

const BINARY = join(import.meta.dirname, '../bin/tellwire.js')

describe('an older Node', () => {
  it('starts the command', function () {
    const older = (process.env.PATH ?? '')
      .split(delimiter)
      .map((folder) => join(folder, 'node'))
      .filter((file) => existsSync(file))
      .find((file) => Number(/^v(\d+)/.exec(String(spawnSync(file, ['--version']).stdout))?.[1]) < 24)
    if (older === undefined) return notTested(this, 'there is no Node before 24 on the PATH', 'skip')
    const { status, stdout, stderr } = spawnSync(older, [BINARY, '--version'], { encoding: 'utf8' })
    assert.match(stdout, /^tellwire \d/)
    assert.deepEqual([status, stderr], [0, ''])
  })
})
