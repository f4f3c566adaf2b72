import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ASN_PACKAGE, CITY_PACKAGE } from '../../../server/addresses/installed.ts'
import { importRanges } from '../../../server/addresses/ranges.ts'
import {
  agent,
  type Check,
  databases,
  dataFolder,
  inbox,
  kernel,
  lists,
  nodeVersion,
  ownDatabases,
} from '../../../server/commands/doctor.ts'
import { notTested } from '../../not-tested.ts'
import { mmdb } from '../addresses/mmdb-writer.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')

async function gathered(checks: AsyncIterable<Check>): Promise<Check[]> {
  const all: Check[] = []
  for await (const check of checks) all.push(check)
  return all
}

describe('tellwire doctor', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-doctor-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** Files by path; a path that ends in / is a folder. */
  const tree = async (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(folder, path, path.endsWith('/') ? '' : '..'), { recursive: true })
      if (!path.endsWith('/')) await writeFile(join(folder, path), text)
    }
    return folder
  }

  for (const [version, state] of [
    ['v24.0.0', 'ok'],
    ['v26.1.0', 'ok'],
    ['v20.20.2', 'fail'],
  ] as const)
    it(`node ${version}: ${state}`, () => assert.equal(nodeVersion({ nodeVersion: version }).state, state))

  const healthy = {
    'proc/1/stat': '1 (init) S',
    'proc/net/tcp': 'sl',
    'sys/bus/usb/devices/': '',
    'sys/class/drm/': '',
    'sys/class/net/': '',
    'proc/sys/fs/inotify/max_user_watches': '65536\n',
    'proc/sys/fs/inotify/max_user_instances': '128\n',
  }
  const without = (path: keyof typeof healthy) =>
    Object.fromEntries(Object.entries(healthy).filter(([it]) => it !== path))
  const kernels = [
    { name: 'a whole Linux', files: healthy, reported: [] },
    { name: 'no /proc/net', files: without('proc/net/tcp'), reported: ['fail /proc'] },
    { name: 'hidepid', files: without('proc/1/stat'), reported: ['warn /proc'] },
    { name: 'a container', files: without('sys/class/drm/'), reported: ['warn /sys'] },
    {
      name: 'few watches',
      files: { ...healthy, 'proc/sys/fs/inotify/max_user_watches': '100\n' },
      reported: ['warn inotify watches'],
    },
    {
      name: 'no inotify',
      files: without('proc/sys/fs/inotify/max_user_instances'),
      reported: ['warn inotify instances'],
    },
  ]
  for (const { name, files, reported } of kernels)
    it(`${name}: ${reported.join(', ') || 'ok'}`, async () => {
      const checks = await gathered(kernel({ platform: 'linux', root: await tree(files) }))
      assert.deepEqual(
        checks.filter((it) => it.state !== 'ok').map((it) => `${it.state} ${it.name}`),
        reported,
      )
      assert.equal(checks.length, 4)
    })

  it('does not check /proc on other systems', async () =>
    assert.deepEqual(await gathered(kernel({ platform: 'darwin', root: folder })), []))

  it('a data folder that exists, does not exist yet, or is readable by others', async () => {
    await mkdir(join(folder, 'mine'), { mode: 0o700 })
    await mkdir(join(folder, 'open'))
    await chmod(join(folder, 'open'), 0o755)
    const checks = await Promise.all(['mine', 'not/yet', 'open'].map((name) => dataFolder(join(folder, name))))
    assert.deepEqual(
      checks.map((it) => it.state),
      ['ok', 'ok', 'warn'],
    )
    assert.match(checks[1]!.text, /will be created/)
    assert.match(checks[2]!.todo!, /chmod 700/)
  })

  it('a data folder that cannot be written', async function () {
    if (process.platform !== 'linux') notTested(this, 'only Linux has /proc')
    // Even root cannot create a folder there.
    assert.equal((await dataFolder('/proc/tellwire')).state, 'fail')
  })

  const editions = [
    { name: 'fresh databases', version: '2.3.2026110112', reported: [] },
    { name: 'databases of 90 days', version: '2.3.2026082412', reported: [] },
    { name: 'old databases', version: '2.3.2026082312', reported: ['warn city database', 'warn network operators'] },
    { name: 'databases from tomorrow', version: '2.3.2026120112', reported: ['fail clock'] },
    { name: 'databases without a date', version: '2.3.1', reported: ['warn city database', 'warn network operators'] },
    { name: 'no databases', version: null, reported: ['warn city database', 'warn network operators'] },
  ]
  for (const { name, version, reported } of editions)
    it(`${name}: ${reported.join(', ') || 'ok'}`, async () => {
      const root = await tree({ 'db/package.json': JSON.stringify({ name: 'db', version }, null, 2) })
      const packageFolder = (it: string) =>
        version !== null && [CITY_PACKAGE, ASN_PACKAGE].includes(it) ? join(root, 'db') : null
      const checks = await gathered(databases({ packageFolder, now: NOW }))
      assert.deepEqual(
        checks.filter((it) => it.state !== 'ok').map((it) => `${it.state} ${it.name}`),
        reported,
      )
      for (const it of checks) assert.equal(it.todo === null, it.state === 'ok')
    })

  it('own databases: none, fresh, old, unusable', async () => {
    const none = { cityFile: null, asnFile: null, privacyFile: null }
    assert.deepEqual(await ownDatabases(none, NOW), [])
    const networks = { '8.8.8.0/24': { country: 'US', asn: 'AS64500' } }
    const at = async (name: string, bytes: Buffer) => {
      await writeFile(join(folder, name), bytes)
      return join(folder, name)
    }
    const cityFile = await at('city', mmdb({ type: 'City', networks }))
    const asnFile = await at('asn', mmdb({ type: 'Asn', builtAt: '2026-01-01', networks }))
    const privacyFile = await at('privacy', Buffer.from('half a download'))
    const checks = await ownDatabases({ cityFile, asnFile, privacyFile }, NOW)
    assert.deepEqual(
      checks.map((it) => [it.state, it.name]),
      [
        ['warn', 'own databases'],
        ['ok', 'geoip.cityFile'],
        ['warn', 'geoip.asnFile'],
      ],
    )
    assert.match(checks[0]!.text, /privacyFile .*cut short/)
    assert.equal(checks[2]!.text, 'of 2026-01-01, 325 days old')
  })

  it('lists: none, fresh, stale, damaged', async () => {
    const feeds = join(folder, 'feeds')
    const states = async () => (await lists(feeds, NOW)).map((it) => `${it.state} ${it.text}`)
    assert.match((await states())[0]!, /^warn none/)
    const root = await tree({ 'list.txt': '198.51.100.1' })
    const add = (name: string, date: string) =>
      importRanges({ folder: feeds, file: join(root, 'list.txt'), class: 'vpn', name, date, now: NOW })
    await add('fresh', '2026-11-01')
    assert.deepEqual(await states(), ['ok 1, none older than 45 days'])
    await add('old', '2026-08-22')
    await writeFile(join(feeds, 'odd.json'), '{')
    const [damaged, stale, ...more] = await states()
    assert.match(damaged!, /^warn .*odd\.json/)
    assert.equal(stale, 'warn old is 92 days old')
    assert.deepEqual(more, [])
  })

  it('rosters that were refused', async () => {
    assert.deepEqual(await inbox(folder), [])
    await tree({ 'inbox/failed/roster-1-a.json': '{}', 'inbox/failed/roster-1-a.json.reason': 'why' })
    assert.deepEqual(
      (await inbox(folder)).map((it) => [it.state, it.text]),
      [['warn', '1 were refused this week']],
    )
  })

  const spool = { unsent: 3, trouble: null }
  const server = 'https://tellwire.example'
  const agents = [
    { name: 'none here', code: 1, out: '', error: 'x [agent.not_enrolled]', folder: null, state: 'ok' },
    {
      name: 'none where one was named',
      code: 1,
      out: '',
      error: 'x [agent.not_enrolled]',
      folder: '/a',
      state: 'warn',
    },
    { name: 'unreadable', code: 1, out: '', error: 'x [config.invalid]', folder: null, state: 'fail' },
    { name: 'no answer', code: null, out: '', error: '', folder: null, state: 'fail' },
    { name: 'another language', code: 0, out: 'running', error: '', folder: null, state: 'fail' },
    { name: 'never started', code: 0, out: '{"running":false,"pid":null}', error: '', folder: null, state: 'warn' },
    {
      name: 'not connected',
      code: 0,
      out: JSON.stringify({ running: true, connected: false, server, trouble: 'refused', spool }),
      error: '',
      folder: null,
      state: 'warn',
    },
    {
      name: 'a full disk',
      code: 0,
      out: JSON.stringify({ running: true, connected: true, server, spool: { unsent: 3, trouble: 'ENOSPC' } }),
      error: '',
      folder: null,
      state: 'fail',
    },
    {
      name: 'connected',
      code: 0,
      out: JSON.stringify({ running: true, connected: true, server, trouble: null, spool }),
      error: '',
      folder: null,
      state: 'ok',
    },
  ]
  for (const { name, folder, state, ...answer } of agents)
    it(`an agent, ${name}: ${state}`, async () => {
      const check = await agent(folder, { agentStatus: async () => answer })
      assert.equal(check.state, state, check.text)
    })
})
