/** A feed from end to end: a token from the command, a server that is killed, a sender that retries. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FEED_PATH } from '../../../server/feeds/tokens.ts'
import { readServerFile } from '../../../server/roles/server-file.ts'
import { BINARY } from '../../bench/children.ts'

describe('tellwire feeds token', function () {
  this.timeout(120_000)
  let folder: string
  let server: ChildProcess | null = null

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-feed-'))
  })
  afterEach(async () => {
    if (server) await killed(server)
    server = null
    await rm(folder, { recursive: true })
  })

  async function tellwire(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
    const child = spawn(process.execPath, [BINARY, ...args, '--data-folder', folder])
    let out = ''
    let error = ''
    child.stdout.on('data', (data) => (out += data))
    child.stderr.on('data', (data) => (error += data))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out, error }
  }

  async function started(): Promise<string> {
    const child = spawn(process.execPath, [BINARY, 'server', '--data-folder', folder, '--port', '0'], {
      stdio: 'ignore',
    })
    server = child
    for (;;) {
      assert.equal(child.exitCode, null, 'the server ended')
      const url = readServerFile(folder)?.url
      if (url && (await fetch(`${url}/readyz`).catch(() => null))?.ok) return url
      await delay(50)
    }
  }

  async function killed(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'close')
  }

  it('an acknowledged event is stored once, even after a kill and retries', async () => {
    const added = await tellwire('feeds', 'token', 'add', 'hr', '--category', 'contract_event', '--json')
    const { token } = JSON.parse(added.out) as { token: string }
    const body = JSON.stringify([
      { worker: 'w1', time: Date.now(), event: { category: 'contract_event', Action: 'ending' } },
    ])
    const send = async (url: string) => {
      const response = await fetch(`${url}${FEED_PATH}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body,
      })
      return { status: response.status, ...((await response.json()) as { stored?: number; duplicates?: number }) }
    }
    const first = await send(await started())
    assert.deepEqual([first.status, first.stored, first.duplicates], [200, 1, 0])
    await killed(server!)
    const url = await started()
    const second = await send(url)
    assert.deepEqual([second.status, second.stored, second.duplicates], [200, 0, 1])
    assert.equal((await tellwire('feeds', 'token', 'remove', 'hr')).code, 0)
    assert.equal((await send(url)).status, 401)
    const { out } = await tellwire('export')
    const feeds = out.split('\n').filter((line) => line.includes('"type":"feed"'))
    assert.equal(feeds.length, 1)
  })

  const wrong = [
    { name: 'an invalid name', args: ['add', 'Bad Name', '--category', 'idp_login'], code: 1 },
    { name: 'an unknown category', args: ['add', 'x', '--category', 'idp_login,presence'], code: 2 },
    { name: 'no category', args: ['add', 'x'], code: 2 },
    { name: 'an unknown token', args: ['remove', 'x'], code: 1 },
  ]
  for (const { name, args, code } of wrong)
    it(`refuses ${name}`, async () => assert.equal((await tellwire('feeds', 'token', ...args)).code, code))

  it('lists names and categories without secrets', async () => {
    const { out } = await tellwire('feeds', 'token', 'add', 'okta', '--category', 'idp_login, repo_audit')
    const secret = /twf1\.[\w-]+/.exec(out)?.[0] ?? ''
    assert.ok(secret.length > 40)
    const listed = (await tellwire('feeds', 'token', 'list', '--json')).out
    assert.deepEqual(
      (JSON.parse(listed) as { name: string; categories: string[] }[]).map((it) => [it.name, it.categories]),
      [['okta', ['idp_login', 'repo_audit']]],
    )
    assert.ok(!listed.includes(secret) && !/hash/.test(listed))
    assert.equal((await tellwire('feeds', 'token', 'add', 'okta', '--category', 'idp_login')).code, 1)
  })
})
