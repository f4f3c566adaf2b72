/** Half a minute of `npm run soak -- agent`: see laptop.ts. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { needsLinux } from '../agent/needs-linux.ts'
import { notTested } from '../not-tested.ts'
import { needsCommands, needsPermission } from '../real/needs.ts'

const SECONDS = 30

describe('soak: an agent on a laptop where everything goes wrong', function () {
  this.timeout(600_000)

  it('nothing that its spool accepted is lost without a count', async function () {
    needsLinux(this)
    needsCommands(this, 'unshare')
    needsPermission(this, 'unshare -m mount -t tmpfs tmpfs /mnt')
    if (!existsSync('/dev/fuse')) notTested(this, 'there is no /dev/fuse', 'skip')
    const child = spawn(process.execPath, [join(import.meta.dirname, 'laptop.ts'), '--seconds', String(SECONDS)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [printed, failed, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise((resolve) => child.once('exit', resolve)),
    ])
    assert.equal(code, 0, `${printed}${failed}`)
    assert.match(printed, /[1-9]\d* kills of the agent[\s\S]*events in the log, each once/)
  })
})
