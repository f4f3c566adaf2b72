/** Every page in both themes: saved as screenshots for people, and checked by axe. */
import assert from 'node:assert/strict'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { browser as chromium, screenshot } from '../../chromium.ts'
import { enter, type Site, site, watched } from './site.ts'
import { displaced, FARM_KEY, fill } from './story.ts'

describe('server/console: every page, in light and dark', function () {
  this.timeout(60_000)
  let browser: Browser
  let here: Site
  before(async function () {
    browser = await chromium(this)
    here = await site()
    await displaced(here.stage, 'w0001', Date.now())
    await fill(here.stage, 300, Date.now())
  })
  after(async () => {
    await browser?.close()
    await here?.stop()
  })

  const pages: { name: string; hash: string; ready: string; prepare?: (page: Page) => Promise<void> }[] = [
    { name: 'workers', hash: '#/', ready: 'Workers' },
    {
      name: 'worker',
      hash: '#/workers/w0001',
      ready: 'Amara Lindqvist',
      prepare: async (page) => {
        await page.locator('.score summary', { hasText: 'AnyDesk runs on' }).first().click()
        await page.getByText('/opt/anydesk/anydesk').first().waitFor()
      },
    },
    {
      name: 'worker-verdict',
      hash: '#/workers/w0002',
      ready: 'w0002',
      prepare: async (page) => {
        await page.keyboard.press('2')
        await page.getByRole('textbox', { name: /Why: Benign and expected/ }).waitFor()
      },
    },
    { name: 'clusters', hash: '#/clusters', ready: 'Clusters' },
    { name: 'cluster', hash: `#/clusters/${FARM_KEY}`, ready: '5 people, one case' },
    { name: 'worker-no-contract', hash: '#/workers/w0002', ready: 'w0002' },
    {
      name: 'worker-table',
      hash: '#/workers/w0002',
      ready: 'w0002',
      prepare: async (page) => page.getByRole('button', { name: 'As table' }).click(),
    },
    {
      name: 'laptops',
      hash: '#/laptops',
      ready: 'Laptops',
      prepare: async (page) => {
        await page.locator('.laptop > summary').first().click()
        await page.getByText('What can be seen on it').waitFor()
      },
    },
    {
      name: 'enroll',
      hash: '#/laptops',
      ready: 'Laptops',
      prepare: async (page) => {
        await page.getByRole('button', { name: 'Enroll a laptop' }).click()
        await page.getByRole('button', { name: 'Create a token' }).click()
        await page.getByLabel('Command to enroll').waitFor()
      },
    },
    { name: 'collected', hash: '#/collected', ready: 'What is collected' },
    { name: 'password', hash: '#/password', ready: 'Choose a password' },
    {
      name: 'help',
      hash: '#/',
      ready: 'Workers',
      prepare: async (page) => {
        await page.keyboard.press('?')
        await page.getByText('next worker').waitFor()
      },
    },
  ]

  for (const theme of ['light', 'dark'] as const) {
    it(`sign-in and welcome, ${theme}`, async () => {
      const context = await browser.newContext({ colorScheme: theme })
      const { page, clean } = await watched(context, [/401/])
      await page.goto(here.origin)
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      await check(page, `sign-in-${theme}`)
      await page.goto(await here.userLink('analyst'))
      await page.getByRole('heading', { name: 'Welcome to Tellwire' }).waitFor()
      await check(page, `welcome-${theme}`)
      clean()
      await context.close()
    })

    it(`the first minute, ${theme}`, async () => {
      const empty = await site()
      const context = await browser.newContext({ colorScheme: theme })
      const { page, clean } = await watched(context)
      await enter(page, empty.adminLink())
      await page.getByRole('heading', { name: 'Nothing to watch yet' }).waitFor()
      await check(page, `empty-${theme}`)
      clean()
      await context.close()
      await empty.stop()
    })

    for (const { name, hash, ready, prepare } of pages)
      it(`${name}, ${theme}`, async () => {
        const context = await browser.newContext({ colorScheme: theme, viewport: { width: 1440, height: 900 } })
        const { page, clean } = await watched(context)
        await enter(page, here.userLink('admin'))
        await page.goto(`${here.origin}/${hash}`)
        await page.getByRole('heading', { name: ready, level: 1 }).waitFor()
        await prepare?.(page)
        await check(page, `${name}-${theme}`)
        clean()
        await context.close()
      })
  }

  it('at 320 pixels no page scrolls sideways', async () => {
    const context = await browser.newContext({ viewport: { width: 320, height: 800 } })
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('admin'))
    for (const hash of ['#/', '#/workers/w0001', '#/clusters', `#/clusters/${FARM_KEY}`, '#/laptops', '#/collected']) {
      await page.goto(`${here.origin}/${hash}`)
      await page.locator('h1').waitFor()
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
      assert.ok((content ?? 0) <= (window ?? 0), `${hash}: ${content} in ${window}`)
      await screenshot(page, `console-narrow-${hash.replace(/\W+/g, '-')}`, { fullPage: true })
    }
    clean()
    await context.close()
  })

  async function check(page: Page, name: string): Promise<void> {
    await screenshot(page, `console-${name}`, { fullPage: true })
    const { violations } = await new AxeBuilder({ page }).analyze()
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    assert.deepEqual(
      serious.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
      ),
      [],
    )
  }
})
