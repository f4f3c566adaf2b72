/** `tellwire replay` with hand-written lines. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { BINARY } from '../../bench/children.ts'
import { T0 } from '../events.ts'

async function replayed(
  lines: readonly object[],
): Promise<{ code: number | null; stats: { events: number; rejected: number }; problems: string }> {
  const child = spawn(process.execPath, [BINARY, 'replay', '--json'])
  let out = ''
  let problems = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (problems += data))
  child.stdin.end(lines.map((it) => JSON.stringify(it)).join('\n'))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stats: (JSON.parse(out) as { stats: { events: number; rejected: number } }).stats, problems }
}

describe('tellwire replay', function () {
  this.timeout(30_000)

  it('fills in omitted fields of feed and device lines; the same event twice counts once', async () => {
    const login = { category: 'idp_login', Ip: '203.0.113.9', Result: 'success' }
    const feed = (event: object) => ({ type: 'feed', worker: 'w1', time: T0, event })
    const { code, stats, problems } = await replayed([
      { type: 'contract', worker: 'w1', from: T0, country: 'US' },
      { type: 'device', device: 'd1', worker: 'w1', from: T0 },
      feed(login),
      feed(login),
      feed({ category: 'repo_audit', Action: 'clone' }),
      feed({ ...login, Ipp: 'x' }),
    ])
    assert.deepEqual([stats.events, stats.rejected], [2, 1])
    assert.match(problems, /standard input:6: event: .*Ipp/)
    assert.equal(code, 1)
  })
})
