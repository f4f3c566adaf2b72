import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { lastSent, sentLog } from '../../../agent/spool/sent.ts'
import { notTested } from '../../not-tested.ts'
import { removeFolder, temporaryFolder } from '../laptop.ts'

const leased = (seq: number, event: object) => ({ seq, text: Buffer.from(JSON.stringify(event)) })

describe('agent/spool/sent', () => {
  let folder = ''
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => removeFolder(folder))

  it('keeps the last events across restarts, within its limit', () => {
    const path = join(folder, 'sent.ndjson')
    const filler = 'x'.repeat(900)
    let log = sentLog(path)
    for (let seq = 1; seq <= 600; seq++) {
      if (seq === 300) log = sentLog(path)
      log([leased(seq, { seq, filler })])
    }
    appendFileSync(path, '{"seq":601,"incomplete')
    assert.deepEqual(
      lastSent(path, 3).map((it) => it.seq),
      [600, 599, 598],
    )
    assert.ok(statSync(path).size + statSync(`${path}.before`).size <= 262_144)
    log(Array.from({ length: 1_000 }, (_, index) => leased(index, { seq: 1_000 + index, filler })))
    assert.equal(lastSent(path, 1)[0]!.seq, 1_999)
    assert.ok(statSync(path).size <= 131_072)
  })

  it('a pipe or a folder in its place does not hold up sending', function () {
    const path = join(folder, 'sent.ndjson')
    mkdirSync(join(folder, 'folder'))
    sentLog(join(folder, 'folder'))([leased(1, { seq: 1 })])
    if (spawnSync('mkfifo', [path]).status !== 0) notTested(this, 'mkfifo is not installed')
    const log = sentLog(path)
    log([leased(1, { seq: 1 })])
    assert.deepEqual(lastSent(path, 1), [])
  })

  it('is empty if nothing was sent', () => assert.deepEqual(lastSent(join(folder, 'none'), 5), []))
})
