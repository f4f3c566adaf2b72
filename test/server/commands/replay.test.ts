/** `tellwire replay` with hand-written lines. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BINARY } from '../../bench/children.ts'
import { T0 } from '../events.ts'

async function replayed(
  lines: readonly object[],
  args: readonly string[] = [],
): Promise<{ code: number | null; stats: { events: number; findings: number; rejected: number }; problems: string }> {
  const child = spawn(process.execPath, [BINARY, 'replay', '--json', ...args])
  let out = ''
  let problems = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (problems += data))
  child.stdin.end(lines.map((it) => JSON.stringify(it)).join('\n'))
  const [code] = (await once(child, 'close')) as [number | null]
  return {
    code,
    stats: (JSON.parse(out) as { stats: { events: number; findings: number; rejected: number } }).stats,
    problems,
  }
}

describe('tellwire replay', function () {
  this.timeout(60_000)

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
    assert.match(problems, /standard input:6: event\.Ipp: There is no such field/)
    assert.equal(code, 1)
  })

  it('names the first refused lines, and of many the commonest reasons', async () => {
    const login = (event: object) => ({
      type: 'feed',
      worker: 'w1',
      time: T0,
      event: { category: 'idp_login', ...event },
    })
    const many = (count: number, event: object) => Array.from({ length: count }, () => login(event))
    const { code, stats, problems } = await replayed([
      login({ Ip: '203.0.113.9', Result: 'success' }),
      ...many(2, { Ip: '203.0.113.9', Result: 'success', Ipp: 'x' }),
      ...many(12, { Ip: '203.0.113.9', Result: 'success', IP: 'x' }),
      ...many(5, { Ip: 'here', Result: 'success' }),
      ...many(3, { Result: 5 }),
    ])
    assert.deepEqual([code, stats.events, stats.rejected], [1, 1, 22])
    const lines = problems.trimEnd().split('\n')
    assert.equal(lines.filter((it) => it.endsWith(' The line is skipped.')).length, 10)
    assert.deepEqual(lines.slice(10), [
      'standard input: 12 more lines are skipped.',
      'The commonest reasons:',
      "  12 lines: event.IP: There is no such field. Did you mean 'Ip'?",
      '  5 lines: event.Ip: It is not an IP address.',
      '  3 lines: event.Result: Write one of success, failure, denied, challenge, unknown.',
    ])
  })

  it('takes several files of rules, and says what is wrong with one, and what to do', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tellwire-replay-'))
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const rule = file(
      'rule.yml',
      'title: A login\nid: a-login\nlogsource: { category: idp_login }\ndetection: { it: { Result: success }, condition: it }\n',
    )
    const filter = file(
      'filter.yml',
      'title: Not w1\nlogsource: { category: idp_login }\nfilter:\n  rules: [a-login]\n  it: [{ worker: w1 }, { Resultt: success }]\n  condition: not it\n',
    )
    try {
      const { code, stats, problems } = await replayed(
        ['w1', 'w2'].map((worker) => ({
          ...{ type: 'feed', worker, time: T0 },
          event: { category: 'idp_login', Ip: '203.0.113.9', Result: 'success' },
        })),
        ['--rules', rule, `--rules=${filter}`],
      )
      assert.deepEqual([code, stats.findings], [0, 1])
      assert.equal(
        problems,
        `${filter}:5:26: warning: Events of category idp_login have no field 'Resultt'. Did you mean 'Result'?\n`,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
