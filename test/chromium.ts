/** A real browser for tests: the system's Chromium, without its background requests. */
import { accessSync, constants, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { notTested } from './not-tested.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const ARGS = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const ARTEFACTS = join(import.meta.dirname, '..', 'artefacts')

/**
 * Starts it; the caller closes it. Without Chromium, the test is skipped with a message; with CI=true it fails
 * instead.
 */
export async function browser(test: Mocha.Context): Promise<Browser> {
  const executablePath = found()
  if (executablePath === null) notTested(test, `none of ${NAMES.join(', ')} is installed (apt-get install chromium)`)
  return chromium.launch({ executablePath, args: ARGS })
}

export async function withBrowser(test: Mocha.Context, use: (browser: Browser) => Promise<void>): Promise<void> {
  const started = await browser(test)
  try {
    await use(started)
  } finally {
    await started.close()
  }
}

/** Saved for people to look at, as artefacts/<name>.png, which git ignores. */
export async function screenshot(page: Page, name: string, options: { fullPage?: boolean } = {}): Promise<void> {
  mkdirSync(ARTEFACTS, { recursive: true })
  await page.screenshot({ path: join(ARTEFACTS, `${name}.png`), animations: 'disabled', ...options })
}

function found(): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter))
    for (const name of NAMES) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return join(folder, name)
      } catch {}
    }
  return null
}
