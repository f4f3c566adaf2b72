/** Files on a disk that has room for a part of them: the kernel then writes that part, and fails at the next write. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { acquireLock } from '../../agent/lock.ts'
import { removeFolder, temporaryFolder } from './laptop.ts'
import { needsLinux } from './needs-linux.ts'

const LIMIT_KIB = 8

describe('agent: a full disk', () => {
  let folder = ''
  before(function () {
    // The limit of a file's size has the same effect as a full disk: a short write.
    needsLinux(this)
  })
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => removeFolder(folder))

  function limited(kib: number, script: string): string {
    const args = ['-c', `ulimit -f ${kib}; exec "$0" --input-type=module -e "$1" "$2"`, process.execPath]
    const { stdout, stderr } = spawnSync('bash', [...args, script, folder], { encoding: 'utf8' })
    return `${stdout}${stderr}`.trim()
  }

  it('a file that does not fit leaves the old one as it was, and no draft', () => {
    writeFileSync(join(folder, 'agent.json'), 'old')
    const code = limited(
      LIMIT_KIB,
      `import { writeFileAtomically } from '${new URL('../../agent/config.ts', import.meta.url)}'
      try {
        writeFileAtomically(process.argv[1] + '/agent.json', 'x'.repeat(100_000))
        console.log('written')
      } catch ({ code }) {
        console.log(code)
      }`,
    )
    assert.equal(code, 'EFBIG')
    assert.equal(readFileSync(join(folder, 'agent.json'), 'utf8'), 'old')
    assert.deepEqual(readdirSync(folder), ['agent.json'])
  })

  it('starts that fail because the lock cannot be written leave no files', () => {
    mkdirSync(join(folder, 'spool'))
    const code = limited(
      0,
      `import { acquireLock } from '${new URL('../../agent/lock.ts', import.meta.url)}'
      try {
        acquireLock(process.argv[1] + '/spool/lock')
      } catch ({ code, why }) {
        console.log(code, why)
      }`,
    )
    assert.equal(code, 'store.unwritable The system says EFBIG.')
    assert.deepEqual(readdirSync(join(folder, 'spool')), [])
  })

  it('a spool that is a file is reported as a folder that cannot be written', () => {
    writeFileSync(join(folder, 'spool'), '')
    assert.throws(() => acquireLock(join(folder, 'spool', 'lock')), {
      ...{ name: 'Fault', code: 'store.unwritable', where: join(folder, 'spool') },
    })
  })
})
