/** The lines of a program, with Node in the place of macOS' programs. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { LineFeed } from '../../../../agent/host/macos/calls.ts'
import { feed } from '../../../../agent/host/macos/feeds.ts'

const script = (code: string) => feed(process.execPath, ['-e', code])

/** What it gave until `enough`. */
async function readUntil(of: LineFeed, enough: (all: ReturnType<LineFeed['read']>) => boolean) {
  const all: ReturnType<LineFeed['read']> = { lines: [], lost: 0, failure: null }
  const deadline = Date.now() + 20_000
  while (!enough(all)) {
    assert.ok(Date.now() < deadline, `only ${JSON.stringify(all).slice(0, 200)}`)
    const { lines, lost, failure } = of.read()
    all.lines.push(...lines)
    all.lost += lost
    all.failure ??= failure
    await delay(5)
  }
  return all
}

describe('agent/host/macos/feeds', function () {
  this.timeout(30_000)

  it('gives whole lines, as long as the program runs, and nothing after it is closed', async () => {
    const it_ = script(
      "process.stdout.write('a\\nb'); setTimeout(() => process.stdout.write('c\\n'), 50); setInterval(() => {}, 1000)",
    )
    const { lines } = await readUntil(it_, (all) => all.lines.length >= 2)
    assert.deepEqual(lines, ['a', 'bc'])
    it_.close()
  })

  it('says why it ended, and starts it again at the next question', async () => {
    const it_ = script("console.error('ES_NEW_CLIENT_RESULT_ERR_NOT_PERMITTED: not permitted (TCC)'); process.exit(1)")
    const { failure } = await readUntil(it_, (all) => all.failure !== null)
    assert.equal((failure as NodeJS.ErrnoException).code, 'EPERM')
    assert.ok((await readUntil(it_, (all) => all.failure !== null)).failure)
    it_.close()
  })

  it('a program that this system does not have is ENOENT', async () => {
    const it_ = feed('/nowhere/eslogger', ['exec'])
    const { failure } = await readUntil(it_, (all) => all.failure !== null)
    assert.equal((failure as NodeJS.ErrnoException).code, 'ENOENT')
    it_.close()
  })

  it('counts what does not fit: lines beyond those that wait, and one without an end', async () => {
    const code = "process.stdout.write('x\\n'.repeat(2500)); setInterval(() => {}, 1000)"
    const many = feed(process.execPath, ['-e', code], 10)
    const all = await readUntil(many, (it) => it.lines.length + it.lost >= 2_500)
    assert.equal(all.lines.length + all.lost, 2_500)
    assert.ok(all.lost > 0)
    many.close()
    const long = script("process.stdout.write('y'.repeat(600000) + '\\nz\\n'); setInterval(() => {}, 1000)")
    const found = await readUntil(long, (it) => it.lines.length > 0)
    assert.deepEqual([found.lines, found.lost], [['z'], 1])
    long.close()
  })
})
