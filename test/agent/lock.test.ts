import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acquireLock, lockHolder } from '../../agent/lock.ts'

const { pid: dead } = spawnSync(process.execPath, ['--version'])
const mine = process.pid
/** One that says when processes began, and one that cannot. */
const dated = { processStart: (pid: number) => (pid === mine ? 'monday' : null) }
const undated = {}

describe('agent/lock', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-'))
    path = join(folder, 'lock')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  for (const { name, lock, system, holder } of [
    { name: 'a process that runs', lock: `${mine} monday`, system: dated, holder: mine },
    { name: 'a pid that another process has now', lock: `${mine} sunday`, system: dated, holder: null },
    { name: 'a process that ended', lock: `${dead} monday`, system: dated, holder: null },
    { name: 'a process that runs, on a system that says no more', lock: `${mine}`, system: undated, holder: mine },
    { name: 'a process that ended, on a system that says no more', lock: `${dead}`, system: undated, holder: null },
    { name: 'something that is no lock', lock: 'x', system: dated, holder: null },
  ])
    it(`${name}: ${holder === null ? 'the lock is free' : 'the lock is held'}`, () => {
      writeFileSync(path, lock)
      assert.equal(lockHolder(path, system), holder)
      if (holder !== null) assert.throws(() => acquireLock(path, system), { code: 'agent.running' })
      else {
        const release = acquireLock(path, system)
        assert.equal(lockHolder(path, system), mine)
        release()
      }
      assert.deepEqual(readdirSync(folder), holder === null ? [] : ['lock'])
    })

  it('holds on this system', () => {
    const release = acquireLock(path)
    assert.equal(lockHolder(path), mine)
    release()
    assert.equal(lockHolder(path), null)
  })
})
