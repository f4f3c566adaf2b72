import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentPaths } from '../../agent/config.ts'
import { ownFiles } from '../../agent/own-files.ts'
import { removeFolder, temporaryFolder } from './laptop.ts'
import { type TestServer, testServer } from './server.ts'

describe('agent/own-files', () => {
  let folder = ''
  let program = ''
  let server: TestServer
  before(async () => {
    server = await testServer()
  })
  after(() => server.close())
  beforeEach(() => {
    folder = temporaryFolder()
    program = join(folder, 'versions', '1.0.0')
    mkdirSync(join(program, 'native'), { recursive: true })
    writeFileSync(join(program, 'agent.mjs'), 'run()')
    writeFileSync(join(program, 'native', 'calls.node'), 'calls')
    server.enroll(folder)
  })
  afterEach(() => removeFolder(folder))

  const files = (version = '1.0.0') => ownFiles(folder, version, program)

  it('untouched: nothing, and the same hash in each run', async () => {
    const first = files()
    assert.equal(first.programHash, null, 'not looked yet')
    assert.deepEqual([await first.look(), await first.look()], [[], []])
    assert.match(first.programHash ?? '', /^[0-9a-f]{64}$/)
    const second = files()
    assert.deepEqual(await second.look(), [])
    assert.equal(second.programHash, first.programHash)
  })

  for (const [name, change] of [
    ['a file of the program', () => writeFileSync(join(program, 'agent.mjs'), 'lie()')],
    ['one of the same size and time', () => rewriteQuietly(join(program, 'agent.mjs'), 'nur()')],
    ['one in a folder of it', () => appendFileSync(join(program, 'native', 'calls.node'), 'x')],
    ['one that is gone', () => rmSync(join(program, 'native', 'calls.node'))],
    ['one more', () => writeFileSync(join(program, 'preload.cjs'), '')],
  ] as const)
    for (const when of ['while it runs', 'between two runs'] as const)
      it(`${name}, changed ${when}: once`, async () => {
        const first = files()
        await first.look()
        change()
        const next = when === 'while it runs' ? first : files()
        assert.deepEqual([await next.look(), await next.look()], [['program'], []])
        assert.deepEqual(await files().look(), [], 'and not at the next start')
      })

  it('another version is no change', async () => {
    await files().look()
    writeFileSync(join(program, 'agent.mjs'), 'run() // better')
    assert.deepEqual(await files('1.0.1').look(), [])
  })

  it('from its sources: no hash', async () => {
    const own = ownFiles(folder, '1.0.0', null)
    assert.deepEqual([await own.look(), own.programHash], [[], null])
  })

  it('an enrollment with another address', async () => {
    await files().look()
    const { config } = agentPaths(folder)
    writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), url: 'http://127.0.0.1:9/' }))
    assert.deepEqual(await files().look(), ['config'])
  })

  it('enrolled again is no change', async () => {
    await files().look()
    const { config } = agentPaths(folder)
    writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), device: 'd-other' }))
    assert.deepEqual(await files().look(), [])
  })

  for (const [name, text] of [
    ['is not JSON', '{'],
    ['has no signature', '{}'],
    ['was signed by somebody else', JSON.stringify({ text: '{}', signature: 'AAAA' })],
  ] as const)
    it(`a policy that ${name}: once, until it is right again`, async () => {
      const own = files()
      await own.look()
      const { policy } = agentPaths(folder)
      const before = readFileSync(policy)
      writeFileSync(policy, text)
      assert.deepEqual([await own.look(), await own.look()], [['policy'], []])
      writeFileSync(policy, before)
      assert.deepEqual(await own.look(), [])
      writeFileSync(policy, text)
      assert.deepEqual(await own.look(), ['policy'])
    })

  it('no policy yet is no change', async () => {
    rmSync(agentPaths(folder).policy, { force: true })
    assert.deepEqual(await files().look(), [])
  })
})

/** As somebody who hides it: the size stays, and the time is set back. The inode's own time is not. */
function rewriteQuietly(path: string, text: string): void {
  writeFileSync(path, text)
  utimesSync(path, 1, 1)
}
