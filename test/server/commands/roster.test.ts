/** The roster and feeds commands as processes of their own. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { keepFeedChanges } from '../../../server/addresses/moved.ts'
import { writeServerFile } from '../../../server/roles/server-file.ts'
import { type InboxItem, takeInbox } from '../../../server/roster/inbox.ts'
import { openStore } from '../../../server/store/open.ts'
import { mmdb } from '../addresses/mmdb-writer.ts'

const BINARY = join(import.meta.dirname, '../../../bin/tellwire.js')

function tellwire(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
  const child = spawn(process.execPath, [BINARY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let error = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (error += data))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, error }))
  })
}

describe('the commands that read files', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-command-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }

  /** This process acts as the server: its pid is alive, and it answers the inbox. */
  async function serving(answer: (item: InboxItem) => Promise<void>, signal: AbortSignal): Promise<void> {
    writeServerFile(folder, { pid: process.pid, url: 'http://127.0.0.1:1', publicUrl: 'http://127.0.0.1:1' })
    while (!signal.aborted) {
      for await (const item of takeInbox(join(folder, 'inbox'))) await answer(item)
      await delay(50)
    }
  }

  it('roster import waits for the running server and reports the import', async () => {
    const stop = new AbortController()
    const workers: string[] = []
    const server = serving(async (item) => {
      for await (const { contracts } of item.roster.parts()) workers.push(...contracts.map((it) => it.worker))
      await item.done()
    }, stop.signal)
    const roster = await file('r.csv', 'worker,country,device\nw1,US,d1\nw2,DE,\n')
    const { code, out } = await tellwire('roster', 'import', roster, '--data-folder', folder)
    stop.abort()
    await server
    assert.deepEqual([code, workers], [0, ['w1', 'w2']])
    assert.match(out, /contracts 2, laptops 1: imported/)
  })

  it('roster import reports why the server refused', async () => {
    const stop = new AbortController()
    const server = serving((item) => item.fail('the disk is full'), stop.signal)
    const { code, error } = await tellwire(
      'roster',
      'import',
      await file('r.csv', 'worker\nw1\n'),
      '--data-folder',
      folder,
    )
    stop.abort()
    await server
    assert.equal(code, 1)
    assert.match(error, /The server refused it: the disk is full\.? \[roster\.invalid\]/)
  })

  it('roster import without a server leaves it for the next start; bad rows are reported, with exit code 1', async () => {
    const roster = await file('r.csv', 'worker,country\nw1,US\nw2,Germny\n')
    const { code, out, error } = await tellwire('roster', 'import', roster, '--data-folder', folder)
    assert.equal(code, 1)
    assert.match(out, /contracts 1, laptops 0: no server is running/)
    assert.match(error, /r\.csv:3: country: 'Germny' is not a country; did you mean DE\?/)
    assert.equal((await readdir(join(folder, 'inbox'))).length, 1)
  })

  it('roster import names keys that nothing reads, and what was probably meant', async () => {
    const tools = [{ tool: 'ScreenConnect', tennant: 'acme' }]
    const path = await file('misspelt.json', JSON.stringify([{ worker: 'w1', approvedTools: tools, costCentre: 7 }]))
    const { code, error } = await tellwire('roster', 'import', path, '--dry-run', '--data-folder', folder)
    assert.equal(code, 0, error)
    assert.deepEqual(error.trim().split('\n'), [
      'warning: contract.approvedTools.tennant is a key that nothing reads (1 record); did you mean tenant?',
      'warning: contract.costCentre is a key that nothing reads (1 record).',
    ])
  })

  it('roster import --dry-run writes nothing', async () => {
    const { code, out } = await tellwire(
      'roster',
      'import',
      await file('r.json', '[{"worker":"w1"}]'),
      '--dry-run',
      '--json',
      '--data-folder',
      folder,
    )
    assert.deepEqual(
      [code, JSON.parse(out)],
      [0, { state: 'dry-run', contracts: 1, devices: 0, omitted: 0, problems: [] }],
    )
    assert.deepEqual(await readdir(folder), ['r.json'])
  })

  it('feeds import, list and remove', async () => {
    const feeds = async (...args: string[]) => tellwire('feeds', ...args, '--data-folder', folder)
    const list = await file('Exits 2026.txt', '198.51.100.0/24\n2001:db8::/32\n')
    assert.equal((await feeds('import', list, '--class', 'vpn', '--date', '2020-01-01')).code, 0)
    const { code, out } = await feeds('list', '--json')
    const [found] = JSON.parse(out).lists
    assert.deepEqual([code, found.name, found.class, found.entries, found.stale], [0, 'exits-2026', 'vpn', 2, true])
    assert.match((await feeds('list')).out, /exits-2026 +vpn +2 +2020-01-01 .*stale/)
    assert.equal((await feeds('remove', 'exits-2026')).code, 0)
    assert.match((await feeds('list')).out, /No lists/)
    assert.equal((await feeds('remove', 'exits-2026')).code, 1)
  })

  it('feeds list shows databases with their age, moved networks, and unusable files', async () => {
    await file('server.yml', 'dataFolder: data\ngeoip: { cityFile: city.mmdb, asnFile: asn.mmdb }\n')
    const networks = { '8.8.8.0/24': { country: 'US' } }
    await writeFile(join(folder, 'city.mmdb'), mmdb({ type: 'Own-City', builtAt: '2020-01-01', networks }))
    await file('asn.mmdb', 'half a download')
    const store = await openStore({ engine: 'sqlite', folder: join(folder, 'data') }, { run: 'inline' })
    const until = Date.now() + 86_400_000
    const change = { edition: 'Own-City 2020-01-01', asn: 64500, from: 'US', to: 'DE', networks: 4, since: 1e12, until }
    await keepFeedChanges(store, [change])
    await store.close()
    const list = (...args: string[]) => tellwire('feeds', 'list', '--config', join(folder, 'server.yml'), ...args)
    const { code, out, error } = await list()
    assert.equal(code, 1)
    assert.match(out, /Own-City +database +2020-01-01 .*stale/)
    assert.match(out, /catalogue +catalogue +20\d\d-\d\d-\d\d/)
    assert.match(error, /geoip\.asnFile \(.*asn\.mmdb\): .*cut short/)
    assert.match(error, /Own-City 2020-01-01 put 4 networks of AS64500 elsewhere/)
    const listed = JSON.parse((await list('--json')).out)
    assert.deepEqual([listed.databases[0].name, listed.databases[0].stale], ['Own-City', true])
    assert.deepEqual([listed.changes, listed.problems.length, listed.lists], [[change], 1, []])
  })

  const wrong = [
    { name: 'an unknown class', args: ['feeds', 'import', 'x.txt', '--class', 'bad'], code: 2 },
    { name: 'no class', args: ['feeds', 'import', 'x.txt'], code: 2 },
    { name: 'no file', args: ['roster', 'import'], code: 2 },
    { name: 'a missing file', args: ['roster', 'import', 'nothing.csv'], code: 1 },
    { name: 'a missing list', args: ['feeds', 'import', 'nothing.txt', '--class', 'vpn'], code: 1 },
    { name: 'a name that is a path', args: ['feeds', 'import', BINARY, '--class', 'vpn', '--name', '../x'], code: 2 },
  ]
  for (const { name, args, code } of wrong)
    it(`${name}: exit code ${code}, and one line of error`, async () => {
      const result = await tellwire(...args, '--data-folder', folder)
      assert.equal(result.code, code, result.error)
      assert.match(result.error, /^tellwire: /)
      assert.deepEqual(await readdir(folder), [])
    })
})
