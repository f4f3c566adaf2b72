import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { agentFolder, agentPaths, readJson } from '../../agent/config.ts'
import { SYSTEMS } from '../../agent/host/systems.ts'
import { Status } from '../../agent/status.ts'
import { removeFolder, temporaryFolder, until } from './laptop.ts'
import { type TestServer, testServer } from './server.ts'

const BINARY = join(import.meta.dirname, '../../bin/tellwire.js')

describe('agent/main', () => {
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

  async function tellwire(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const child = start(...args)
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, out, err }
  }
  const start = (...args: string[]) =>
    spawn(process.execPath, [BINARY, 'agent', ...args, '--folder', folder], { stdio: ['ignore', 'pipe', 'pipe'] })

  it('enrolls, runs all collectors of this system, shows status and sent events, and stops on SIGTERM', async function () {
    this.timeout(90_000) // ten commands, each one or two seconds of CPU
    const before = await tellwire('run')
    assert.deepEqual([before.code, before.out], [1, ''])
    assert.match(
      before.err,
      /^tellwire: .*not enrolled.*tellwire agent enroll TOKEN\. If it is enrolled, name its folder.* \[agent\.not_enrolled\]\n$/,
    )

    assert.deepEqual(JSON.parse((await tellwire('enroll', server.token(), '--json')).out), {
      device: 'd-test',
      url: `${server.url}/`,
    })
    const agent = start('run')
    const exited = new Promise((resolve) => agent.once('exit', (code) => resolve(code)))
    const has = (category: string) => server.batches.some(({ events }) => events.some((it) => it.category === category))
    await until(() => has('process_creation'), 'the first processes', 40_000)
    await until(() => readJson(agentPaths(folder).status, Status)?.connected === true, 'the first status', 20_000)

    const status = JSON.parse((await tellwire('status', '--json')).out) as {
      running: boolean
      pid: number
      connected: boolean
    }
    assert.deepEqual([status.running, status.pid, status.connected], [true, agent.pid, true])
    assert.match((await tellwire('status')).out, /connected +yes/)
    const second = await tellwire('run')
    assert.deepEqual([second.code, /agent\.running/.test(second.err)], [1, true])
    const { lastSent, never } = JSON.parse((await tellwire('show', '--json', '--last', '3')).out) as {
      lastSent: unknown[]
      never: string[]
    }
    assert.ok(lastSent.length === 3 && never.length > 3)
    assert.match(
      (await tellwire('show')).out,
      /Collected:[\s\S]*process_creation[\s\S]*Never collected:[\s\S]*Last sent/,
    )

    agent.kill('SIGTERM')
    assert.equal(await exited, 0)
    const last = server.batches.at(-1)!.events.at(-1)!
    assert.deepEqual([last.category, last.category === 'agent_state' && last.Action], ['agent_state', 'stopping'])
    assert.match((await tellwire('status')).out, /not running/)
  })

  for (const { name, args } of [
    { name: 'enroll without a token', args: ['enroll'] },
    { name: 'show with an invalid count', args: ['show', '--last', 'many'] },
  ])
    it(`exits with 2 for wrong usage: ${name}`, async () => assert.equal((await tellwire(...args)).code, 2))

  for (const { name, given, env, uid, folder, system = SYSTEMS.linux } of [
    { name: 'the given one', given: '/a', env: { TELLWIRE_AGENT_FOLDER: '/b' }, uid: 0, folder: '/a' },
    { name: 'the environment', given: undefined, env: { TELLWIRE_AGENT_FOLDER: '/b' }, uid: 0, folder: '/b' },
    { name: 'root', given: undefined, env: {}, uid: 0, folder: '/var/lib/tellwire/agent' },
    {
      name: 'a user',
      given: undefined,
      env: { HOME: '/home/u' },
      uid: 1_000,
      folder: '/home/u/.local/state/tellwire/agent',
    },
    {
      name: 'Windows',
      given: undefined,
      env: { ProgramData: 'D:\\Data' },
      uid: undefined,
      folder: 'D:\\Data\\Tellwire\\agent',
      system: SYSTEMS.windows,
    },
  ])
    it(`default folder: ${name}`, () => assert.equal(agentFolder(given, env, uid, system), folder))

  it('without a home folder it asks for --folder', () =>
    assert.throws(() => agentFolder(undefined, {}, 1_000, SYSTEMS.linux), /--folder/))
})
