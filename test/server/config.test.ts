import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig, ourNames } from '../../server/config.ts'
import { Fault } from '../../wire/fault.ts'

describe('configuration', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-config-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const load = (yaml: string, env: Record<string, string> = {}, flags: Record<string, unknown> = {}) => {
    const file = join(folder, 'server.yml')
    writeFileSync(file, yaml)
    return loadConfig({ file, env, flags })
  }

  it('needs no file', () => {
    const config = loadConfig({ env: {} })
    assert.equal(config.dataFolder, join(homedir(), '.local', 'share', 'tellwire'))
    assert.equal(config.feedsFolder, join(config.dataFolder, 'feeds'))
    assert.deepEqual([config.listen.host, config.tls, config.log.level], ['127.0.0.1', null, 'info'])
    assert.equal(loadConfig({ env: { XDG_DATA_HOME: '/data' } }).dataFolder, '/data/tellwire')
  })

  it('prefers flags to the environment, the environment to the file, and the file to defaults', () => {
    const yaml = 'listen: { port: 1001, host: localhost }\nretentionDays: 5\nlimits: { sessions: 7 }'
    const config = load(
      yaml,
      { TELLWIRE_LISTEN_PORT: '1002', TELLWIRE_RETENTION_DAYS: '6' },
      { 'listen.port': 1003, retentionDays: undefined },
    )
    assert.deepEqual([config.listen, config.retentionDays], [{ host: 'localhost', port: 1003 }, 6])
    assert.deepEqual([config.limits.sessions, config.limits.unproven], [7, 1_000])
  })

  it('gives our repositories to the deriver that needs them, beside its own thresholds', () => {
    const ours = 'ourRepositories: [{ host: git.acme.example }, { host: github.com, namespace: acme }]'
    const found = (yaml: string) => (load(yaml).thresholds as Record<string, unknown>).code_destination
    const known = { learntFrom: 3, learntShare: 0.1 }
    assert.deepEqual(found(ours), { ours: ['git.acme.example', 'github.com/acme'], ...known })
    assert.deepEqual(found(`${ours}\nthresholds: { code_destination: { ours: [gitlab.com/acme] } }`), {
      ...{ ours: ['gitlab.com/acme', 'git.acme.example', 'github.com/acme'], ...known },
    })
    assert.deepEqual(found('retentionDays: 5'), { ours: [], ...known })
  })

  it('reads lists and null from the environment, and paths relative to the file', () => {
    const config = load('rulesFolders: [rules, /abs]\ndataFolder: data', {
      TELLWIRE_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      TELLWIRE_PUBLIC_URL: 'null',
    })
    assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1'])
    assert.deepEqual(
      [config.publicUrl, config.dataFolder, config.rulesFolders],
      [null, join(folder, 'data'), [join(folder, 'rules'), '/abs']],
    )
  })

  for (const [text, value] of [
    ['true', true],
    ['False', false],
  ] as const)
    it(`takes a switch from a variable: ${text}`, () =>
      assert.equal(load('agents: {}', { TELLWIRE_AGENTS_UNINSTALL_TOKEN: text }).agents.uninstallToken, value))

  it('refuses another word for a switch, and names the variable', () =>
    assert.throws(() => load('', { TELLWIRE_AGENTS_UNINSTALL_TOKEN: 'yes' }), {
      code: 'config.invalid',
      where: 'TELLWIRE_AGENTS_UNINSTALL_TOKEN agents.uninstallToken',
    }))

  it("finds the user's own address databases beside the file", () => {
    assert.deepEqual(loadConfig({ env: {} }).geoip, { cityFile: null, asnFile: null, privacyFile: null })
    const config = load('geoip: { cityFile: city.mmdb }', { TELLWIRE_GEOIP_ASN_FILE: '/geo/asn.mmdb' })
    const asnFile = '/geo/asn.mmdb'
    assert.deepEqual(config.geoip, { cityFile: join(folder, 'city.mmdb'), asnFile, privacyFile: null })
  })

  it('lists every host name of the server', () => {
    const names = ourNames(load('publicUrl: https://tellwire.example:8443/x\nhostNames: [other.example]'))
    assert.deepEqual(names, ['localhost', '127.0.0.1', '::1', hostname(), 'tellwire.example', 'other.example'])
  })

  const refused: {
    what: string
    yaml: string
    env?: Record<string, string>
    code?: string
    where: RegExp
    detail: RegExp
  }[] = [
    {
      what: 'a misspelt key',
      yaml: 'dataFolder: x\nretentionDay: 3',
      where: /server\.yml:2:1 retentionDay$/,
      detail: /Did you mean 'retentionDays'\?/,
    },
    {
      what: 'a misspelt inner key',
      yaml: 'listen:\n  prot: 3',
      where: /server\.yml:2:3 listen\.prot$/,
      detail: /Did you mean 'port'\?/,
    },
    {
      what: 'a key in British spelling',
      yaml: 'limits:\n  enrolmentsPerMinute: 3',
      where: /server\.yml:2:3 limits\.enrolmentsPerMinute$/,
      detail: /^There is no such key\. Did you mean 'enrollmentsPerMinute'\?$/,
    },
    {
      what: 'an unknown key',
      yaml: 'frobnicate: 3',
      where: /server\.yml:1:1 frobnicate$/,
      detail: /Use one of: dataFolder, listen/,
    },
    {
      what: 'a wrong value',
      yaml: 'listen: { host: localhost, port: 70000 }',
      where: /server\.yml:1:28 listen\.port$/,
      detail: /65535/,
    },
    {
      what: 'a wrong entry of a list',
      yaml: 'trustedProxies:\n  - ::1\n  - nonsense',
      where: /server\.yml:3:5 trustedProxies\.1$/,
      detail: /an address or a range/,
    },
    {
      what: 'half a certificate',
      yaml: 'tls:\n  certFile: a.pem',
      where: /server\.yml:1:6 tls\.keyFile$|server\.yml:2:3 tls\.keyFile$/,
      detail: /expected string/,
    },
    { what: 'not YAML', yaml: 'listen: [', where: /server\.yml:1:10$/, detail: /./ },
    { what: 'a key twice', yaml: 'retentionDays: 3\nretentionDays: 4', where: /server\.yml:2:1$/, detail: /unique/ },
    { what: 'a list', yaml: '- a', where: /server\.yml:1:1$/, detail: /map/ },
    {
      what: 'aliases that expand without bound',
      yaml: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replace(/./g, (it) => `${it}: &${it} [${Array(9).fill(`*${String.fromCharCode(it.charCodeAt(0) - 1)}`)}]\n`)}`,
      where: /server\.yml/,
      detail: /alias/i,
    },
    {
      what: 'a variable of the wrong kind',
      yaml: '',
      env: { TELLWIRE_LISTEN_PORT: 'http' },
      where: /^TELLWIRE_LISTEN_PORT listen\.port$/,
      detail: /expected number/,
    },
    {
      what: 'a misspelt variable',
      yaml: '',
      env: { TELLWIRE_RETENTION_DAY: '3' },
      where: /^TELLWIRE_RETENTION_DAY$/,
      detail: /TELLWIRE_RETENTION_DAYS/,
    },
    {
      what: 'an address beyond loopback without TLS',
      yaml: 'listen:\n  host: 0.0.0.0',
      code: 'server.plain',
      where: /server\.yml:2:3$/,
      detail: /certFile/,
    },
  ]
  for (const { what, yaml, env, code = 'config.invalid', where, detail } of refused)
    it(`refuses ${what}`, () => {
      const fault = faultOf(() => load(yaml, env))
      assert.equal(fault.code, code)
      assert.match(fault.where ?? '', where)
      assert.match(fault.detail ?? '', detail)
    })

  it('refuses a missing file', () => {
    const fault = faultOf(() => loadConfig({ file: join(folder, 'no.yml'), env: {} }))
    assert.deepEqual([fault.code, fault.where], ['config.invalid', join(folder, 'no.yml')])
  })

  it('accepts other hosts with TLS, and ignores the variables of other programs', () => {
    const yaml = 'listen: { host: 0.0.0.0 }\ntls: { certFile: a.pem, keyFile: b.pem }'
    assert.deepEqual(load(yaml, { TELLWIRE_AGENT_FOLDER: 'x' }).tls, {
      certFile: join(folder, 'a.pem'),
      keyFile: join(folder, 'b.pem'),
    })
  })
})

function faultOf(act: () => unknown): Fault {
  try {
    act()
  } catch (cause) {
    if (cause instanceof Fault) return cause
    throw cause
  }
  throw new Error('nothing was refused')
}
