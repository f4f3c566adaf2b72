import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Collector } from '../../agent/collect.ts'
import { agentPaths, readJson } from '../../agent/config.ts'
import { thisSystem } from '../../agent/host/systems.ts'
import { sayGoodbye, sayUpgradeFailed } from '../../agent/install/goodbye.ts'
import { lockHolder } from '../../agent/lock.ts'
import { lastPolicy } from '../../agent/policy.ts'
import { run } from '../../agent/run.ts'
import { lastSent } from '../../agent/spool/sent.ts'
import { Status } from '../../agent/status.ts'
import { TIMING } from '../../agent/uplink/uplink.ts'
import { Event } from '../../wire/event.ts'
import { Fault } from '../../wire/fault.ts'
import { connectionTo, gapsIn, removeFolder, temporaryFolder, until } from './laptop.ts'
import { POLICY, type TestServer, testServer } from './server.ts'

const QUICK = { ...TIMING, backoff: { baseMs: 5, capMs: 50 } }

describe('agent/run', () => {
  let folder = ''
  let server: TestServer
  let onHello: TestServer['behaviour']['onHello']
  let stops: (() => Promise<void>)[]
  beforeEach(async () => {
    folder = temporaryFolder()
    server = await testServer()
    ;({ onHello } = server.behaviour)
    server.enroll(folder)
    stops = []
  })
  afterEach(async () => {
    for (const stop of stops) await stop()
    await server.close()
    removeFolder(folder)
  })

  const received = () => server.batches.flatMap((batch) => batch.events)
  const actions = () => received().flatMap((it) => (it.category === 'agent_state' ? [it.Action] : []))

  /** Yields two events and waits. `started` gets the categories that are off, at each start. */
  function collector(started: string[][] = []): Collector {
    return {
      name: 'test',
      categories: ['network_connection'],
      async *run(host, policy, signal) {
        started.push(policy.off)
        yield connectionTo(443)
        yield { ...connectionTo(80), Image: host.hmac('router') }
        await host.sleep(1e9, signal)
      },
    }
  }
  const states = () => received().flatMap((it) => (it.category === 'agent_state' ? [it] : []))
  function start(collectors: Collector[], system = thisSystem(), cutOffMs = 60_000): () => Promise<void> {
    const stop = new AbortController()
    const done = run(
      { folder, collectors, system, starts: { seen: 0, total: 0 }, timing: QUICK, cutOffMs },
      stop.signal,
    )
    const stopped = async () => {
      stop.abort()
      await done
    }
    stops.push(stopped)
    return stopped
  }

  it('reports its start, the collected events and its stop, all valid by the wire schema', async () => {
    const stop = start([collector()])
    await until(() => received().length >= 3, 'the first events')
    await stop()
    assert.deepEqual(
      received().map((it) => it.category),
      ['agent_state', 'network_connection', 'network_connection', 'agent_state'],
    )
    assert.deepEqual(actions(), ['started', 'stopping'])
    assert.deepEqual(
      received().filter((it) => !Event.safeParse(it).success),
      [],
    )
    assert.match(JSON.stringify(received()[2]), /"Image":"[0-9a-f]{64}"/)
    assert.equal(existsSync(agentPaths(folder).running), false)
    assert.equal(lockHolder(agentPaths(folder).lock), null)
    assert.deepEqual(
      lastSent(agentPaths(folder).sent, 2).map((it) => it.Action ?? it.category),
      ['stopping', 'network_connection'],
    )
    const status = readJson(agentPaths(folder).status, Status)
    assert.deepEqual([status?.spool.unsent, status?.spool.acked, status?.connected], [0, 4, false])
  })

  it('says what it is stopped for, and not what an older stop was for', async () => {
    const reasons = () =>
      received().flatMap((it) => (it.category === 'agent_state' && it.Action === 'stopping' ? [it.StopReason] : []))
    sayGoodbye(folder, 'upgrade')
    let stop = start([collector()])
    await until(() => received().length >= 1, 'the start')
    await stop()
    stop = start([collector()])
    await until(() => received().length > 4, 'the next start')
    sayGoodbye(folder, 'uninstall')
    await stop()
    assert.deepEqual(reasons(), [null, 'uninstall'])
  })

  it('fails if it is not enrolled', async () => {
    const empty = temporaryFolder()
    const running = run(
      { folder: empty, collectors: [], system: thisSystem(), starts: { seen: 0, total: 0 } },
      new AbortController().signal,
    )
    await assert.rejects(running, (error) => error instanceof Fault && error.code === 'agent.not_enrolled')
    removeFolder(empty)
  })

  it('two agents cannot use the same folder', async () => {
    start([])
    await until(() => actions().length > 0, 'the first one runs')
    const second = run(
      { folder, collectors: [], system: thisSystem(), starts: { seen: 0, total: 0 } },
      new AbortController().signal,
    )
    await assert.rejects(second, (error) => error instanceof Fault && error.code === 'agent.running')
  })

  it('applies a pushed policy at once, and restarts collectors only if it concerns them', async () => {
    const started: string[][] = []
    start([collector(started)])
    await until(() => received().length >= 3, 'the first events')
    const push = (policy: typeof POLICY) => server.peers[0]!.send({ type: 'policy', policy: server.sign(policy) })
    push({ ...POLICY, version: 2, spoolDays: 7 })
    await until(() => actions().includes('policy_applied'), 'applied')
    assert.equal(started.length, 1)
    push({ ...POLICY, version: 3, off: ['egress'] })
    await until(() => started.length === 2, 'started again')
    assert.ok(started[1]!.includes('egress') && started[1]!.includes('presence'))
    push({ ...POLICY, version: 4, off: ['network_connection'] })
    await until(() => actions().filter((it) => it === 'policy_applied').length === 3, 'applied')
    assert.equal(started.length, 2)
  })

  it('rejects a policy with a wrong signature, and shows that in the status', async () => {
    start([collector()])
    await until(() => received().length >= 3, 'the first events')
    const forged = server.sign({ ...POLICY, version: 9 })
    server.peers[0]!.send({ type: 'policy', policy: { ...forged, text: forged.text.replace('9', '8') } })
    const trouble = () => readJson(agentPaths(folder).status, Status)?.policyTrouble ?? ''
    await until(() => /agent\.policy/.test(trouble()), 'in the status')
    // Once, however often it is sent, and the old one stays.
    server.peers[0]!.send({ type: 'policy', policy: { ...forged, text: forged.text.replace('9', '8') } })
    server.peers[0]!.send({ type: 'policy', policy: server.sign({ ...POLICY, version: 2 }) })
    await until(() => actions().includes('policy_applied'), 'a good one')
    assert.deepEqual(actions(), ['started', 'policy_rejected', 'policy_applied'])
    const states = received().filter((it) => it.category === 'agent_state')
    assert.deepEqual(
      states.map((it) => it.PolicyVersion),
      [1, 1, 2],
    )
    assert.match(states[1]?.Trouble ?? '', /^signature: The policy cannot be used\. It is not signed by the server/)
  })

  it('goes back from a policy with which a collector fails, while it runs, and does not take it again', async function () {
    this.timeout(30_000)
    const seen: string[] = []
    const picky: Collector = {
      name: 'picky',
      categories: ['network_connection'],
      async *run(host, policy, signal) {
        seen.push(policy.watchedRoots.map((it) => it.path).join())
        if (policy.watchedRoots.length > 0) throw new Error('no such folder')
        yield connectionTo(443)
        await host.sleep(1e9, signal)
      },
    }
    start([picky])
    await until(() => received().length >= 2, 'the first events')
    const bad = server.sign({ ...POLICY, version: 2, watchedRoots: [{ path: '/srv/x', kind: 'sync' }] })
    server.policy = bad
    server.peers[0]!.send({ type: 'policy', policy: bad })
    await until(() => actions().includes('policy_rolled_back'), 'rolled back', 20_000)
    await until(() => seen.at(-1) === '', 'the collector runs again')
    const back = received().findLast((it) => it.category === 'agent_state' && it.Action === 'policy_rolled_back')
    assert.ok(back?.category === 'agent_state')
    assert.equal(back.PolicyVersion, 1)
    assert.match(back.Trouble ?? '', /version 2: .*It makes collectors fail: picky\./)
    assert.equal(lastPolicy(agentPaths(folder).policy, server.publicKey)?.version, 1)
    // As after a reconnection.
    server.peers[0]!.send({ type: 'policy', policy: bad })
    server.peers[0]!.send({ type: 'policy', policy: server.sign({ ...POLICY, version: 3, spoolDays: 7 }) })
    await until(() => actions().filter((it) => it === 'policy_applied').length === 2, 'the newer one')
    assert.equal(seen.at(-1), '')
  })

  it('goes back from a policy that it dies with: kill -9 during the trial', async function () {
    this.timeout(60_000)
    server.policy = server.sign({ ...POLICY, version: 2, watchedRoots: [{ path: '/srv/x', kind: 'sync' }] })
    const versions = () => server.hellos.length
    for (let round = 1; round <= 2; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'agent-process.ts'), folder], {
        stdio: 'inherit',
      })
      const exited = new Promise((resolve) => child.once('exit', resolve))
      await until(() => versions() === round && existsSync(agentPaths(folder).policyTrial), 'it is on trial', 20_000)
      const sent = server.batches.length
      await until(() => server.batches.length > sent + 2, 'it works', 20_000)
      child.kill('SIGKILL')
      await exited
    }
    const stop = start([collector()])
    await until(() => actions().filter((it) => it === 'policy_rejected').length > 0, 'reported')
    const states = received().filter((it) => it.category === 'agent_state')
    const last = states.findLast((it) => it.category === 'agent_state' && it.Action === 'policy_rejected')
    assert.ok(last?.category === 'agent_state')
    assert.equal(last.PolicyVersion, 1)
    assert.match(last.Trouble ?? '', /^version 2: .*The agent died 2 times with it\./)
    assert.equal(existsSync(agentPaths(folder).policyTrial), false)
    await stop()
  })

  it('tells the server that an upgrade did not stay, once', async () => {
    sayUpgradeFailed(folder, { version: '0.2.0', why: 'It does not run.' })
    const stop = start([collector()])
    await until(() => actions().includes('upgrade_failed'), 'told')
    const told = received().find((it) => it.category === 'agent_state' && it.Action === 'upgrade_failed')
    assert.ok(told?.category === 'agent_state')
    assert.deepEqual([told.FailedVersion, told.Trouble], ['0.2.0', 'It does not run.'])
    await until(() => !existsSync(agentPaths(folder).upgradeFailed), 'forgotten')
    await stop()
  })

  it('reports rejected events as one gap per reason', async () => {
    const { onBatch } = server.behaviour
    server.behaviour.onBatch = (peer, batch) => {
      onBatch(peer, batch)
      const rejected = batch.events.map(({ seq }) => ({ seq, code: 'event.malformed' as const, where: 'Image' }))
      peer.send({ type: 'ack', epoch: batch.epoch, seq: server.acked, rejected, credit: 4_000 })
    }
    start([collector()])
    await until(() => gapsIn(received()).length > 0, 'the gap')
    const [gap] = gapsIn(received())
    assert.deepEqual([gap!.About, gap!.Reason], ['event.malformed', 'unparsed'])
    assert.equal(gapsIn(received()).length, 1)
  })

  it('reports that it was killed if the file of the last run is from the same boot, but not from another', async () => {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    writeFileSync(agentPaths(folder).running, JSON.stringify({ bootId }))
    const stop = start([])
    await until(() => actions().length >= 2, 'started')
    await stop()
    assert.deepEqual(actions(), ['killed_last_time', 'started', 'stopping'])
    assert.deepEqual(states()[2]?.BlindSeconds, {})
    writeFileSync(agentPaths(folder).running, JSON.stringify({ bootId: 'another' }))
    start([])
    await until(() => actions().length >= 4, 'started again')
    assert.deepEqual(actions().slice(3), ['started'])
  })

  it('says with its start for how long it was stopped in the same boot, what for, and that once', async () => {
    for (const [bootId, reason] of [
      ['b1', null],
      ['b1', 'upgrade'],
      ['b1', null],
      ['b2', null],
    ] as const) {
      const before = actions().length
      const stop = start([], { ...thisSystem(), machine: async () => ({ fingerprint: null, virtual: null, bootId }) })
      await until(() => actions().length > before, 'started')
      if (reason) sayGoodbye(folder, reason)
      await stop()
    }
    const starts = states().filter((it) => it.Action === 'started')
    assert.deepEqual(
      starts.map((it) => [typeof it.StoppedSeconds, it.StopReason ?? null]),
      [
        ['undefined', null],
        ['number', null],
        ['number', 'upgrade'],
        ['undefined', null],
      ],
    )
  })

  it('says for how long it was blind after a kill', async () => {
    const system = { ...thisSystem(), machine: async () => ({ fingerprint: null, virtual: null, bootId: 'b1' }) }
    const stop = start([collector()], system)
    await until(() => actions().length > 0, 'started')
    await stop()
    writeFileSync(agentPaths(folder).running, JSON.stringify({ bootId: 'b1' }))
    start([collector()], system)
    await until(() => actions().includes('killed_last_time'), 'started again')
    const blind = states().find((it) => it.Action === 'killed_last_time')?.BlindSeconds
    assert.deepEqual(Object.keys(blind ?? {}), ['network_connection'])
  })

  it('says that it was cut off from the server while the laptop was online, in the events that it sends later', async function () {
    this.timeout(30_000)
    const away: Collector = {
      name: 'test',
      categories: ['network_connection'],
      async *run(host, _policy, signal) {
        while (!signal.aborted) {
          yield { ...connectionTo(443), DestinationIp: '203.0.113.5' }
          await host.sleep(500, signal)
        }
      },
    }
    server.behaviour.onHello = (peer) => peer.socket.terminate()
    start([away], thisSystem(), 1_000)
    const { spool } = agentPaths(folder)
    const isSaid = () =>
      existsSync(spool) &&
      readdirSync(spool).some((it) => readFileSync(join(spool, it), 'latin1').includes('"cut_off"'))
    await until(isSaid, 'it is in the spool', 15_000)
    server.behaviour.onHello = onHello
    const cutOffs = () => states().filter((it) => it.Action === 'cut_off')
    await until(() => cutOffs().length >= 2, 'it is said, and that it is over', 15_000)
    const [first, last] = cutOffs()
    assert.equal(first?.CutOffBy, 'other')
    assert.ok(last!.CutOffSeconds! >= first!.CutOffSeconds!)
  })

  it('kill -9 ten times while sending: the server gets every number, each for one event', async function () {
    this.timeout(120_000)
    const { onBatch } = server.behaviour
    let frames = 0
    // Every third ack is lost together with its connection, so that the agent must resend.
    server.behaviour.onBatch = (peer, batch) => (++frames % 3 === 0 ? peer.socket.terminate() : onBatch(peer, batch))
    let child: ChildProcess | null = null
    for (let round = 0; round < 10; round++) {
      const before = frames
      child = spawn(process.execPath, [join(import.meta.dirname, 'agent-process.ts'), folder], { stdio: 'inherit' })
      const exited = new Promise((resolve) => child!.once('exit', resolve))
      await until(() => frames >= before + 4, 'four more batches')
      child.kill('SIGKILL')
      await exited
    }
    server.behaviour.onBatch = onBatch
    const stop = start([])
    const killed = () => received().filter((it) => it.category === 'agent_state' && it.Action === 'killed_last_time')
    await until(() => new Set(killed().map((it) => it.id)).size === 10, 'the last of ten kills is reported')
    await stop()
    assert.equal(actions().at(-1), 'stopping')
    const ids = new Map<number, string>()
    for (const { seq, id } of received()) {
      assert.ok(!ids.has(seq!) || ids.get(seq!) === id, `number ${seq} was used for two events`)
      ids.set(seq!, id)
    }
    assert.deepEqual(
      [...ids.keys()].sort((a, b) => a - b),
      Array.from({ length: ids.size }, (_, index) => index + 1),
    )
    assert.equal(new Set(ids.values()).size, ids.size)
    assert.equal(new Set(server.hellos.map(({ epoch }) => epoch)).size, 1)
  })
})
