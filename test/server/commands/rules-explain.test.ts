import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const ID = '00000000-0000-4000-8000-000000000001'
const RULE = `title: Encoded command
id: ${ID}
logsource: { category: process_creation, product: windows }
detection:
  program:
    - Image|endswith: ['\\powershell.exe', '\\pwsh.exe']
    - OriginalFileName: PowerShell.EXE
  option: { CommandLine|windash|contains|all: [' -enc', 'aa'] }
  filter: { ParentImage|contains|cased: Trusted, Times|gt: 3 }
  condition: program and option and not filter
`
const EVENT = {
  ...{ category: 'process_creation', product: 'linux', Image: 'C:\\pwsh.exe' },
  ...{ CommandLine: 'pwsh /enc \u001b[31m', Times: 4 },
}

describe('tellwire rules explain', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-explain-'))
    write('rule.yml', RULE)
    write('event.json', JSON.stringify(EVENT, null, 2))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content)
  const run = (args: string[], input = '') => {
    const command = [join(ROOT, 'bin', 'tellwire.js'), 'rules', 'explain', ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8', input })
    return { status, stdout, stderr }
  }

  it('explains what matches and what does not', () => {
    const { status, stdout } = run(['rule.yml', 'event.json'])
    assert.equal(
      stdout,
      `DOES NOT MATCH: Encoded command (${ID}, rule.yml:1)

logsource: no
  yes  category is process_creation
  no   product is windows; the event has 'linux'
program: yes
  yes  this:
    yes  Image ends with one of 2 values; it is 'C:\\pwsh.exe'
         yes  '\\pwsh.exe'
         no   '\\powershell.exe'
  no   this:
    no   OriginalFileName is 'PowerShell.EXE'; the event has no OriginalFileName
option: no
  no   CommandLine contains (windash) all of 2 values; it is 'pwsh /enc \ufffd[31m'
       yes  ' -enc'
       no   'aa'
filter: no
  no   ParentImage contains (cased) 'Trusted'; the event has no ParentImage
  yes  Times is more than '3'; it is 4
condition 'program and option and not filter': no
  yes  program
  no   option
  no   filter
`,
    )
    assert.equal(status, 0)
  })
  it('--json gives the same as JSON', () => {
    const { stdout } = run(['rule.yml', '-', '--json'], JSON.stringify({ ...EVENT, product: 'windows' }))
    const { rule, matches, logsource, conditions } = JSON.parse(stdout)
    assert.deepEqual(
      [rule, matches, logsource.holds, conditions[0].terms[1]],
      [ID, false, true, { text: 'option', holds: false }],
    )
  })
  it('finds a rule by id, and an event by line or by the number from `match`', () => {
    const fitting = JSON.stringify({ ...EVENT, product: 'windows', CommandLine: ' -enc aaa' })
    write('events.ndjson.gz', gzipSync(`${JSON.stringify(EVENT)}\n${fitting}\n`))
    const first = (...args: string[]) => run([ID, 'events.ndjson.gz', '--rules', '.', ...args]).stdout.split(':')[0]
    assert.deepEqual(
      [first('--line', '1'), first('--line', '2'), first('--number', '1')],
      ['DOES NOT MATCH', 'MATCHES', 'MATCHES'],
    )
  })

  const failures: [string, string[], number, RegExp][] = [
    ['a missing rule', ['nowhere', 'event.json'], 1, /no rule with this id/],
    ['a folder for a rule', ['.', 'event.json'], 2, /Name one rule/],
    [
      'a rule that cannot be used',
      ['bad.yml', 'event.json'],
      1,
      /^bad\.yml:1:\d+: error: .*\ntellwire: bad\.yml: .*no usable rule/,
    ],
    ['a missing file of events', ['rule.yml', 'nowhere.json'], 1, /no such file/],
    ['many events, none chosen', ['rule.yml', 'two.ndjson'], 1, /with --line N/],
    ['a line after the end', ['rule.yml', 'two.ndjson', '--line', '3'], 1, /It has 2 lines/],
    ['a line 0', ['rule.yml', 'two.ndjson', '--line', '0'], 2, /a number of at least 1/],
    ['a list for an event', ['rule.yml', 'list.json'], 1, /not a JSON object/],
  ]
  for (const [name, args, exit, says] of failures)
    it(`refuses ${name}`, () => {
      write('bad.yml', 'title: [')
      write('two.ndjson', '{}\n{}\n')
      write('list.json', '[]')
      const { status, stderr } = run(args)
      assert.match(stderr, says)
      assert.equal(status, exit)
    })
})
