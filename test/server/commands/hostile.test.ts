/** What somebody else wrote never reaches the terminal raw, whatever command prints it. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AUSTIN, contract, holding, processStart, received, session, T0 } from '../events.ts'
import { tellwire } from './process.ts'

const EVIL = 'a\u001b[31m\u001b]0;t\u0007\r\u009b2J\u202e\u2066\u200b\u2028\u061c\ufeffz'
const FILE = EVIL.replaceAll('/', '')
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u
const RULE = `title: ${JSON.stringify(EVIL)}
id: 11111111-1111-4111-8111-1111111111aa
level: high
logsource: { category: process_creation }
detection: { it: { Image|endswith: /anydesk }, condition: it }
tests: [{ name: ${JSON.stringify(EVIL)}, events: [], fires: 1 }]
`

describe('hostile text', function () {
  this.timeout(240_000)
  let root: string
  const at = (name: string) => join(root, name)

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-hostile-'))
    const image = `/tmp/${EVIL}/anydesk`
    const records = [
      contract('w1', { name: EVIL }),
      holding('d1', 'w1'),
      session('d1', AUSTIN),
      received('d1', processStart(image, T0, { CommandLine: EVIL })),
    ]
    writeFileSync(at('records.ndjson'), records.map((it) => `${JSON.stringify(it)}\n`).join(''))
    writeFileSync(at(`${FILE}.ndjson`), `${EVIL}\n`)
    writeFileSync(at(`${FILE}.csv`), `worker,country\n"${EVIL}",${EVIL}\n`)
    writeFileSync(at(`${FILE}.txt`), `${EVIL}\n`)
    const event = { category: 'process_creation', product: 'linux', Image: image, CommandLine: EVIL }
    writeFileSync(at('events.ndjson'), `${JSON.stringify(event)}\n${EVIL}\n`)
    mkdirSync(at('rules'))
    writeFileSync(join(at('rules'), 'a.yml'), RULE)
    writeFileSync(join(at('rules'), `${FILE}.yml`), `title: [${JSON.stringify(EVIL)}\n`)
    const { code, err } = await tellwire(['import', at('records.ndjson'), '--data-folder', at('data')])
    assert.equal(code, 0, err)
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  const commands: { args: () => string[]; says?: RegExp }[] = [
    { args: () => ['workers', '--band', 'none', '--data-folder', at('data')], says: /w1/ },
    { args: () => ['workers', '--band', 'none', '--json', '--data-folder', at('data')], says: /w1/ },
    { args: () => ['findings', '--data-folder', at('data')], says: /\d+ findings/ },
    { args: () => ['findings', '--json', '--data-folder', at('data')] },
    { args: () => ['findings', '--worker', EVIL, '--data-folder', at('data')], says: /does not exist/ },
    { args: () => ['import', at(`${FILE}.ndjson`), '--data-folder', at('data')], says: /not JSON/ },
    { args: () => ['replay', at('records.ndjson')], says: /w1/ },
    { args: () => ['replay', at(`${FILE}.ndjson`)], says: /not JSON/ },
    { args: () => ['replay', at('records.ndjson'), '--rules', at('rules')] },
    { args: () => ['match', '--rules', at('rules'), at('events.ndjson')], says: /not JSON|"rule"/ },
    { args: () => ['rules', 'check', at('rules')], says: /error/ },
    { args: () => ['rules', 'list', at('rules')] },
    { args: () => ['rules', 'test', at('rules')] },
    {
      args: () => [
        'rules',
        'explain',
        '11111111-1111-4111-8111-1111111111aa',
        at('events.ndjson'),
        '--rules',
        at('rules'),
      ],
    },
    { args: () => ['catalogue', 'check', EVIL] },
    { args: () => ['roster', 'import', at(`${FILE}.csv`), '--data-folder', at('data')], says: /omitted|used/ },
    { args: () => ['feeds', 'import', at(`${FILE}.txt`), '--class', 'vpn', '--data-folder', at('data')] },
    { args: () => ['feeds', 'remove', EVIL, '--data-folder', at('data')] },
    { args: () => ['agent', 'enroll', `tw1.${EVIL}`, '--folder', at('agent')] },
    { args: () => ['agent', 'status', '--folder', at(FILE)] },
    { args: () => ['agent', 'show', '--folder', at(FILE)] },
    { args: () => ['server', '--config', at(`${FILE}.yml`)], says: /config\.invalid/ },
    { args: () => [EVIL], says: /no such command/ },
    { args: () => ['export', `--${EVIL}`], says: /no such option/ },
  ]
  for (const [index, { args, says }] of commands.entries())
    it(`printed by command ${index + 1}`, async () => {
      const given = args()
      const { code, out, err } = await tellwire(given)
      const text = `${out}${err}`
      assert.notEqual(code, null, 'it was killed')
      assert.ok(text.length > 0 || code === 0)
      assert.doesNotMatch(text, UNSAFE, given.slice(0, 2).join(' '))
      assert.doesNotMatch(text, /unexpected error/, text)
      if (says) assert.match(text, says, given.slice(0, 2).join(' '))
    })
})
