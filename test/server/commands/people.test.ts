/** `tellwire user` and `tellwire laptops`, without a server and beside a running one. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noteFailures } from '../../../server/ingest/roll-out.ts'
import { openStore } from '../../../server/store/open.ts'
import type { Store } from '../../../server/store/store.ts'
import { BINARY, startServer, until } from '../../bench/children.ts'
import { enrolledDevice } from '../store/samples.ts'
import { tellwire as inFolder } from './process.ts'

describe('tellwire user and laptops', function () {
  this.timeout(120_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-people-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function tellwire(...args: string[]): Promise<{ code: number | null; text: string }> {
    const child = spawn(process.execPath, [BINARY, ...args, '--data-folder', folder])
    let text = ''
    for (const it of [child.stdout, child.stderr]) it.on('data', (data) => (text += data))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, text }
  }

  /** A handle of another process, as a running server has one. */
  async function stored<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline' })
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }

  it('refuses a folder that is not a data folder, and makes none', async () => {
    const elsewhere = join(folder, 'typo')
    for (const [path, args] of [
      [elsewhere, ['user', 'add', 'ada']],
      [elsewhere, ['feeds', 'token', 'add', 'okta', '--category', 'idp_login']],
      [folder, ['user', 'link']],
      [folder, ['user', 'remove', 'ada']],
      [folder, ['feeds', 'token', 'remove', 'okta']],
      [folder, ['laptops', 'revoke', 'd1', '--reason', 'stolen']],
    ] as const) {
      const { code, err } = await inFolder([...args, '--data-folder', path])
      assert.match(err, /no Tellwire data in this folder.*server that has run/, args.join(' '))
      assert.equal(code, 1)
    }
    assert.deepEqual(readdirSync(folder), [])
  })

  it('adds, lists and changes users, and protects the last admin', async () => {
    const done: { args: string[]; code: number; text: RegExp }[] = [
      { args: ['user', 'add', 'ada', '--role', 'admin'], code: 0, text: /\/#\/welcome\/o\./ },
      { args: ['user', 'add', 'ben'], code: 0, text: /works once/ },
      { args: ['user', 'link', 'ben'], code: 0, text: /\/#\/welcome\/o\.2\./ },
      { args: ['user', 'link'], code: 0, text: /\/#\/welcome\/o\.1\./ },
      { args: ['user', 'role', 'ben', 'root'], code: 2, text: /Choose one of admin, analyst, viewer/ },
      { args: ['user', 'role', 'ben', 'viewer'], code: 0, text: /ben has the role viewer/ },
      { args: ['user', 'disable', 'ben'], code: 0, text: /cannot sign in/ },
      { args: ['user', 'list'], code: 0, text: /ada {2}admin .*no password yet\nben {2}viewer .*disabled 2/ },
      { args: ['user', 'link', 'ben'], code: 1, text: /This user is disabled/ },
      { args: ['user', 'enable', 'ben'], code: 0, text: /can sign in again/ },
      { args: ['user', 'sign-out', 'ben'], code: 0, text: /signed out everywhere/ },
      { args: ['user', 'remove', 'ada'], code: 1, text: /last admin who can sign in/ },
      { args: ['user', 'remove', 'eve'], code: 1, text: /There is no such user/ },
      { args: ['user', 'remove', 'ben'], code: 0, text: /removed/ },
    ]
    for (const { args, code, text } of done) {
      const answer = await tellwire(...args)
      assert.match(answer.text, text, args.join(' '))
      assert.equal(answer.code, code, args.join(' '))
    }
    const [users, trail] = await stored(async ({ users, audit }) => [await users.list(), await audit.newest(99)])
    assert.deepEqual(
      users.map((it) => it.name),
      ['ada'],
    )
    assert.deepEqual(
      trail.filter((it) => it.about === 'ben').map((it) => [it.user, it.action]),
      ['removed', 'signed_out', 'enabled', 'disabled', 'role', 'link', 'link', 'added'].map((it) => [
        null,
        it === 'link' ? 'link.made' : `user.${it}`,
      ]),
    )
  })

  it('puts the public address in front of every link', async () => {
    const config = join(folder, 'tellwire.yml')
    writeFileSync(config, 'publicUrl: https://tellwire.example/\n')
    const link = /^https:\/\/tellwire\.example\/#\/welcome\/o\.\S+\nThe link works once/
    const token = /POST https:\/\/tellwire\.example\/feed\/v1\/events /
    const category = ['--category', 'idp_login']
    assert.match((await tellwire('user', 'add', 'ada', '--role', 'admin', '--config', config)).text, link)
    assert.match((await tellwire('feeds', 'token', 'add', 'okta', ...category, '--config', config)).text, token)
    assert.match((await tellwire('user', 'link', 'ada')).text, /^https:\/\/<the server>\/#\/welcome\//)

    const server = await startServer(folder, {}, ['--config', config])
    try {
      assert.match(server.printed(), /sign in once with https:\/\/tellwire\.example\/#\/welcome\//)
      for (const args of [['link', 'ada'], ['link'], ['add', 'ben']])
        assert.match((await tellwire('user', ...args)).text, link)
      assert.match((await tellwire('feeds', 'token', 'add', 'github', ...category)).text, token)
      assert.match((await tellwire('doctor')).text, new RegExp(`listens on ${server.url}\\n`))
    } finally {
      await server.stop()
    }
  })

  it('revokes a laptop with a reason, and lists it', async () => {
    await stored((store) => store.devices.save(enrolledDevice('d1')))
    assert.equal((await tellwire('laptops', 'revoke', 'd1')).code, 2)
    assert.match((await tellwire('laptops', 'revoke', 'd2', '--reason', 'stolen')).text, /No device with this id/)
    assert.deepEqual(await tellwire('laptops', 'revoke', 'd1', '--reason', 'stolen'), {
      code: 0,
      text: 'd1 is refused from now on. What it has sent is kept.\n',
    })
    assert.match((await tellwire('laptops', 'list')).text, /^d1 .* revoked 2.* by the command line: stolen\n$/)
    const [line] = await stored((store) => store.audit.newest(1))
    assert.deepEqual([line?.user, line?.action, line?.about, line?.detail], [null, 'laptop.revoked', 'd1', 'stolen'])
  })

  it('moves a laptop to a group of the configuration, and lists it', async () => {
    await stored((store) => store.devices.save(enrolledDevice('d1')))
    const config = join(folder, 'groups.yml')
    writeFileSync(config, 'agents: { groups: { berlin: {} } }')
    const move = (...words: string[]) => tellwire('laptops', 'group', ...words, '--config', config)
    assert.match((await move('d1', 'paris')).text, /There is no such group\. Use one of: berlin\./)
    assert.match((await move('d2', 'berlin')).text, /No device with this id/)
    assert.deepEqual(await move('d1', 'berlin'), { code: 0, text: 'd1 is in group berlin.\n' })
    assert.match((await tellwire('laptops', 'list')).text, /^d1 .* berlin/)
    assert.deepEqual(await move('d1'), { code: 0, text: 'd1 is in no group.\n' })
    const lines = await stored((store) => store.audit.newest(2))
    assert.deepEqual(
      lines.map((it) => [it.user, it.action, it.about, it.detail]),
      [
        [null, 'laptop.group', 'd1', null],
        [null, 'laptop.group', 'd1', 'berlin'],
      ],
    )
  })

  it('lists roll-outs, and resumes one that is halted', async () => {
    await stored((store) => store.devices.save(enrolledDevice('d1')))
    assert.match((await tellwire('laptops', 'roll-outs')).text, /No laptop had to go back/)
    const failures = ['d1', 'd2'].map((device) => ({
      device,
      version: '0.2.0',
      at: 5,
      why: 'It does not \u001b[31mrun.',
    }))
    await stored((store) => noteFailures(store.values, failures, { haltAfter: 2, now: 9 }))
    assert.match(
      (await tellwire('laptops', 'roll-outs')).text,
      /^0\.2\.0: halted 1970-01-01\n {2}d1 +1970-01-01 +It does not \ufffd/,
    )
    assert.match((await tellwire('laptops', 'resume', '0.3.0')).text, /It is not halted/)
    assert.deepEqual(await tellwire('laptops', 'resume', '0.2.0'), { code: 0, text: '0.2.0 may be taken again.\n' })
    const [line] = await stored((store) => store.audit.newest(1))
    assert.deepEqual([line?.action, line?.about], ['roll-out.resumed', '0.2.0'])
  })

  it('a running server notices a revocation from the command line', async () => {
    await stored((store) => store.devices.save(enrolledDevice('d1')))
    const server = await startServer(folder)
    try {
      const answer = await tellwire('laptops', 'revoke', 'd1', '--reason', 'stolen')
      assert.match(answer.text, /ends its session within seconds/)
      const shown = await until(
        async () => {
          const response = await fetch(`${server.url}/api/v1/laptops/d1`, { headers: { Cookie: server.cookie } })
          const laptop = (await response.json()) as { revokedAt: number | null; revokedWhy: string | null }
          return laptop.revokedAt === null ? null : laptop
        },
        60_000,
        () => 'the server still shows it as not revoked',
      )
      assert.equal(shown.revokedWhy, 'stolen')
    } finally {
      await server.stop()
    }
  })
})
