/**
 * A second laptop as in the README: the server with TLS, its certificate signed by the company's own authority.
 * The certificate in test/fixtures is for localhost, made for this test, and trusted by no system.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { BINARY, until } from './bench/children.ts'

const CERT = join(import.meta.dirname, 'fixtures', 'tls.crt')
const KEY = join(import.meta.dirname, 'fixtures', 'tls.key')

describe('behind TLS', function () {
  this.timeout(120_000)
  let folder: string
  let server: ChildProcess
  let agent: ChildProcess | null = null
  let url: string
  let secret: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-tls-'))
    const config = join(folder, 'tellwire.yml')
    writeFileSync(config, `listen: { host: 127.0.0.1, port: 0 }\ntls: { certFile: '${CERT}', keyFile: '${KEY}' }\n`)
    server = spawn(process.execPath, [BINARY, 'server', '--config', config, '--data-folder', join(folder, 'data')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    for (const stream of [server.stdout, server.stderr])
      stream?.on('data', (text) => {
        printed += text
      })
    const [, origin = '', link = ''] = await until(
      () => /listening on (\S+)[\s\S]*#\/welcome\/(\S+)/.exec(printed),
      30_000,
      () => `the server does not start:\n${printed}`,
    )
    url = origin
    secret = link
  })

  after(async () => {
    for (const child of [agent, server]) {
      if (!child || child.exitCode !== null) continue
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
    }
    rmSync(folder, { recursive: true, force: true })
  })

  it('the console marks its cookie for TLS and this host', async () => {
    const { cookie } = await post('session/once', { secret })
    assert.match(cookie, /^__Host-tellwire=/)
    assert.match(cookie, /Secure/)
    const made = await post('enrollment-tokens', { worker: 'w1' }, cookie.split(';')[0])
    const { token } = JSON.parse(made.text) as { token: string }

    const refused = await enroll(token, [])
    assert.equal(refused.code, 1)
    assert.match(refused.text, /Use --ca if your own authority signed/)
    const another = join(folder, 'another.crt')
    writeFileSync(another, rootCertificates[0]!)
    assert.match((await enroll(token, ['--ca', another])).text, /Check that --ca names the authority's certificate/)
    const taken = await enroll(token, ['--ca', CERT])
    assert.equal(taken.code, 0, taken.text)
    assert.ok(taken.text.endsWith(`Now run: tellwire agent run --folder ${join(folder, 'agent')}\n`), taken.text)

    agent = spawn(process.execPath, [BINARY, 'agent', 'run', '--folder', join(folder, 'agent')], { stdio: 'ignore' })
    const events = async () =>
      (JSON.parse((await get('laptops', cookie.split(';')[0])).text) as { laptops: { events: number }[] }).laptops[0]
        ?.events
    await until(
      async () => ((await events()) ?? 0) > 10 || null,
      30_000,
      () => 'no events arrived over TLS',
    )
  })

  function enroll(token: string, more: string[]): Promise<{ code: number | null; text: string }> {
    const args = [BINARY, 'agent', 'enroll', token, '--folder', join(folder, 'agent'), ...more]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (it) => {
        text += it
      })
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })))
  }

  const get = (path: string, cookie = '') => ask('GET', path, null, cookie)
  const post = (path: string, body: object, cookie = '') => ask('POST', path, JSON.stringify(body), cookie)

  function ask(
    method: string,
    path: string,
    body: string | null,
    cookie: string,
  ): Promise<{ cookie: string; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', Origin: url, Cookie: cookie }
      const asked = request(`${url}/api/v1/${path}`, { method, headers, ca: readFileSync(CERT) }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (it) => chunks.push(it))
        answer.once('end', () =>
          resolve({ cookie: answer.headers['set-cookie']?.[0] ?? '', text: Buffer.concat(chunks).toString('utf8') }),
        )
      })
      asked.once('error', reject)
      asked.end(body ?? undefined)
    })
  }
})
