/** The console on a real socket, with the API and its views, on data in memory. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { serve } from '@hono/node-server'
import { transformSync } from 'esbuild'
import type { BrowserContext, Page } from 'playwright-core'
import { addUser, makeOneTimeLink } from '../../../server/access/sign-in.ts'
import { buildConsole } from '../../../server/console/build.ts'
import type { PAGES } from '../../../server/console/pages/index.ts'
import { harness } from '../api/harness.ts'

/** One build is enough for all sites. */
let built: ReturnType<typeof buildConsole> | null = null

export async function site() {
  built ??= buildConsole()
  const { files } = await built
  const parts = await harness({ files, now: Date.now })
  const server = serve({ fetch: parts.app.fetch, port: 0, hostname: '127.0.0.1' })
  if (!server.listening) await new Promise((done) => server.once('listening', done))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let users = 0
  return {
    ...parts,
    origin,
    files,
    adminLink: async () => origin + (await makeOneTimeLink(parts.store, Date.now(), randomBytes)),
    userLink: async (role: 'admin' | 'analyst' | 'viewer') =>
      origin + (await addUser(parts.store, `${role}${++users}`, role, Date.now(), randomBytes)),
    /** Closes every open stream, as when the server dies; `listen` starts it again on the same port. */
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done())
        if ('closeAllConnections' in server) server.closeAllConnections()
      }),
    listen: () =>
      new Promise<void>((done) => void server.listen(Number(new URL(origin).port), '127.0.0.1', () => done())),
  }
}
export type Site = Awaited<ReturnType<typeof site>>

/** The console's own list of pages, without their components, because Node cannot run JSX. */
export function consolePages(): typeof PAGES {
  const source = readFileSync(join(import.meta.dirname, '../../../server/console/pages/index.ts'), 'utf8')
  const module = { exports: {} as { PAGES: typeof PAGES } }
  runInNewContext(transformSync(source, { loader: 'ts', format: 'cjs' }).code, { module, require: () => ({}) })
  return module.exports.PAGES
}

/**
 * A page that fails the test when a script was injected, the policy refused something, or an error was thrown. Messages
 * matching `expected` are allowed.
 */
export async function watched(context: BrowserContext, expected: RegExp[] = []) {
  const page: Page = await context.newPage()
  const troubles: string[] = []
  const trouble = (text: string) => {
    if (!expected.some((it) => it.test(text))) troubles.push(text)
  }
  page.on('dialog', (dialog) => {
    trouble(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') trouble(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => trouble(`thrown: ${error.message}`))
  return { page, clean: () => assert.deepEqual(troubles, []) }
}

/** Signs in by link, without setting a password. */
export async function enter(page: Page, link: Promise<string>): Promise<void> {
  await page.goto(await link)
  await page.getByRole('link', { name: 'Later' }).click()
  await page.getByText('Live', { exact: true }).waitFor()
}
