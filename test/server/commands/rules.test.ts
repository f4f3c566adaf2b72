import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

const rule = (options: { id?: number; title?: string; field?: string; fires?: number } = {}) => {
  const { id = 1, title = 'A rule', field = 'Tool', fires = 1 } = options
  return [
    `title: ${JSON.stringify(title)}`,
    `id: 11111111-1111-4111-8111-11111111111${id}`,
    'level: low',
    'tags: [attack.t1219.002]',
    'logsource: { category: tool }',
    'detection:',
    `  a: { ${field}: x }`,
    '  condition: a',
    'tellwire:',
    '  family: remote-access',
    '  strength: 2',
    '  halfLifeDays: 14',
    "  signals: ['#13']",
    '  tests:',
    '    - name: it fires',
    '      events: [{ at: 5h, category: tool, Tool: x }]',
    `      fires: ${fires}`,
    '',
  ].join('\n')
}

describe('tellwire rules', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-rules-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, 'bin', 'tellwire.js'), 'rules', ...args],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1' },
      },
    )
    return { status, stdout, stderr }
  }

  it('check finds no problems in the shipped rules', () => {
    const { status, stdout } = run('check')
    assert.match(stdout, /^\d+ usable rules; 0 errors, 0 warnings\.\n$/)
    assert.equal(status, 0)
  })
  it('test passes for the shipped rules', () => {
    const { status, stdout } = run('test', '--json')
    const { passed, failed, untested } = JSON.parse(stdout)
    assert.ok(passed >= 36)
    assert.deepEqual({ failed, untested, status }, { failed: 0, untested: [], status: 0 })
  })
  it('check reports file, line and column of each problem, and continues', () => {
    write('good.yml', rule())
    write('bad.yml', rule({ id: 2, field: 'Tool|startwith' }))
    const { status, stdout } = run('check', '.')
    assert.match(stdout, /^bad\.yml:\d+:\d+: error: .*startwith.*\n1 usable rule; 1 error, 0 warnings\.\n$/)
    assert.equal(status, 1)
  })
  it("check warns of a sentence that reads badly, in somebody's own rule", () => {
    write('says.yml', rule().replace("  signals: ['#13']", '  says: "Within {VendorsLast30d} days; {Tool}."'))
    const { status, stdout } = run('check', 'says.yml')
    assert.match(stdout, /^says\.yml:13:3: warning: `says`: the number \{VendorsLast30d\} has no unit and no noun/)
    assert.match(stdout, /\n1 usable rule; 0 errors, 1 warning\.\n$/)
    assert.equal(status, 0)
  })
  it('check accepts several paths', () => {
    write('a.yml', rule())
    write('b.yml', rule({ id: 2 }))
    write('c.yml', rule({ id: 3 }))
    assert.equal(JSON.parse(run('check', 'a.yml', 'c.yml', '--json').stdout).rules, 2)
  })
  it('test names the failed case', () => {
    write('a.yml', rule({ fires: 2 }))
    const { status, stdout } = run('test', '.')
    assert.equal(stdout, 'a.yml:1:1: A rule: "it fires" made 1 finding, expected 2.\n0 passed, 1 failed, in 1 rule.\n')
    assert.equal(status, 1)
  })
  it('test fails for an unusable rule, because its tests did not run', () => {
    write('a.yml', 'title: [')
    const { status, stdout } = run('test', '.')
    assert.match(stdout, /^a\.yml:1:\d+: error: /)
    assert.equal(status, 1)
  })
  it('list shows one line per rule, and the same as JSON with --json', () => {
    write('a.yml', rule({ title: 'Hostile \u001b[31m\u202e title' }))
    assert.match(
      run('list', '.').stdout,
      /^strength .*\n2 +low +remote-access +Hostile \ufffd\[31m\ufffd title +T1219\.002 +#13\n$/,
    )
    const [only, ...more] = JSON.parse(run('list', '--json', '.').stdout)
    assert.deepEqual(more, [])
    assert.deepEqual(
      { family: only.family, strength: only.strength, attack: only.attack, signals: only.signals, path: only.path },
      { family: 'remote-access', strength: 2, attack: ['T1219.002'], signals: ['#13'], path: 'a.yml' },
    )
  })
  it('list filters by an ATT&CK technique and its sub-techniques', () => {
    write('a.yml', rule())
    write('b.yml', rule({ id: 2, title: 'Another' }).replace('t1219.002', 't1052'))
    write('c.yml', rule({ id: 3, title: 'Wider' }).replace('t1219.002', 't1219, attack.t12190'))
    const titles = (technique: string) =>
      JSON.parse(run('list', '.', '--json', '--technique', technique).stdout).map((it: { title: string }) => it.title)
    assert.deepEqual(['T1219', 't1219.002', 'T1052', 'T9999'].map(titles), [
      ['A rule', 'Wider'],
      ['A rule'],
      ['Another'],
      [],
    ])
    assert.equal(run('list', '.', '--technique', 'remote access').status, 2)
  })
  it('coverage prints and checks the page, and writes files for other tools', () => {
    const page = run('coverage').stdout
    assert.match(page, /^# Coverage\n[\s\S]*\| #108 \| /)
    assert.equal(run('coverage', '--check').status, 0)
    write('page.md', `${page}more`)
    const stale = run('coverage', '--check', '--page', 'page.md')
    assert.deepEqual(
      { status: stale.status, stderr: stale.stderr },
      { status: 3, stderr: 'tellwire: page.md is out of date. Run `tellwire rules coverage --write`.\n' },
    )
    assert.equal(
      run('coverage', '--write', '--page', 'page.md', '--navigator', 'layer.json', '--itm', 'itm.json').status,
      0,
    )
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    assert.equal(read('page.md'), page)
    assert.equal(JSON.parse(read('layer.json')).domain, 'enterprise-attack')
    assert.ok(JSON.parse(read('itm.json')).sections.length > 0)
    assert.equal(run('coverage', '--navigator', join('nowhere', 'layer.json')).status, 2)
  })
  it('schema prints a JSON Schema', () => {
    const { status, stdout } = run('schema')
    assert.equal(JSON.parse(stdout).$schema, 'https://json-schema.org/draft/2020-12/schema')
    assert.equal(status, 0)
  })
  it('reports a missing path in one line', () => {
    const { status, stdout, stderr } = run('check', 'nowhere')
    assert.equal(
      stderr,
      'tellwire: nowhere: The rule cannot be used. There is no such file or folder. [rule.invalid]\n',
    )
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' })
  })
  it('--help describes each command', () => {
    assert.match(run('check', '--help').stdout, /file, line and column[\s\S]*default: the\s+shipped rules/)
  })
})
