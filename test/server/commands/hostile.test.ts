/**
 * What somebody else wrote never reaches the terminal raw, whatever prints it: every command with hostile arguments, on
 * a folder whose names and texts are hostile, and the logs.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ArgsDef, CommandDef } from 'citty'
import { logger as agentLogger } from '../../../agent/log.ts'
import { resolved } from '../../../bin/usage.ts'
import { logger as serverLogger } from '../../../server/log.ts'
import { rootCommand } from '../../../server/main.ts'
import { openStore } from '../../../server/store/open.ts'
import { BINARY, until } from '../../bench/children.ts'
import { AUSTIN, contract, holding, processStart, received, session, T0 } from '../events.ts'
import { enrolledDevice } from '../store/samples.ts'
import { oneAfterAnother, type Printed } from './one-after-another.ts'

const EVIL = 'a\u001b[31m\u001b]0;t\u0007\r\u009b2J\u007f\u180e\u202e\u2066\u200b\u2028\u061c\ufeff\ufffa\u{e0041}\nz'
/** As a file's name: `/` and line ends are allowed there on Linux, but a line end would hide what is printed. */
const FILE = EVIL.replaceAll('\n', '')
const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u
/** What becomes of it: replaced, or escaped. */
const SHOWN = /\ufffd|\\u202e/
/** They run until they are stopped when nothing in their arguments is wrong. */
const LASTING = new Set(['up', 'demo', 'server', 'agent run'])
const RULE = `title: ${JSON.stringify(EVIL)}
id: 11111111-1111-4111-8111-1111111111aa
level: high
logsource: { category: process_creation }
detection: { it: { Image|endswith: /anydesk }, condition: it }
tests: [{ name: ${JSON.stringify(EVIL)}, events: [], fires: 1 }]
`

interface Leaf {
  path: string[]
  args: ArgsDef
}

async function leavesOf(command: CommandDef, path: string[] = []): Promise<Leaf[]> {
  const children = ((await resolved(command.subCommands)) ?? {}) as Record<string, unknown>
  if (Object.keys(children).length === 0) return [{ path, args: ((await resolved(command.args)) ?? {}) as ArgsDef }]
  const found: Leaf[] = []
  for (const [name, child] of Object.entries(children))
    found.push(...(await leavesOf((await resolved(child)) as CommandDef, [...path, name])))
  return found
}

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
    writeFileSync(at(`${FILE}.csv`), `worker,country\n"${EVIL}",${FILE}\n`)
    writeFileSync(at(`${FILE}.txt`), `${EVIL}\n`)
    writeFileSync(at(`${FILE}.yml`), `${EVIL}\n`)
    const event = { category: 'process_creation', product: 'linux', Image: image, CommandLine: EVIL }
    writeFileSync(at('events.ndjson'), `${JSON.stringify(event)}\n${EVIL}\n`)
    writeFileSync(at('event.ndjson'), `${JSON.stringify(event)}\n`)
    mkdirSync(at('rules'))
    writeFileSync(join(at('rules'), 'a.yml'), RULE)
    writeFileSync(join(at('rules'), `${FILE}.yml`), `title: [${JSON.stringify(EVIL)}\n`)
    await fillAgent()
    const [imported] = await oneAfterAnother([['import', at('records.ndjson'), '--data-folder', at('data')]], root)
    assert.equal(imported?.code, 0, imported?.err)
    await fillStore()
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  /** An agent's folder as a hostile server or another user of the laptop would leave it. */
  async function fillAgent(): Promise<void> {
    mkdirSync(at('agent'))
    const config = { url: `https://127.0.0.1:9/${EVIL}`, serverKey: 'k', device: 'd1', ca: null }
    writeFileSync(join(at('agent'), 'agent.json'), JSON.stringify(config))
    const never = { connectedAt: null, nextTryAt: null, lastAckAt: null, policyVersion: null }
    const spool = { bytes: 1, keptBytes: 1, unsent: 1, acked: 1, last: 1, trouble: EVIL, dropped: { [EVIL]: 1 } }
    const status = {
      ...{ at: T0, version: EVIL, server: EVIL, device: EVIL, startedAt: T0, connected: false },
      ...never,
    }
    const troubles = { trouble: EVIL, policyTrouble: EVIL, rejected: { [EVIL]: 2 }, wireBytes: 1, spool }
    const gaps = [{ about: EVIL, reason: EVIL, lastAt: T0 }]
    writeFileSync(join(at('agent'), 'status.json'), JSON.stringify({ ...status, ...troubles, gaps }))
    const sent = { category: EVIL, time: T0, [EVIL]: EVIL, Files: [EVIL] }
    writeFileSync(join(at('agent'), 'sent.ndjson'), `${JSON.stringify(sent)}\n`)
  }

  /** What today's routes would refuse may be there from another version. */
  async function fillStore(): Promise<void> {
    const store = await openStore({ engine: 'sqlite', folder: at('data') }, { run: 'inline' })
    try {
      await store.users.add({ name: EVIL, role: 'viewer', passwordHash: null, createdAt: T0 })
      await store.users.add({ name: 'ada', role: 'admin', passwordHash: null, createdAt: T0 })
      await store.devices.save(enrolledDevice(EVIL, { version: EVIL, platform: EVIL, fingerprint: EVIL }))
      await store.devices.save(enrolledDevice('d9'))
      const entry = { at: T0, user: null, action: 'laptop.revoked', about: 'd9', detail: EVIL }
      await store.devices.revoke('d9', { at: T0, by: EVIL, why: EVIL }, entry)
    } finally {
      await store.close()
    }
  }

  function assertSafe({ args, out, err }: Printed): void {
    const name = args.slice(0, 2).join(' ')
    assert.doesNotMatch(out, UNSAFE, `${name}, standard output`)
    assert.doesNotMatch(err, UNSAFE, `${name}, standard error`)
    assert.doesNotMatch(`${out}${err}`, /unexpected error/, name)
    assert.doesNotMatch(`${out}\n${err}`, /^z/m, `${name}: a line that somebody else wrote`)
  }

  it('every command that reads, on hostile data', async () => {
    const data = ['--data-folder', at('data')]
    const agent = ['--folder', at('agent')]
    const rule = '11111111-1111-4111-8111-1111111111aa'
    const rows: [says: RegExp, ...args: string[]][] = [
      [/w1 \(a\ufffd/, 'workers', '--band', 'none', ...data],
      [/a\\u001b/, 'workers', '--band', 'none', '--json', ...data],
      [/\d+ findings?\n/, 'findings', ...data],
      [/\\u202e|AnyDesk/, 'findings', '--json', ...data],
      [/\\u202e/, 'export', ...data],
      [/does not exist/, 'findings', '--worker', EVIL, ...data],
      [/not JSON/, 'import', at(`${FILE}.ndjson`), ...data],
      [/w1/, 'replay', at('records.ndjson')],
      [/not JSON/, 'replay', at(`${FILE}.ndjson`)],
      [/\ufffd/, 'replay', at('records.ndjson'), '--rules', at('rules')],
      [/"rule"/, 'match', '--rules', at('rules'), at('events.ndjson')],
      [/error/, 'rules', 'check', at('rules')],
      [/\ufffd/, 'rules', 'list', at('rules')],
      [/\ufffd/, 'rules', 'test', at('rules')],
      [/\ufffd/, 'rules', 'explain', rule, at('event.ndjson'), '--rules', at('rules')],
      [/\ufffd/, 'catalogue', 'check', EVIL],
      [/omitted|used/, 'roster', 'import', at(`${FILE}.csv`), ...data],
      [/\ufffd/, 'feeds', 'import', at(`${FILE}.txt`), '--class', 'vpn', ...data],
      [/lists|No lists/, 'feeds', 'list', ...data],
      [/agent +a?/, 'agent', 'status', ...agent],
      [/disk +cannot be written \(a\ufffd[\s\S]*not observed +a\ufffd/, 'agent', 'status', ...agent],
      [/\\u202e/, 'agent', 'status', '--json', ...agent],
      [/Last sent[\s\S]*\ufffd/, 'agent', 'show', ...agent],
      [/\\u202e/, 'agent', 'show', '--json', ...agent],
      [/a\ufffd.*revoked .* by a\ufffd|d9 .*revoked .* by a\ufffd/, 'laptops', 'list', ...data],
      [/\\u202e/, 'laptops', 'list', '--json', ...data],
      [/a\ufffd.* viewer/, 'user', 'list', ...data],
      [/\\u202e/, 'user', 'list', '--json', ...data],
      [/a\ufffd.* has the role analyst/, 'user', 'role', EVIL, 'analyst', ...data],
      [/a\ufffd.* cannot sign in/, 'user', 'disable', EVIL, ...data],
      [/a\ufffd.*can sign in again/, 'user', 'enable', EVIL, ...data],
      [/works once/, 'user', 'link', EVIL, ...data],
      [/a\ufffd.* signed out/, 'user', 'sign-out', EVIL, ...data],
      [/a\ufffd.* refused from now on/, 'laptops', 'revoke', EVIL, '--reason', EVIL, ...data],
      [/a\ufffd.* removed/, 'user', 'remove', EVIL, ...data],
      [/rules/, 'doctor', ...data],
      [/\ufffd/, 'doctor', '--config', at(`${FILE}.yml`)],
      [/config\.invalid/, 'server', '--config', at(`${FILE}.yml`)],
      [/\ufffd/, 'backup', at(FILE), ...data],
      [/\ufffd/, 'restore', at(FILE), '--data-folder', at(`${FILE}-again`)],
    ]
    const printed = await oneAfterAnother(
      rows.map(([, ...args]) => args),
      root,
    )
    for (const [index, it] of printed.entries()) {
      assertSafe(it)
      assert.match(`${it.out}${it.err}`, rows[index]![0], it.args.slice(0, 3).join(' '))
    }
  })

  it('every command, with hostile values of all its arguments, and of each option', async () => {
    const commands: string[][] = []
    for (const { path, args } of await leavesOf(rootCommand())) {
      const given = Object.entries(args)
      const words = given.filter(([, it]) => it.type === 'positional').map(() => EVIL)
      const required = given.flatMap(([name, it]) =>
        it.type === 'string' && it.required === true ? [`--${name}=${EVIL}`] : [],
      )
      const place =
        'data-folder' in args ? ['--data-folder', at('data')] : 'folder' in args ? ['--folder', at('agent')] : []
      const isLasting = LASTING.has(path.join(' '))
      if (!isLasting) commands.push([...path, ...words, ...required, ...place])
      if (!isLasting && 'json' in args) commands.push([...path, ...words, ...required, ...place, '--json'])
      for (const [name, { type }] of given) {
        if (type === 'positional' || type === 'boolean' || (isLasting && /folder$/.test(name))) continue
        commands.push([...path, ...words, ...required, ...(/folder$/.test(name) ? [] : place), `--${name}=${EVIL}`])
      }
      commands.push([...path, `--${EVIL}`], [...path.slice(0, -1), EVIL])
    }
    assert.ok(commands.length > 150, `${commands.length} commands`)
    const printed = await oneAfterAnother(commands, root)
    for (const it of printed) assertSafe(it)
    const shown = printed.filter(({ out, err }) => SHOWN.test(`${out}${err}`))
    assert.ok(
      shown.length > commands.length / 2,
      `only ${shown.length} of ${commands.length} show what they were given`,
    )
  })

  for (const [name, args] of [
    [
      'a server in a folder with a hostile name',
      () => ['server', '--port', '0', '--data-folder', at(`${FILE}-server`)],
    ],
    ['an agent of a server with a hostile address', () => ['agent', 'run', '--folder', at('agent')]],
  ] as const)
    it(`what a running process prints: ${name}`, async () => {
      const child = spawn(process.execPath, [BINARY, ...args()], {
        env: { ...process.env, TELLWIRE_LOG_LEVEL: 'debug' },
      })
      let text = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (it) => (text += it))
      await until(
        () => (child.exitCode !== null || /sign in once|"level":"warn"/.test(text) ? true : null),
        60_000,
        () => `it says nothing:\n${text}`,
      )
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'close')
      }
      assert.match(text, /./)
      assert.doesNotMatch(text, UNSAFE)
      assert.doesNotMatch(text, /unexpected error/)
    })

  it('a line of a log is one line, and the same facts', () => {
    const cause = Object.assign(new Error(EVIL), { code: EVIL })
    const facts = { device: EVIL, [EVIL]: [EVIL], err: cause }
    let text = ''
    const write = (line: string) => void (text += line)
    const logs = [serverLogger('debug', { write }), agentLogger(() => T0, write)]
    for (const log of logs) {
      log.info(facts, EVIL)
      log.warn(facts, EVIL)
    }
    assert.doesNotMatch(text, UNSAFE)
    const lines = text.trimEnd().split('\n')
    assert.equal(lines.length, 4)
    for (const line of lines) {
      const read = JSON.parse(line) as Record<string, unknown>
      assert.deepEqual([read.device, read[EVIL], read.msg], [EVIL, [EVIL], EVIL])
    }
  })
})
