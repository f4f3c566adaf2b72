/** `tellwire server` when it cannot start: one line of error, the right exit code, and no process left. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { urlOf } from '../../../server/roles/http.ts'
import { openSqliteStore } from '../../../server/store/sqlite/store.ts'
import { openTelemetry } from '../../../server/store/sqlite/telemetry.ts'
import { BINARY } from '../../bench/children.ts'

const TLS_CERT = fileURLToPath(new URL('../../fixtures/tls.crt', import.meta.url))
const TLS_KEY = fileURLToPath(new URL('../../fixtures/tls.key', import.meta.url))
const DAMAGE: Record<string, (file: string) => void> = {
  damaged: (file) => writeFileSync(file, 'not a database at all, but long enough to be taken for one'.repeat(100)),
  newer: (file) => {
    const db = new DatabaseSync(file)
    db.exec('pragma user_version = 9999')
    db.close()
  },
}

function ended(args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [BINARY, 'server', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const killed = setTimeout(() => child.kill('SIGKILL'), 60_000)
  let text = ''
  child.stderr.on('data', (it) => {
    text += it
  })
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearTimeout(killed)
      resolve({ code, text })
    }),
  )
}

describe('the address that the server prints', () => {
  for (const { host, tls, is } of [
    { host: '127.0.0.1', tls: null, is: 'http://127.0.0.1:8740' },
    { host: '0.0.0.0', tls: { certFile: 'a', keyFile: 'b' }, is: 'https://localhost:8740' },
    { host: '::', tls: { certFile: 'a', keyFile: 'b' }, is: 'https://localhost:8740' },
    { host: '::1', tls: null, is: 'http://[::1]:8740' },
  ])
    it(`${host}: can be opened`, () => assert.equal(urlOf({ tls, listen: { host, port: 0 } }, 8_740), is))
})

describe('tellwire server, where it cannot start', function () {
  this.timeout(180_000)
  let folder: string
  let taken: Server
  let port: number

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-server-'))
    taken = createServer()
    port = await new Promise((resolve) =>
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
    )
    writeFileSync(join(folder, 'typo.yml'), 'listen:\n  hots: 127.0.0.1\n')
    writeFileSync(join(folder, 'rules.yml'), 'rulesFolders: [nowhere]\n')
    writeFileSync(join(folder, 'open.yml'), 'listen: { host: 0.0.0.0 }\n')
    writeFileSync(join(folder, 'value.yml'), 'retentionDays: long\n')
    writeFileSync(join(folder, 'not-yaml.yml'), 'listen: {\n')
    writeFileSync(join(folder, 'file'), '')
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    writeFileSync(join(folder, 'other.key'), other.export({ type: 'pkcs8', format: 'pem' }))
    const tls = (name: string, cert: string, key: string) =>
      writeFileSync(join(folder, name), `tls: { certFile: ${cert}, keyFile: ${key} }\n`)
    tls('no-tls.yml', 'none.crt', TLS_KEY)
    tls('mixed-tls.yml', TLS_CERT, join(folder, 'other.key'))
    tls('no-pem.yml', join(folder, 'file'), TLS_KEY)
    tls('folder-tls.yml', folder, TLS_KEY)
    for (const [name, damage] of Object.entries(DAMAGE)) {
      const log = await openTelemetry({ folder: join(folder, name) })
      await log.close()
      damage(join(folder, name, 'telemetry.db'))
    }
    // Both fail when the server listens already, as on a full disk.
    mkdirSync(join(folder, 'folder-file', 'server.json'), { recursive: true })
    mkdirSync(join(folder, 'no-audit'))
    await (await openSqliteStore({ folder: join(folder, 'no-audit') })).close()
    const db = new DatabaseSync(join(folder, 'no-audit', 'state.db'))
    db.exec('drop table audit')
    db.close()
  })
  after(() => {
    taken.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const cases: { name: string; args: () => string[]; says: RegExp }[] = [
    { name: 'a port that is taken', args: () => ['--port', String(port)], says: /\[server\.port\]/ },
    {
      name: 'a misspelt key, with line, column and the right one',
      args: () => ['--config', join(folder, 'typo.yml')],
      says: /typo\.yml:2:3.*'host'.*\[config\.invalid\]/,
    },
    {
      name: 'a missing folder of rules',
      args: () => ['--config', join(folder, 'rules.yml')],
      says: /nowhere.*\[rule\.invalid\]/,
    },
    {
      name: 'open to others without TLS',
      args: () => ['--config', join(folder, 'open.yml')],
      says: /\[server\.plain\]/,
    },
    {
      name: 'a missing configuration file',
      args: () => ['--config', join(folder, 'none.yml')],
      says: /none\.yml.*\[config\.invalid\]/,
    },
  ]
  const config = (name: string) => () => ['--config', join(folder, name)]
  const inFolder = (name: string) => () => ['--port', '0', '--data-folder', join(folder, name)]
  cases.push(
    { name: 'a value of the wrong type', args: config('value.yml'), says: /value\.yml:1:1 retentionDays.*number/ },
    {
      name: 'a file that is not YAML',
      args: config('not-yaml.yml'),
      says: /not-yaml\.yml:\d+:\d+.*\[config\.invalid\]/,
    },
    { name: 'a missing certificate', args: config('no-tls.yml'), says: /tls\.certFile .*none\.crt.*ENOENT/ },
    { name: 'a folder as certificate', args: config('folder-tls.yml'), says: /tls\.certFile .*not a regular file/ },
    { name: 'a certificate that is not PEM', args: config('no-pem.yml'), says: /tls .*not a PEM certificate/ },
    {
      name: 'a key of another certificate',
      args: config('mixed-tls.yml'),
      says: /tls .*mismatch.*\[config\.invalid\]/,
    },
    {
      name: 'a data folder that is a file',
      args: inFolder('file'),
      says: /file: .*not a folder.*\[store\.unwritable\]/,
    },
    { name: 'a data folder below a file', args: inFolder('file/data'), says: /not a folder.*\[store\.unwritable\]/ },
    { name: 'a damaged database', args: inFolder('damaged'), says: /telemetry\.db.*\[store\.damaged\]/ },
    {
      name: 'a server.json that is a folder',
      args: inFolder('folder-file'),
      says: /server\.json.*EISDIR.*\[store\.unwritable\]/,
    },
    { name: 'a database of a newer version', args: inFolder('newer'), says: /\[store\.newer\]/ },
  )
  if (process.platform === 'linux')
    cases.push({
      name: 'a data folder that cannot be made',
      args: () => ['--port', '0', '--data-folder', '/proc/tellwire'],
      says: /\/proc\/tellwire: .*\[store\.unwritable\]/,
    })
  for (const { name, args, says } of cases)
    it(name, async () => {
      const given = args()
      const more = given.includes('--data-folder') ? [] : ['--data-folder', join(folder, 'data')]
      const { code, text } = await ended([...given, ...more])
      assert.match(text, says)
      assert.match(text, /^tellwire: [^\n]+ \[[a-z]+\.[a-z_]+\]\n$/)
      assert.equal(code, 1)
    })

  for (const port of ['x', '65536', '-1', '1.5'])
    it(`a port that is none: ${port}`, async () => {
      const { code, text } = await ended([`--port=${port}`, '--data-folder', join(folder, 'data')])
      assert.match(text, /--port .*0 to 65535.*\[usage\]/)
      assert.equal(code, 2)
    })

  it('a data folder that another server uses', async () => {
    const log = await openTelemetry({ folder: join(folder, 'used') })
    try {
      const { code, text } = await ended(['--port', '0', '--data-folder', join(folder, 'used')])
      assert.match(text, /used: .*\[server\.running\]/)
      assert.equal(code, 1)
    } finally {
      await log.close()
    }
  })

  it('a state in which no link can be made, when it listens already', async () => {
    const { code, text } = await ended(['--port', '0', '--data-folder', join(folder, 'no-audit')])
    assert.match(text, /^tellwire: .*state\.db.*\[store\.unwritable\]$/m)
    assert.equal(code, 1)
  })

  it('an option that does not exist ends with 2', async () => {
    const { code, text } = await ended(['--prot', '1'])
    assert.match(text, /--prot.*--port/)
    assert.equal(code, 2)
  })
})
