/**
 * The main use case: `tellwire up` as a real process, a real program under the name of a remote-control tool, real
 * files copied in bulk, the page in a real browser, and a replay of the export.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { QueuePage, WorkerPage } from '../server/views/schema.ts'
import { BINARY, json, until } from './bench/children.ts'
import { screenshot, withBrowser } from './chromium.ts'

const FOUND_WITHIN_MS = 20_000

describe('the main job', function () {
  this.timeout(120_000)
  let folder: string
  let up: ChildProcess
  let link: string
  let printed = ''
  const started: ChildProcess[] = []

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-main-'))
    mkdirSync(join(folder, 'stick'))
    const config = join(folder, 'tellwire.yml')
    writeFileSync(config, `watchedRoots:\n  - { path: '${join(folder, 'stick')}', kind: removable }\n`)
    const args = ['up', '--config', config, '--data-folder', join(folder, 'data'), '--port', '0']
    up = spawn(process.execPath, [BINARY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [up.stdout, up.stderr])
      stream?.on('data', (text) => {
        printed += text
      })
    link = await until(
      () => /console +(\S+)/.exec(printed)?.[1] ?? null,
      60_000,
      () => `no console link:\n${printed}`,
    )
  })

  after(async () => {
    for (const child of started) child.kill('SIGKILL')
    const gone = new Promise((resolve) => up.once('exit', resolve))
    up.kill('SIGTERM')
    await gone
    rmSync(folder, { recursive: true, force: true })
  })

  it('shows this machine, finds the tool and the copy within 20 s, and a replay finds the same', async function () {
    await withBrowser(this, async (browser) => {
      const page = await browser.newPage({ viewport: { width: 1_280, height: 900 } })
      const errors: string[] = []
      page.on('console', (it) => it.type() === 'error' && errors.push(it.text()))
      page.on('pageerror', (it) => errors.push(String(it)))
      await page.goto(link)
      const url = new URL(link).origin
      await choosePassword(page)
      const worker = await until(
        async () => (await read<QueuePage>(page, url, 'workers')).rows[0]?.worker ?? null,
        FOUND_WITHIN_MS,
        () => `no worker is shown:\n${printed}`,
      )
      const look = () => read<WorkerPage>(page, url, `workers/${encodeURIComponent(worker)}`)

      // The processes of this machine are seen, this test among them.
      await until(
        async () =>
          (await look()).laptops[0]?.coverage.find((it) => it.category === 'process_creation')?.state === 'seen' ||
          null,
        FOUND_WITHIN_MS,
        () => 'no process of this machine was seen',
      )

      copyFileSync('/bin/sleep', join(folder, 'anydesk'))
      started.push(spawn(join(folder, 'anydesk'), ['300'], { stdio: 'ignore' }))
      const titles = async () => (await look()).findings.map((it) => it.title)
      await until(
        async () => (await titles()).find((it) => /contract does not approve/.test(it)) ?? null,
        FOUND_WITHIN_MS,
        () => 'no finding for a program named anydesk',
      )
      await page.goto(`${url}/#/workers/${encodeURIComponent(worker)}`)
      await page
        .getByText(/AnyDesk/)
        .first()
        .waitFor({ timeout: FOUND_WITHIN_MS })
      await screenshot(page, 'main-job-worker', { fullPage: true })

      copyInBulk(join(folder, 'stick'), 2_500)
      await until(
        async () => (await look()).findings.find((it) => it.family === 'exfiltration') ?? null,
        FOUND_WITHIN_MS,
        () => 'no finding for 2,500 files copied to a removable volume',
      )
      await page.goto(`${url}/#/`)
      await page.getByText(worker).first().waitFor()
      await screenshot(page, 'main-job-workers')
      await page.goto(`${url}/#/laptops`)
      await page.locator('details.laptop summary').first().click()
      await page.getByText('process_creation').first().waitFor()
      await screenshot(page, 'main-job-laptops', { fullPage: true })
      assert.deepEqual(errors, [])

      // The log keeps growing, but the replay must have all findings so far and no others.
      const live = async () => (await look()).findings.map((it) => it.id)
      const before = await live()
      const recording = await tellwire(['export', '--data-folder', join(folder, 'data')])
      const answer = JSON.parse(await tellwire(['replay', '--json'], recording))
      const again: string[] = answer.workers.flatMap((it: { findings: { id: string }[] }) =>
        it.findings.map(({ id }) => id),
      )
      assert.deepEqual(
        before.filter((id) => !again.includes(id)),
        [],
      )
      // Findings that depend on time are made every few seconds by the server, and at the end by a replay.
      await until(
        async () => {
          const now = await live()
          return again.every((id) => now.includes(id)) || null
        },
        FOUND_WITHIN_MS,
        () => 'the replay has findings that the server does not have',
      )
      assert.equal(answer.stats.rejected, 0)
    })
  })

  it('`tellwire agent show` shows the events sent', async () => {
    const shown = await tellwire(['agent', 'show', '--folder', join(folder, 'data', 'agent')])
    assert.match(shown, /never/i)
    assert.match(shown, /process_creation/)
  })
})

async function choosePassword(page: Page): Promise<void> {
  const fields = page.locator('input[type=password]')
  await fields.first().waitFor()
  for (const field of await fields.all()) await field.fill('correct horse battery staple')
  await page.locator('form button[type=submit], form button').first().click()
  await page.locator('input[type=password]').first().waitFor({ state: 'detached' })
}

/** With the page's own session, so that only data allowed to the page is read. */
async function read<T>(page: Page, url: string, path: string): Promise<T> {
  const cookies = await page.context().cookies()
  const Cookie = cookies.map((it) => `${it.name}=${it.value}`).join('; ')
  return json<T>(fetch(`${url}/api/v1/${path}`, { headers: { Cookie } }))
}

function copyInBulk(to: string, files: number): void {
  const source = join(to, '..', 'source.ts')
  writeFileSync(source, 'export {}\n'.repeat(100))
  for (let n = 0; n < files; n++) copyFileSync(source, join(to, `file-${n}.ts`))
}

function tellwire(args: string[], input?: string): Promise<string> {
  const child = spawn(process.execPath, [BINARY, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (it) => chunks.push(it))
  child.stdin.on('error', () => {}) // a command that does not read its input may close it
  child.stdin.end(input ?? '')
  return new Promise((resolve, reject) =>
    child.once('close', (code) =>
      code === 0
        ? resolve(Buffer.concat(chunks).toString('utf8'))
        : reject(new Error(`tellwire ${args[0]} ended with ${code}`)),
    ),
  )
}
