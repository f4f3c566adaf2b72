import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { agentPaths, loadConfig, recordRun } from '../../agent/config.ts'
import { type EnrollOptions, enroll, parseToken, serverUrl } from '../../agent/enroll.ts'
import { isSigned, loadKey, newKey, publicKeyOf, signText } from '../../agent/identity.ts'
import { lastPolicy } from '../../agent/policy.ts'
import { Fault } from '../../wire/fault.ts'
import { signedText } from '../../wire/messages.ts'
import { connectionTo, NOW, openSpool, removeFolder, temporaryFolder } from './laptop.ts'
import { DEVICE, POLICY, type TestServer, testServer } from './server.ts'

const options: EnrollOptions = {
  now: () => NOW,
  random: randomBytes,
  version: 'test',
  platform: 'linux',
  fingerprint: null,
  caFile: null,
  replace: false,
}
const faultOf = (code: string) => (error: unknown) =>
  error instanceof Fault && error.code === code && error.todo !== null

describe('agent/enroll', () => {
  let folder = ''
  let server: TestServer
  beforeEach(async () => {
    folder = temporaryFolder()
    server = await testServer()
  })
  afterEach(async () => {
    await server.close()
    removeFolder(folder)
  })

  it('creates a key that only its owner can read, and stores the server', async () => {
    recordRun(folder, NOW - 1_000, 'older')
    const config = await enroll(server.token(), folder, options)
    assert.deepEqual(config, { url: `${server.url}/`, serverKey: server.publicKey, device: DEVICE, ca: null })
    assert.deepEqual(loadConfig(folder), config)
    assert.equal(statSync(agentPaths(folder).key).mode & 0o777, 0o600)
    assert.deepEqual(lastPolicy(agentPaths(folder).policy, server.publicKey), POLICY)
    assert.equal(recordRun(folder, NOW, 'test').firstBoot, NOW - 1_000)
    const key = loadKey(agentPaths(folder).key)
    assert.ok(
      isSigned(publicKeyOf(key), 'x', signText(key, 'x')) && !isSigned(publicKeyOf(key), 'y', signText(key, 'x')),
    )
    assert.deepEqual(readdirSync(agentPaths(folder).spool), [])
  })

  it('works once, unless asked to replace; then the events of the old identity are deleted', async () => {
    await enroll(server.token(), folder, options)
    const spool = openSpool(agentPaths(folder).spool)
    spool.append(connectionTo(1))
    await spool.flush()
    await assert.rejects(enroll(server.token(), folder, options), faultOf('usage'))
    await assert.rejects(enroll(server.token(), folder, { ...options, replace: true }), faultOf('agent.running'))
    await spool.close()
    const before = readFileSync(agentPaths(folder).key, 'utf8')
    await enroll(server.token(), folder, { ...options, replace: true })
    assert.notEqual(readFileSync(agentPaths(folder).key, 'utf8'), before)
    const again = openSpool(agentPaths(folder).spool)
    assert.deepEqual([again.last, again.epoch === spool.epoch], [0, false])
    await again.close()
  })

  const failures: { name: string; token: (server: TestServer) => string; code: string }[] = [
    { name: 'a used token', token: usedToken, code: 'enroll.token' },
    { name: 'a truncated token', token: (it) => it.token().slice(0, 40), code: 'enroll.token' },
    { name: 'a text that is not a token', token: () => 'hello', code: 'enroll.token' },
    {
      name: 'plain http to another machine',
      token: (it) => tokenFor(it, { url: 'http://192.0.2.1:8080' }),
      code: 'agent.plain',
    },
    {
      name: 'an unreachable server',
      token: (it) => tokenFor(it, { url: 'http://127.0.0.1:9' }),
      code: 'agent.unreachable',
    },
    {
      name: 'a server with another key',
      token: (it) => tokenFor(it, { serverKey: publicKeyOf(newKey()) }),
      code: 'agent.server',
    },
  ]
  for (const { name, token, code } of failures) {
    it(`rejects ${name} and stores nothing`, async () => {
      await assert.rejects(enroll(token(server), folder, options), faultOf(code))
      assert.equal(existsSync(agentPaths(folder).config) || existsSync(agentPaths(folder).key), false)
    })
  }

  for (const { name, status, body, code } of [
    { name: 'a page of another server', status: 200, body: '<html>', code: 'wire.malformed' },
    { name: 'an endless reply', status: 200, body: 'x'.repeat(400_000), code: 'agent.unreachable' },
    { name: 'an error without JSON', status: 502, body: 'Bad Gateway', code: 'agent.unreachable' },
    {
      name: 'a refusal with a code',
      status: 429,
      body: '{"code":"rate.exceeded","todo":"Wait."}',
      code: 'rate.exceeded',
    },
  ]) {
    it(`reports ${name}`, async () => {
      const other = createServer((_request, response) => response.writeHead(status).end(body))
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
      await assert.rejects(enroll(tokenFor(server, { url }), folder, options), faultOf(code))
      other.closeAllConnections()
      await new Promise((resolve) => other.close(resolve))
    })
  }

  it('rejects a reply that was signed for another request', async () => {
    const foreign = signText(newKey(), signedText.enroll('00', 'x', DEVICE))
    const other = createServer((_request, response) =>
      response.end(
        JSON.stringify({ device: DEVICE, serverKey: server.publicKey, policy: server.policy, signature: foreign }),
      ),
    )
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    await assert.rejects(enroll(tokenFor(server, { url }), folder, options), faultOf('agent.server'))
    other.closeAllConnections()
    await new Promise((resolve) => other.close(resolve))
  })

  it('names a missing certificate file', async () => {
    const caFile = join(folder, 'none.pem')
    await assert.rejects(
      enroll(server.token(), folder, { ...options, caFile }),
      (error) => faultOf('usage')(error) && String(error).includes(caFile),
    )
  })

  for (const { url, ok } of [
    { url: 'https://tellwire.example/base', ok: true },
    { url: 'http://localhost:8080', ok: true },
    { url: 'http://[::1]:8080/', ok: true },
    { url: 'http://127.0.0.1.evil.example', ok: false },
    { url: 'http://127.evil.example', ok: false },
    { url: 'ftp://127.0.0.1', ok: false },
    { url: 'not a url', ok: false },
  ])
    it(`${ok ? 'accepts' : 'rejects'} ${url}`, () => {
      if (ok) assert.ok(serverUrl(url).href.endsWith('/'))
      else assert.throws(() => serverUrl(url), Fault)
    })
})

function tokenFor(server: TestServer, other: { url?: string; serverKey?: string }): string {
  return `tw1.${Buffer.from(JSON.stringify({ ...parseToken(server.token()), ...other })).toString('base64url')}`
}
/** A token whose secret the server no longer accepts. */
function usedToken(server: TestServer): string {
  const token = server.token()
  server.secret = 'b3RoZXI'
  return token
}
