/** A laptop whose user puts the server's name into the hosts file, and takes it out again. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentPaths } from '../../agent/config.ts'
import { removeFolder, temporaryFolder, until } from '../agent/laptop.ts'
import { needsLinux } from '../agent/needs-linux.ts'
import { type TestServer, testServer } from '../agent/server.ts'
import { needsCommands, needsPermission } from './needs.ts'

const NAME = 'tellwire.test'

describe("real runs: a server's name in the hosts file", function () {
  this.timeout(120_000)
  let folder: string
  let server: TestServer
  let agent: ChildProcess | null = null

  before(async function () {
    needsLinux(this)
    needsCommands(this, 'unshare')
    needsPermission(this, 'unshare -m mount -t tmpfs tmpfs /mnt')
    folder = temporaryFolder()
    server = await testServer()
    server.url = server.url.replace('127.0.0.1', NAME)
    server.enroll(join(folder, 'agent'))
  })
  after(async () => {
    agent?.kill('SIGKILL')
    await server?.close()
    if (folder) removeFolder(folder)
  })

  const hosts = () => join(folder, 'hosts')
  /** In the file that is there: another one would not be mounted. */
  const points = (address: string) => writeFileSync(hosts(), `${address} ${NAME}\n`)
  const cutOffs = () =>
    server.batches
      .flatMap((it) => it.events)
      .flatMap((it) => (it.category === 'agent_state' && it.Action === 'cut_off' ? [it] : []))
  function isInSpool(): boolean {
    const { spool } = agentPaths(join(folder, 'agent'))
    return readdirSync(spool).some((it) => readFileSync(join(spool, it), 'latin1').includes('"cut_off"'))
  }

  it('is told as what it is, with what was seen meanwhile, once the server is reached again', async () => {
    points('127.0.0.1')
    const mounted = 'mount --bind "$0" /etc/hosts && exec "$@"'
    const command = [process.execPath, join(import.meta.dirname, 'cut-off-child.ts'), join(folder, 'agent')]
    agent = spawn('unshare', ['-m', 'sh', '-c', mounted, hosts(), ...command], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    await until(() => server.batches.length > 0, 'it reports', 30_000)
    // A look later it knows that this is how the name was when it reached the server.
    const batches = server.batches.length
    await until(() => server.batches.length > batches + 12, 'it goes on reporting', 30_000)
    points('127.0.0.9')
    for (const { socket } of server.peers) socket.terminate()
    await until(isInSpool, 'it notices', 40_000)
    assert.deepEqual(cutOffs(), [])
    points('127.0.0.1')
    await until(() => cutOffs().length >= 2, 'it says so', 30_000)
    assert.equal(cutOffs()[0]!.CutOffBy, 'hosts_file')
    assert.equal(cutOffs().at(-1)!.CutOffBy, 'hosts_file', 'when it is over, too')
  })
})
