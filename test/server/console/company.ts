/** The demo's company on a real server: made once in a test run, and each site serves a copy of its data folder. */

import { rmSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import { demoConfig, fillDemo } from '../../../server/commands/demo.ts'
import { logger } from '../../../server/log.ts'
import { serve } from '../../../server/roles/all.ts'
import { json, signIn } from '../../bench/children.ts'

/** Enough for two clusters and eleven open cases. */
const WORKERS = 40

let made: Promise<string> | null = null

async function company(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tellwire-company-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  await fillDemo(demoConfig(folder, {}), WORKERS, () => {})
  return folder
}

export type CompanySite = Awaited<ReturnType<typeof companySite>>

export async function companySite() {
  made ??= company()
  const folder = await mkdtemp(join(tmpdir(), 'tellwire-company-site-'))
  await cp(await made, folder, { recursive: true })
  const running = await serve(demoConfig(folder, {}), logger('error'), { simulated: true })
  const { url } = running
  const cookie = await signIn(url, (await running.oneTimeLink()).split('/').at(-1)!)
  const [name = '', value = ''] = cookie.split('=')
  return {
    origin: url,
    /** Signs the browser in as an admin. */
    enter: (context: BrowserContext) => context.addCookies([{ name, value, url }]),
    post: (path: string, body: unknown) =>
      json<unknown>(
        fetch(`${url}/api/v1${path}`, {
          method: 'POST',
          headers: { Cookie: cookie, Origin: url, 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        }),
      ),
    get: <T>(path: string) => json<T>(fetch(`${url}/api/v1${path}`, { headers: { Cookie: cookie } })),
    stop: async () => {
      await running.close()
      await rm(folder, { recursive: true, maxRetries: 5 })
    },
  }
}
