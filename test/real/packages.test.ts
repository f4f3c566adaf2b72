/** The packages, installed: on a Debian with systemd, and by npm in an empty folder. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { AGENT_VERSION } from '../../agent/version.ts'
import { containerRoot } from '../../bin/package/container.ts'
import { npmTree } from '../../bin/package/npm.ts'
import { ROOT } from '../../bin/package/runtimes.ts'
import { writeTree } from '../../bin/package/tree.ts'
import type { Event, EventOf } from '../../wire/event.ts'
import { BINARY, json, type ServerChild, startServer, until } from '../bench/children.ts'
import { build, EPOCH } from './builds.ts'
import { bootLinux, type LinuxMachine, needsLinuxMachine } from './linux-machine.ts'
import { needsCommands } from './needs.ts'

/** For an agent on Debian, whatever starts it. 80,000 in November 2026; a busy machine has a few more processes to know. */
const RESIDENT_KB = 84_000
const run = promisify(execFile)
type Line = { event?: Event }

describe('real runs: packages', function () {
  this.timeout(240_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-packages-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  describe('on Debian with systemd', () => {
    let server: ServerChild
    let machine: LinuxMachine
    let filesBefore: string[]

    before(async function () {
      needsCommands(this, 'dpkg-deb', 'strip', 'unshare', 'nsenter')
      needsLinuxMachine(this)
      const config = join(folder, 'tellwire.yml')
      writeFileSync(config, 'agents: { uninstallToken: true }\n')
      ;[server, machine] = await Promise.all([
        startServer(join(folder, 'server'), {}, ['--config', config]),
        bootLinux(),
      ])
      filesBefore = await files()
    })
    after(async () => {
      await Promise.all([machine?.stop(), server?.stop()])
    })

    /** What is on its disk, without what dpkg and systemd write about any package. */
    async function files(): Promise<string[]> {
      const all = await machine.do('find / -xdev -not -path "/srv/*"')
      return all
        .split('\n')
        .filter((it) => it !== '' && !/^\/var\/(log|cache|lib\/(dpkg|systemd|apt))\//.test(it))
        .sort()
    }
    const word = (name: string) => machine.try(`cat /opt/tellwire/${name}`).then(({ output }) => output.trim())
    async function isReporting(version: string): Promise<boolean> {
      const { output } = await machine.try('tellwire agent status --json')
      const status = JSON.parse(output.startsWith('{') ? output : '{}') as Record<string, unknown>
      return status.running === true && status.version === version && status.connected === true
    }
    const reports = (version: string) =>
      until(
        async () => ((await isReporting(version)) ? true : null),
        60_000,
        () => `version ${version} does not report`,
      )
    const inForce = (version: string) =>
      until(
        async () =>
          (await word('current')) === version && (await machine.try('test -f /opt/tellwire/trial')).code !== 0
            ? true
            : null,
        90_000,
        () => `version ${version} is not in force`,
      )

    it('.deb: installed with a token in a file, it enrolls and reports, within its memory', async () => {
      const { token } = await json<{ token: string }>(
        fetch(`${server.url}/api/v1/enrollment-tokens`, {
          method: 'POST',
          headers: { Cookie: server.cookie, Origin: server.url, 'Content-Type': 'application/json' },
          body: JSON.stringify({ worker: 'w1' }),
        }),
      )
      await machine.do(`dpkg -i ${machine.bring(await build('deb', '0.1.0'))}`)
      await machine.do(`umask 077; echo '${token}' >/etc/tellwire/enrollment`)
      await reports('0.1.0')
      assert.notEqual((await machine.try('test -e /etc/tellwire/enrollment')).code, 0, 'the token is still there')
      const status = await machine.do(
        'grep VmRSS /proc/$(systemctl show -P MainPID tellwire-agent)/status; systemctl is-enabled tellwire-agent',
      )
      const [, kilobytes] = /VmRSS:\s+(\d+) kB\nenabled/.exec(status) ?? []
      assert.ok(Number(kilobytes) <= RESIDENT_KB, `${kilobytes} kB resident`)
    })

    it('its unit leaves it what it needs: no collector is denied anything', async () => {
      const status = JSON.parse(await machine.do('tellwire agent status --json')) as {
        gaps: { about: string; reason: string }[]
      }
      assert.deepEqual(
        status.gaps.filter((it) => it.reason === 'denied'),
        [],
      )
    })

    it('.deb: a newer one takes over when the server has acknowledged a batch of it', async () => {
      await machine.do(`dpkg -i ${machine.bring(await build('deb', '0.1.1'))}`)
      await inForce('0.1.1')
      assert.ok(await isReporting('0.1.1'))
      assert.equal(await word('previous'), '0.1.0.kept')
    })

    it('.deb: one that never reaches the server is rolled back', async () => {
      const unit = 'tellwire-upgrade.service'
      const soon = `[Service]\\nExecStart=\\nExecStart=/opt/tellwire/bin/tellwire agent upgrade --staged --minutes 0.2\\n`
      await machine.do(
        `mkdir -p /run/systemd/system/${unit}.d; printf '${soon}' >/run/systemd/system/${unit}.d/soon.conf`,
      )
      await machine.do(`dpkg -i ${machine.bring(await build('deb', '0.1.2', { isBroken: true }))}`)
      await until(
        async () => ((await word('failed')).includes('0.1.2') ? true : null),
        60_000,
        () => 'the broken version was not given up',
      )
      await inForce('0.1.1.kept')
      await reports('0.1.1')
    })

    it('.tar.gz: refused with a wrong signature, and under another name; nothing is stopped', async () => {
      const good = await build('tar', '0.1.3')
      const file = machine.bring(good)
      const { code, output } = await machine.try(`tellwire agent upgrade ${file}`)
      assert.equal(code, 1)
      assert.match(output, /Its signature cannot be read/)
      machine.bring(`${good}.sig`)
      const other = file.replace('0.1.3', '0.1.4')
      const renamed = await machine.try(
        `cp ${file} ${other}; cp ${file}.sig ${other}.sig; tellwire agent upgrade ${other}`,
      )
      assert.match(renamed.output, /No key that this agent trusts has signed it under this name/)
      assert.ok(await isReporting('0.1.1'))
    })

    it('.tar.gz: with its signature it takes over, and Node is there once', async () => {
      const { output } = await machine.try(`tellwire agent upgrade /srv/${basename(await build('tar', '0.1.3'))}`)
      assert.match(output, /Version 0\.1\.3 is in force\./)
      const links = await machine.do('stat -c %h /opt/tellwire/versions/0.1.3/node')
      assert.ok(Number(links) > 1, `${links} names`)
    })

    /** The agent's words about itself, as the server has them. */
    async function words(): Promise<EventOf<'agent_state'>[]> {
      const args = [BINARY, 'export', '--data-folder', join(folder, 'server')]
      const { stdout } = await run(process.execPath, args, { maxBuffer: 64 * 1_048_576 })
      const events = stdout.split('\n').flatMap((it) => (it === '' ? [] : ((JSON.parse(it) as Line).event ?? [])))
      return events.filter((it) => it.category === 'agent_state')
    }
    const said = (what: string, fits: (it: EventOf<'agent_state'>) => boolean) =>
      until(
        async () => (await words()).find(fits) ?? null,
        90_000,
        () => `it did not say: ${what}`,
      )

    it('stopped while the laptop runs on, killed, and its program changed: it says so', async () => {
      await machine.do('systemctl stop tellwire-agent; sleep 2; systemctl start tellwire-agent')
      await said('stopped', (it) => it.Action === 'started' && (it.StoppedSeconds ?? 0) >= 2 && it.StopReason === null)
      await reports('0.1.3')
      await machine.do('systemctl kill -s KILL tellwire-agent')
      const killed = await said('killed', (it) => it.Action === 'killed_last_time')
      // The service manager waits for five seconds.
      assert.ok((killed.BlindSeconds?.process_creation ?? 0) >= 5, JSON.stringify(killed.BlindSeconds))
      await until(
        async () =>
          (await machine.try('grep -F \'"0.1.3"\' /var/lib/tellwire/agent/own-files.json')).code === 0 ? true : null,
        90_000,
        () => 'it does not look at its own files',
      )
      await machine.do('echo // >>/opt/tellwire/versions/0.1.3/agent.mjs; systemctl restart tellwire-agent')
      await said('changed', (it) => it.Action === 'config_changed' && it.Changed === 'program')
    })

    it('its removal is refused without a token of the server', async () => {
      const { code, output } = await machine.try('dpkg --purge tellwire-agent')
      assert.notEqual(code, 0)
      assert.match(output, /uninstall-token DEVICE/)
      await reports('0.1.3')
      const other = await machine.try('tellwire agent uninstall --token twu1.e30')
      assert.match(other.output, /incomplete or mistyped/)
    })

    it('removed with a token: the server is told, and no file is left', async () => {
      const { device } = JSON.parse(await machine.do('cat /var/lib/tellwire/agent/agent.json')) as { device: string }
      const args = [BINARY, 'laptops', 'uninstall-token', device, '--data-folder', join(folder, 'server')]
      const { stdout: token } = await run(process.execPath, args)
      await machine.do(`umask 077; echo '${token.trim()}' >/etc/tellwire/uninstall; dpkg --purge tellwire-agent`)
      await said('removed', (it) => it.Action === 'stopping' && it.StopReason === 'uninstall')
      const after = await files()
      assert.deepEqual(
        after.filter((it) => !filesBefore.includes(it)),
        [],
      )
      assert.deepEqual(
        // dpkg takes an empty /opt away with the last package in it, after all scripts.
        filesBefore.filter((it) => it !== '/opt' && !after.includes(it)),
        [],
      )
      assert.equal((await machine.try('systemctl cat tellwire-agent')).code, 1)
    })

    it("the container's root: the command runs on a base image, without network", async () => {
      const npm = await npmTree({ version: AGENT_VERSION, bundle: Buffer.from(''), epoch: EPOCH })
      const tree = containerRoot(npm, folder)
      assert.ok(tree)
      writeTree(new Map([...tree].map(([path, it]) => [`image/${path}`, it])), join(machine.root, 'srv/packed'), EPOCH)
      await machine.do('cp -a /srv/packed/image/usr/local/. /usr/local/')
      const output = await machine.do(
        'unshare --net /usr/local/bin/tellwire --version; unshare --net /usr/local/bin/tellwire rules list | wc -l',
      )
      assert.match(output, /^tellwire \d+\.\d+\.\d+\n\d{3}\n$/)
    })
  })

  describe('npm', () => {
    it('installed from its tarball in an empty folder, the command and the server run', async () => {
      const file = await build('npm', AGENT_VERSION)
      const home = join(folder, 'npm')
      mkdirSync(home)
      // What it depends on comes from here instead of a registry; npm checks that it is all there.
      cpSync(join(ROOT, 'node_modules'), join(home, 'node_modules'), { recursive: true, verbatimSymlinks: true })
      writeFileSync(join(home, 'package.json'), '{"name":"somebody","version":"1.0.0"}')
      const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
      await run('npm', ['install', ...flags, file], { cwd: home })
      const { stdout } = await run('npx', ['tellwire', '--help'], { cwd: home })
      assert.match(stdout, /Commands:[\s\S]*server/)
      const child = spawn('npx', ['tellwire', 'server', '--data-folder', join(home, 'data'), '--port', '0'], {
        cwd: home,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      })
      const ended = Promise.all([text(child.stderr), new Promise((resolve) => child.once('exit', resolve))])
      try {
        let printed = ''
        child.stdout.setEncoding('utf8').on('data', (it: string) => (printed += it))
        const [, url] = await until(
          () => /listening on (\S+)/.exec(printed),
          60_000,
          () => `the server does not start:\n${printed}`,
        )
        assert.match(await (await fetch(`${url}/`)).text(), /<script/)
      } finally {
        process.kill(-child.pid!, 'SIGTERM')
        await ended
      }
    })
  })

  describe('reproducible', () => {
    it('the same input makes the same bytes', async () => {
      const first = await build('npm', '0.2.0')
      const second = await build('npm', '0.2.0', { out: join(folder, 'again') })
      assert.ok(readFileSync(first).equals(readFileSync(second)), basename(first))
    })
  })
})
