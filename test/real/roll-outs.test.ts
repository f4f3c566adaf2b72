/** One laptop from its group to its end: policy, ring, halt, share and uninstall token, on a Debian with systemd. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Laptop, LaptopPage } from '../../server/views/schema.ts'
import { BINARY, json, type ServerChild, startServer, until } from '../bench/children.ts'
import { build } from './builds.ts'
import { bootLinux, type LinuxMachine, needsLinuxMachine } from './linux-machine.ts'
import { needsCommands } from './needs.ts'

const CONTACT = 'The works council, rat@example.org'

describe('real runs: policy and roll-outs', function () {
  this.timeout(300_000)
  let folder: string
  let server: ServerChild
  let machine: LinuxMachine
  let device: string

  before(async function () {
    needsCommands(this, 'dpkg-deb', 'strip', 'unshare', 'nsenter')
    needsLinuxMachine(this)
    folder = mkdtempSync(join(tmpdir(), 'tellwire-roll-outs-'))
    configure({ canary: 100 })
    ;[server, machine] = await Promise.all([
      startServer(join(folder, 'server'), {}, ['--config', configFile()]),
      bootLinux(),
    ])
  })
  after(async () => {
    await Promise.all([machine?.stop(), server?.stop()])
    rmSync(folder, { recursive: true, force: true })
  })

  const configFile = () => join(folder, 'tellwire.yml')
  /** `shares`: percent of a ring. The running server follows. */
  function configure(shares: Record<string, number>): void {
    const early = { ring: 'canary', contact: CONTACT, collection: { off: ['egress'], on: [] }, slower: { software: 2 } }
    const agents = {
      ...{ versions: { canary: '0.1.9', default: '0.1.0' }, shares, haltAfter: 1, uninstallToken: true },
      groups: { early },
    }
    // JSON is YAML.
    writeFileSync(configFile(), JSON.stringify({ agents }))
  }
  const post = (path: string, body: object) =>
    fetch(`${server.url}/api/v1${path}`, {
      method: 'POST',
      headers: { Cookie: server.cookie, Origin: server.url, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  async function tellwire(...args: string[]): Promise<string> {
    const data = ['--data-folder', join(folder, 'server'), '--config', configFile()]
    return (await promisify(execFile)(process.execPath, [BINARY, ...args, ...data])).stdout
  }
  const laptop = () => server.get<Laptop>(`/laptops/${device}`)
  const word = (name: string) => machine.try(`cat /opt/tellwire/${name}`).then(({ output }) => output.trim())
  async function status(): Promise<Record<string, unknown>> {
    const { output } = await machine.try('tellwire agent status --json')
    return JSON.parse(output.startsWith('{') ? output : '{}')
  }
  const eventually = (what: string, is: () => Promise<boolean>, withinMs = 90_000) =>
    until(
      async () => ((await is()) ? true : null),
      withinMs,
      () => `not within ${withinMs} ms: ${what}`,
    )
  const inForce = (version: string) =>
    eventually(`version ${version} is in force`, async () => {
      const isTried = (await machine.try('test -f /opt/tellwire/trial')).code === 0
      return !isTried && (await word('current')) === version && (await status()).connected === true
    })
  const install = async (version: string, isBroken = false) =>
    machine.do(`dpkg -i ${machine.bring(await build('deb', version, { isBroken }))}`)
  /** Why the staged version is not taken. */
  const waiting = async () => (await machine.do('tellwire agent upgrade --staged')).trim()

  it('enrolled without a group, it has the policy of the company', async () => {
    await install('0.1.0')
    const { token } = await json<{ token: string }>(post('/enrollment-tokens', { worker: 'w1' }))
    await machine.do(`umask 077; echo '${token}' >/etc/tellwire/enrollment`)
    await inForce('0.1.0')
    device = String((await status()).device)
    const known = async () => (await server.get<LaptopPage>('/laptops')).laptops[0]
    await eventually('the server knows its policy', async () => {
      const policy = (await known())?.policy
      return policy?.version === policy?.wanted
    })
    assert.deepEqual([(await known())?.group, (await laptop()).policy.trouble], [null, null])
  })

  it('a version above its ring waits, and says for what', async () => {
    await install('0.1.1')
    assert.match(await waiting(), /The policy allows ring 'default' versions up to 0\.1\.0\./)
    assert.equal(await word('staged'), '0.1.1')
  })

  it('moved to a group, it gets its policy while it runs, and then takes the version of its ring', async () => {
    const before = await status()
    assert.equal((await post(`/laptops/${device}/group`, { group: 'nobody' })).status, 400)
    assert.equal((await post(`/laptops/${device}/group`, { group: 'early' })).status, 200)
    await eventually('the group’s policy is on trial', async () =>
      (await machine.try('tellwire agent show --json')).output.includes(CONTACT),
    )
    assert.equal((await status()).startedAt, before.startedAt)
    await inForce('0.1.1')
    const { group, policy, coverage } = await laptop()
    assert.deepEqual([group, policy.trouble, policy.version === policy.wanted], ['early', null, true])
    assert.equal(coverage.find((it) => it.category === 'egress')?.state, 'off')
  })

  it("the laptop's page says so, in the language of the browser", async () => {
    const page = String((await status()).page)
    assert.match(page, /^http:\/\/127\.0\.0\.1:\d+\/$/)
    const german = await (await fetch(page, { headers: { 'Accept-Language': 'de' } })).text()
    assert.ok(german.includes(CONTACT))
    assert.match(german, /für die Gruppe „early“/)
    assert.match(german, /Von Ihrem Unternehmen ausgeschaltet\./)
    assert.equal((await fetch(page, { method: 'POST' })).status, 405)
    const shown = await machine.do('LANG=fr_FR.UTF-8 tellwire agent show')
    assert.match(shown, /À qui vous adresser:\n {2}The works council/)
  })

  it('a version that had to go back is halted on the server, and refused on the laptop', async () => {
    const unit = 'tellwire-upgrade.service'
    const soon = `[Service]\\nExecStart=\\nExecStart=/opt/tellwire/bin/tellwire agent upgrade --staged --minutes 0.2\\n`
    await machine.do(
      `mkdir -p /run/systemd/system/${unit}.d; printf '${soon}' >/run/systemd/system/${unit}.d/soon.conf`,
    )
    await install('0.1.2', true)
    await eventually('it is halted', async () => (await tellwire('laptops', 'roll-outs', '--json')).includes('0.1.2'))
    const [rollOut] = JSON.parse(await tellwire('laptops', 'roll-outs', '--json'))
    assert.equal(rollOut.failures[0].device, device)
    assert.match(rollOut.failures[0].why, /has acknowledged nothing of it/)
    assert.notEqual(rollOut.haltedAt, null)
    await inForce('0.1.1.kept')
    await eventually('the laptop has the policy', async () => {
      const { version, wanted } = (await laptop()).policy
      return version === wanted && (await machine.do('cat /var/lib/tellwire/agent/policy.json')).includes('halted')
    })
    await install('0.1.2')
    assert.match(await waiting(), /The policy has halted this version/)
  })

  it('resumed by somebody, it takes a repaired one', async () => {
    await tellwire('laptops', 'resume', '0.1.2')
    await inForce('0.1.2')
  })

  it('outside the share of its ring it waits, and follows when the share grows', async () => {
    configure({ canary: 0 })
    await eventually('no share', async () =>
      (await machine.do('cat /var/lib/tellwire/agent/policy.json')).includes('canary\\":0'),
    )
    await install('0.1.3')
    assert.match(await waiting(), /allows it to 0 % of ring 'canary', and this laptop is not among them yet/)
    configure({ canary: 100 })
    await inForce('0.1.3')
  })

  it('is not removed without a token, nor with one that is forged, of another laptop, or too old', async () => {
    const real = (await tellwire('laptops', 'uninstall-token', device)).trim()
    const content = JSON.parse(Buffer.from(real.slice(5), 'base64url').toString())
    const forged = (change: object) =>
      `twu1.${Buffer.from(JSON.stringify({ ...content, ...change })).toString('base64url')}`
    assert.match((await machine.try('dpkg --purge tellwire-agent')).output, /There is none\./)
    for (const [token, why] of [
      ['twu1.x', /incomplete or mistyped/],
      [forged({ until: content.until + 1 }), /did not make it for this laptop/],
      [forged({ device: 'd-00000000000000000000' }), /did not make it for this laptop/],
      [
        (await tellwire('laptops', 'uninstall-token', device, '--hours', '0.1')).trim().slice(0, -4),
        /incomplete|did not/,
      ],
    ] as const) {
      const { code, output } = await machine.try(`tellwire agent uninstall --token ${token}`)
      assert.equal(code, 1, output)
      assert.match(output, why)
    }
    assert.equal((await status()).connected, true)
  })

  it('with its token it is removed, and the server is told why', async () => {
    const token = (await tellwire('laptops', 'uninstall-token', device)).trim()
    await machine.do(`umask 077; echo '${token}' >/etc/tellwire/uninstall; dpkg --purge tellwire-agent`)
    assert.equal(
      (await machine.try('test -e /opt/tellwire || test -e /var/lib/tellwire || test -e /etc/tellwire')).code,
      1,
    )
    const log = await tellwire('export')
    const last = log
      .trim()
      .split('\n')
      .map((it) => JSON.parse(it))
      .findLast((it) => it.event?.Action === 'stopping')
    assert.deepEqual([last.device, last.event.StopReason], [device, 'uninstall'])
    const actions = (await server.get<{ action: string; about: string }[]>('/audit')).map((it) => it.action)
    for (const it of ['laptop.group', 'roll-out.resumed', 'uninstall.token']) assert.ok(actions.includes(it), it)
  })
})
