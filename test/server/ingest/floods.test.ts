/** While strangers and enrolled laptops flood a running server, nobody else is kept out. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deviceOf } from '../../../server/ingest/identity.ts'
import { type ServerChild, startServer, until } from '../../bench/children.ts'
import { enrollAll, type Laptop } from '../../bench/end-to-end.ts'
import { exported, startAttack } from '../../bench/floods.ts'
import type { Counts } from '../../bench/floods-attack.ts'
import { addUser, enrollFrom, signInFrom, USER } from '../../bench/from-address.ts'
import { batch, connect, newLaptopKey, ordinary } from '../../bench/simulated-agent.ts'

const WITHIN_MS = 60_000
/** Fewer than the attack holds open. */
const UNPROVEN_MAX = 64

describe('a flood', function () {
  this.timeout(4 * WITHIN_MS)
  let folder: string
  let honest: Laptop
  let server: ServerChild
  let attack: ReturnType<typeof startAttack>

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-floods-'))
    const [first, ...hostile] = Array.from({ length: 5 }, (_, n): Laptop => {
      const key = newLaptopKey()
      return { device: deviceOf(Buffer.from(key.publicKey, 'base64url')), worker: `w${n}`, key }
    })
    honest = first!
    await enrollAll(folder, [honest, ...hostile])
    const config = join(folder, 'tellwire.yml')
    writeFileSync(config, `listen: { port: 0 }\nlimits: { unproven: ${UNPROVEN_MAX}, unprovenPerNetwork: 8 }\n`)
    server = await startServer(folder, {}, ['--config', config])
    await addUser(server)
    attack = startAttack({
      ...{ url: server.url, silent: 200, unproven: 100, user: USER },
      laptops: hostile.map(exported),
    })
    await until(
      async () => (hasBegun(await attack.report()) ? true : null),
      WITHIN_MS,
      () => 'the attack has not begun',
    )
  })
  after(async () => {
    attack?.stop()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Everything was opened and sent, and refused where there is too much of it. */
  function hasBegun(counts: Counts): boolean {
    const least = (name: string, count: number) => (counts[name] ?? 0) >= count
    return (
      least('silent connections, opened', 200) &&
      least('sockets without a proof, opened', 100) &&
      least('sockets without a proof, server.busy', 1) &&
      least('wrong passwords, 401', 1) &&
      least('frames of hostile laptops', 8) &&
      least('hostile laptops, batch.malformed', 1)
    )
  }

  it("does not keep an honest laptop's events from being acknowledged", async () => {
    const agent = await connect({ url: server.url, device: honest.device, epoch: 1, key: honest.key })
    for (let seq = 1; seq <= 20; seq++) {
      agent.send(batch(1, [ordinary(seq, Date.now())]))
      await agent.acked(seq)
    }
    assert.equal(agent.rejected(), 0)
    agent.close()
  })

  it('does not keep a new laptop from enrolling', () => assert.doesNotReject(enrollFrom(server, '127.0.1.1')))

  it('does not keep the user whose password is guessed from signing in', () =>
    assert.doesNotReject(signInFrom(server, '127.0.2.1')))
})
