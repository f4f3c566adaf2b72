/** `tellwire demo`, started and stopped as a user does: a full console of a simulated company, and nothing is left. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionView } from '../../../server/api/schema.ts'
import type { ClusterView, LaptopPage, QueuePage, WorkerPage } from '../../../server/views/schema.ts'
import { BINARY, json, signIn, until } from '../../bench/children.ts'
import { withBrowser } from '../../chromium.ts'
import { tellwire } from './process.ts'

const HOUR = 3_600_000
/** Only who wrote the simulator knows these words. */
const TRUTH = /"type":"label"|"truth"|"scenario"|infiltrator|look-alike|\b(P4|P1|P11|P22|P6|N9|N4|N11|N1|N15|N20)\b/
const STARTED_WITHIN_MS = 240_000
/** Enough of them that every band has somebody. */
const WORKERS = 80

describe('tellwire demo', function () {
  this.timeout(300_000)
  let temporary: string
  beforeEach(() => {
    temporary = mkdtempSync(join(tmpdir(), 'tellwire-demos-'))
  })
  afterEach(() => rmSync(temporary, { recursive: true, force: true }))

  const folders = () => readdirSync(temporary).filter((it) => it.startsWith('tellwire-demo-'))

  function start(...args: string[]): { child: ChildProcess; out(): string; err(): string } {
    const env = { ...process.env, TMPDIR: temporary }
    const child = spawn(process.execPath, [BINARY, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const texts = { out: '', err: '' }
    child.stdout.on('data', (it) => (texts.out += it))
    child.stderr.on('data', (it) => (texts.err += it))
    return { child, out: () => texts.out, err: () => texts.err }
  }

  it('shows a full console that says it is simulated, never who is which, and removes its folder', async function () {
    const { child, out, err } = start('demo', '--workers', String(WORKERS))
    const ended = once(child, 'exit')
    try {
      const [, url, secret] = await until(
        () => /console +(\S+)\/#\/welcome\/(\S+)/.exec(out()),
        STARTED_WITHIN_MS,
        () => `no console link:\n${out()}${err()}`,
      )
      assert.match(out(), /^A demo with simulated data: nobody in it exists\. Stop with Ctrl-C\.$/m)
      const cookie = await signIn(url!, secret!)
      const get = <T>(path: string) => json<T>(fetch(`${url}/api/v1${path}`, { headers: { Cookie: cookie } }))

      assert.equal((await get<SessionView>('/session')).simulated, true)
      const { rows } = await get<QueuePage>('/workers')
      assert.equal(rows.length, WORKERS)
      const bands = new Set(rows.map((it) => it.band))
      assert.ok(bands.has('critical') && bands.has('none') && bands.size >= 4, [...bands].join(' '))
      assert.ok(rows.filter((it) => it.case === 'open').length >= 5, 'cases')
      assert.ok(rows.filter((it) => it.cluster !== null).length >= 3, 'a farm')
      for (const { worker, name, coverage } of rows) {
        assert.ok(name && name !== worker, worker)
        assert.ok(coverage !== null && coverage > 0.9, `${worker}: coverage ${coverage}`)
      }
      const latest = Math.max(...rows.map((it) => it.lastSeen ?? 0))
      assert.ok(latest <= Date.now() && latest > Date.now() - HOUR, `the last event is of ${new Date(latest)}`)

      const served: unknown[] = [rows, await get<ClusterView[]>('/clusters'), await get<LaptopPage>('/laptops')]
      for (const { worker } of rows.filter((it) => it.lastFinding !== null).slice(0, 16)) {
        const page = await get<WorkerPage>(`/workers/${worker}`)
        assert.ok(page.findings.length > 0, `${worker} has no finding`)
        served.push(page)
      }
      for (const it of served) assert.deepEqual(JSON.stringify(it).match(TRUTH), null)
      const [folder] = folders()
      const exported = await tellwire(['export', '--data-folder', join(temporary, folder!)])
      assert.ok(exported.out.split('\n').length > 10_000, exported.err)
      assert.deepEqual(exported.out.match(TRUTH), null)

      await withBrowser(this, async (browser) => {
        const page = await browser.newPage()
        await page.context().addCookies([{ name: cookie.split('=')[0]!, value: cookie.split('=')[1]!, url: url! }])
        await page.goto(url!)
        await page.getByRole('banner').getByText('Simulated data').waitFor()
      })
    } finally {
      child.kill('SIGINT')
      await ended
    }
    assert.deepEqual([child.exitCode, err()], [0, ''])
    assert.deepEqual(folders(), [])
  })

  it('is what `npm start -- --demo` runs', () => {
    const { scripts } = JSON.parse(readFileSync(join(BINARY, '../../package.json'), 'utf8'))
    assert.match(scripts.start, /node bin\/tellwire\.js up$/)
  })

  for (const [signal, args] of [
    ['SIGINT', ['up', '--demo']],
    ['SIGTERM', ['demo']],
    ['SIGHUP', ['demo']],
  ] as const)
    it(`tellwire ${args.join(' ')}: removes its folder after ${signal} while it simulates`, async () => {
      const { child, out, err } = start(...args)
      const ended = once(child, 'exit')
      await until(
        () => folders().find((it) => readdirSync(join(temporary, it)).includes('telemetry.db')) ?? null,
        60_000,
        () => `no folder:\n${out()}${err()}`,
      )
      assert.match(out(), /^Simulating 200 people/)
      child.kill(signal)
      await ended
      assert.deepEqual([child.exitCode, err()], [130, ''])
      assert.deepEqual(folders(), [])
    })

  it('refuses a company too small for its scenes', async () => {
    const { code, err } = await tellwire(['demo', '--workers', '5'], { env: { TMPDIR: temporary } })
    assert.equal(code, 2)
    assert.match(err, /--workers 5: .*whole number from \d+ to 5000/)
    assert.deepEqual(folders(), [])
  })
})
