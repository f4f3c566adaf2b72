/** A running server: edits of rules, filters and configuration take effect, and a restored log is reported. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addFeedToken, FEED_PATH } from '../../../server/feeds/tokens.ts'
import { STREAM_PATH } from '../../../server/ingest/upgrade.ts'
import type { Effect } from '../../../server/model/effect.ts'
import { openStore } from '../../../server/store/open.ts'
import { openTelemetry } from '../../../server/store/sqlite/telemetry.ts'
import type { Store } from '../../../server/store/store.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { startServer, until } from '../../bench/children.ts'
import { fourStories } from '../../scenarios/four-stories.ts'
import { tellwire } from '../commands/process.ts'
import { contract, HOUR, holding, NINJAONE, processStart, received, T0 } from '../events.ts'
import { events, laptop, RawAgent } from '../ingest/raw-agent.ts'
import { enrolledDevice } from '../store/samples.ts'

const WITHIN_MS = 60_000
const RULE = `
title: A program that ends with aa
id: 11111111-1111-4111-8111-1111111111aa
level: high
logsource: { category: process_creation }
detection: { it: { Image|endswith: /aa }, condition: it }
`
const FILTER = `
title: Our own build
id: 55555555-5555-4555-8555-555555555555
logsource: { category: process_creation }
filter:
  rules: [11111111-1111-4111-8111-1111111111aa]
  it: { Image|startswith: /build/ }
  condition: not it
`

describe('server/roles: a running server', function () {
  this.timeout(3 * WITHIN_MS)
  let root: string
  let server: Awaited<ReturnType<typeof startServer>> | null = null
  const at = (...names: string[]) => join(root, ...names)

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-roles-'))
    mkdirSync(at('rules'))
    configure()
  })
  afterEach(async () => {
    await server?.stop()
    server = null
    rmSync(root, { recursive: true, force: true })
  })

  function configure(more = ''): void {
    writeFileSync(at('tellwire.yml'), `listen: { port: 0 }\nrulesFolders: [rules]\nlog: { level: warn }\n${more}`)
  }

  async function start(): Promise<void> {
    server = await startServer(at('data'), {}, ['--config', at('tellwire.yml')])
  }

  async function publish(records: readonly Recorded[]): Promise<void> {
    const { stream, close } = await openTelemetry({ folder: at('data') })
    await stream.publish(records)
    await close()
  }

  const stored = <T>(read: (store: Store) => Promise<T>) => withStore(read, true)

  async function withStore<T>(read: (store: Store) => Promise<T>, readOnly = false): Promise<T> {
    const store = await openStore({ engine: 'sqlite', folder: at('data') }, { run: 'inline', readOnly })
    try {
      return await read(store)
    } finally {
      await store.close()
    }
  }

  /** Findings by the rule of this test, without those of the shipped rules. */
  function found(worker: string): Promise<string[]> {
    return stored(async ({ evaluations }) => {
      const active = await evaluations.active()
      const all = active ? await evaluations.findingsOf(active.id, worker) : []
      return all.map((it) => it.title).filter((it) => RULE.includes(it))
    })
  }

  async function untilFound(worker: string, titles: readonly string[]): Promise<void> {
    let last: string[] = []
    await until(
      async () => {
        last = await found(worker)
        return JSON.stringify(last) === JSON.stringify(titles) || null
      },
      WITHIN_MS,
      () => `${worker}: ${last.join(', ') || 'nothing'} instead of ${titles.join(', ') || 'nothing'}`,
    )
  }

  it('with a nearly full disk, is not ready and refuses feeds and laptops, but lets people sign in', async () => {
    configure('limits: { diskReserveBytes: 9007199254740991 }')
    const of = laptop()
    const { device, publicKey, fingerprint } = of
    const token = await withStore(async (store) => {
      await store.devices.save(enrolledDevice(device, { publicKey, fingerprint }))
      return addFeedToken(store, { name: 'okta', categories: ['idp_login'] }, T0, randomBytes)
    })
    await start()
    const readiness = await fetch(`${server!.url}/readyz`)
    assert.deepEqual([readiness.status, await readiness.text()], [503, 'not ready: the disk is nearly full\n'])
    const headers = { Cookie: server!.cookie }
    assert.equal((await fetch(`${server!.url}/api/v1/session`, { headers })).status, 200)
    const line = {
      worker: 'w1',
      time: Date.now(),
      event: { category: 'idp_login', Ip: '203.0.113.9', Result: 'success' },
    }
    const feed = await fetch(`${server!.url}${FEED_PATH}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: JSON.stringify(line),
    })
    assert.equal(feed.status, 503, await feed.text())
    const agent = new RawAgent(`${server!.url.replace(/^http/, 'ws')}${STREAM_PATH}`, of)
    await agent.open()
    agent.sendBatch(events(1, 2))
    assert.equal((await agent.refusal()).code, 'server.busy')
  })

  for (const setting of ['publicUrl: http://console.example', 'trustedProxies: [192.0.2.7]'])
    it(`metrics need a session or the token, even from this machine, with ${setting}`, async () => {
      configure(setting)
      await start()
      assert.equal((await fetch(`${server!.url}/metrics`)).status, 401)
      assert.equal((await fetch(`${server!.url}/metrics`, { headers: { Cookie: server!.cookie } })).status, 200)
    })

  it('records a revocation by the command line in the log, and in exports', async () => {
    mkdirSync(at('data'))
    await publish([contract('w1'), holding('d1', 'w1'), received('d1', processStart('/x'))])
    const store = await openStore({ engine: 'sqlite', folder: at('data') }, { run: 'inline' })
    await store.devices.save(enrolledDevice('d1'))
    await store.close()
    await start()
    const folder = ['--data-folder', at('data')]
    assert.equal((await tellwire(['laptops', 'revoke', 'd1', '--reason', 'lost', ...folder])).code, 0)
    const from = (await stored(({ devices }) => devices.get('d1')))?.revokedAt
    const line = `${JSON.stringify({ type: 'revocation', device: 'd1', from, to: null })}\n`
    const exported = async () => (await tellwire(['export', ...folder])).out
    await until(
      async () => (await exported()).includes(line) || null,
      WITHIN_MS,
      () => 'the export has no revocation',
    )
    assert.equal((await exported()).split('"revocation"').length, 2, 'once')
  })

  it('added and removed rules and filters apply to stored and new records', async () => {
    const title = 'A program that ends with aa'
    const program = (image: string, hours: number) => received('d1', processStart(image, T0 + hours * HOUR))
    mkdirSync(at('data'))
    await publish([contract('w1'), holding('d1', 'w1'), program('/build/aa', 0), program('/x/aa', 30)])
    await start()
    await untilFound('w1', [])
    writeFileSync(at('rules', 'rule.yml'), RULE)
    await untilFound('w1', [title, title])
    writeFileSync(at('rules', 'filter.yml'), FILTER)
    await untilFound('w1', [title])
    rmSync(at('rules', 'filter.yml'))
    await untilFound('w1', [title, title])
    await server!.stop()
    rmSync(at('rules', 'rule.yml'))
    await start()
    await untilFound('w1', [])
  })

  it('shows the previous findings while other thresholds re-evaluate the log', async () => {
    mkdirSync(at('data'))
    await publish(fourStories())
    await start()
    const band = (worker: string) =>
      stored(async ({ evaluations }) => {
        const active = await evaluations.active()
        return active && ((await evaluations.standing(active.id, worker))?.assessment.band ?? null)
      })
    const isCritical = () =>
      until(
        async () => ((await band('f1')) === 'critical' ? true : null),
        WITHIN_MS,
        () => 'the farm was not found',
      )
    await isCritical()
    const before = await stored((store) => store.evaluations.active())
    await server!.stop()
    configure('thresholds: { silence: { silentHours: 30 } }\n')
    await start()
    // The API answers at any time, and never without the farm.
    await until(
      async () => {
        assert.equal(await band('f1'), 'critical')
        const { rows } = await server!.get<{ rows: { worker: string; band: string }[] }>('/workers')
        assert.equal(rows.find((it) => it.worker === 'f1')?.band, 'critical')
        const now = await stored((store) => store.evaluations.active())
        return now?.id !== before?.id ? true : null
      },
      WITHIN_MS,
      () => 'the new thresholds never took effect',
    )
  })

  it('says what an approval would change while it goes on judging, one question at a time', async () => {
    const ANYDESK = { ...NINJAONE, id: 'anydesk', name: 'AnyDesk', category: 'remote-desktop' as const }
    mkdirSync(at('data'))
    await publish([
      ...[contract('w1'), holding('d1', 'w1')],
      { ...received('d1', processStart('/opt/anydesk', T0 + HOUR)), facts: { tools: [ANYDESK] } },
    ])
    await start()
    const points = () =>
      stored(async ({ evaluations }) => {
        const active = await evaluations.active()
        return active && ((await evaluations.standing(active.id, 'w1'))?.assessment.points ?? null)
      })
    const before = await until(points, WITHIN_MS, () => 'w1 was not judged')
    const body = JSON.stringify({ level: 'company', kind: 'tool', tool: 'anydesk' })
    const headers = { 'Content-Type': 'application/json', Origin: server!.url, Cookie: server!.cookie }
    const ask = () => fetch(`${server!.url}/api/v1/approvals/effect`, { method: 'POST', headers, body })
    const [first, second] = await Promise.all([ask(), ask()])
    assert.deepEqual([first.status, second.status].sort(), [200, 503])
    const effect = (await (first.status === 200 ? first : second).json()) as Effect
    assert.deepEqual(
      effect.moved.map(({ worker, from, to }) => [worker, from.points, to.points < from.points]),
      [['w1', before, true]],
    )
    assert.equal(await points(), before)
    assert.equal((await ask()).status, 200)
  })

  it('a log restored to an older state is reported and re-evaluated', async () => {
    mkdirSync(at('data'))
    writeFileSync(at('rules', 'rule.yml'), RULE)
    const program = (hours: number) => received('d1', processStart('/x/aa', T0 + hours * HOUR))
    await publish([contract('w1'), holding('d1', 'w1'), program(0)])
    cpSync(at('data'), at('yesterday'), { recursive: true })
    await publish([program(30), program(60)])
    await start()
    await untilFound('w1', Array(3).fill('A program that ends with aa'))
    await server!.stop()
    for (const name of ['telemetry.db', 'telemetry.db-wal', 'telemetry.db-shm', 'telemetry.mark']) {
      rmSync(at('data', name), { force: true })
      try {
        renameSync(at('yesterday', name), at('data', name))
      } catch (cause) {
        assert.equal((cause as NodeJS.ErrnoException).code, 'ENOENT')
      }
    }
    await start()
    await untilFound('w1', ['A program that ends with aa'])
    await until(
      () => (/does not belong to this log/.test(server!.printed()) ? true : null),
      WITHIN_MS,
      () => `nothing was reported: ${server!.printed()}`,
    )
  })

  it('after a backup was restored over newer records, starts, finds, prints and exports what there is', async () => {
    writeFileSync(at('rules', 'rule.yml'), RULE)
    const program = (hours: number) => received('d1', processStart('/x/aa', T0 + hours * HOUR))
    const folder = ['--data-folder', at('data')]
    await publish([contract('w1'), holding('d1', 'w1'), program(0)])
    await start()
    await untilFound('w1', ['A program that ends with aa'])
    await tellwire(['backup', at('backup'), ...folder])
    await server!.stop()
    await publish([program(30)])
    await tellwire(['restore', at('backup'), '--force', ...folder])
    await start()
    await untilFound('w1', ['A program that ends with aa'])
    assert.match(server!.printed(), /They were lost before/)
    const printed = await tellwire(['findings', ...folder])
    assert.match(printed.out, /A program that ends with aa/)
    const exported = await tellwire(['export', ...folder])
    assert.deepEqual([exported.code, exported.out.split('"process_creation"').length], [0, 2])
    assert.match(exported.err, /They were lost before/)
  })
})
