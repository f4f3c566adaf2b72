/** Every page in both themes: saved as screenshots for people, and checked by axe. */
import assert from 'node:assert/strict'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { browser as chromium, screenshot } from '../../chromium.ts'
import { finding } from '../assess/finding.ts'
import { consolePages, enter, type Site, site, watched } from './site.ts'
import { displaced, FARM_KEY, fill } from './story.ts'

interface Look {
  name: string
  /** Parts of the address after the page's own. */
  rest?: string
  /** The heading of the expected page; omitted: any. */
  ready?: string
  prepare?: (page: Page) => Promise<void>
}

/** Views to check, by page. A page that is not listed is checked as it opens. */
const LOOKS: Record<string, Look[]> = {
  '': [
    { name: 'workers', ready: 'Workers' },
    {
      name: 'help',
      ready: 'Workers',
      prepare: async (page) => {
        await page.keyboard.press('?')
        await page.getByText('next worker').waitFor()
      },
    },
  ],
  workers: [
    {
      name: 'worker',
      rest: 'w0001',
      ready: 'Amara Lindqvist',
      prepare: async (page) => {
        await page.locator('.score summary', { hasText: 'AnyDesk runs on' }).first().click()
        await page.getByText('/opt/anydesk/anydesk').first().waitFor()
      },
    },
    {
      name: 'worker-verdict',
      rest: 'w0002',
      ready: 'w0002',
      prepare: async (page) => {
        await page.keyboard.press('2')
        await page.getByRole('textbox', { name: /Why: Benign and expected/ }).waitFor()
      },
    },
    { name: 'worker-no-contract', rest: 'w0002', ready: 'w0002' },
    {
      name: 'worker-table',
      rest: 'w0002',
      ready: 'w0002',
      prepare: async (page) => page.getByRole('button', { name: 'As table' }).click(),
    },
  ],
  clusters: [
    { name: 'clusters', ready: 'Clusters' },
    { name: 'cluster', rest: FARM_KEY, ready: '5 people, one case' },
  ],
  laptops: [
    {
      name: 'laptops',
      ready: 'Laptops',
      prepare: async (page) => {
        await page.locator('.laptop > summary').first().click()
        await page.getByText('What can be seen on it').waitFor()
      },
    },
    {
      name: 'enroll',
      ready: 'Laptops',
      prepare: async (page) => {
        await page.getByRole('button', { name: 'Enroll a laptop' }).click()
        await page.getByRole('button', { name: 'Create a token' }).click()
        await page.getByLabel('Command to enroll').waitFor()
      },
    },
    {
      name: 'revoked',
      ready: 'Laptops',
      prepare: async (page) => {
        await page.locator('.laptop > summary', { hasText: 'Revoked' }).click()
        await page.getByText('by ada: The laptop was stolen.').waitFor()
      },
    },
    {
      name: 'revoke',
      ready: 'Laptops',
      prepare: async (page) => {
        await page.locator('.laptop > summary').first().click()
        await page.getByRole('button', { name: 'Revoke this laptop' }).click()
        await page.getByRole('textbox', { name: 'Why' }).fill('Left in a train.')
      },
    },
  ],
  users: [
    {
      name: 'users',
      ready: 'Users',
      prepare: async (page) => {
        await page.getByRole('textbox', { name: 'Name' }).fill(`user-${Math.random().toString(36).slice(2)}`)
        await page.getByRole('button', { name: 'Add user' }).click()
        await page.getByRole('textbox', { name: 'One-time link for' }).waitFor()
        await page.getByRole('button', { name: 'Disable user-' }).first().click()
        await page.getByRole('button', { name: 'Disable', exact: true }).click()
        await page.getByText('disabled').first().waitFor()
      },
    },
    {
      name: 'user-role',
      ready: 'Users',
      prepare: async (page) => {
        await page.getByRole('button', { name: 'Change role of' }).first().click()
        await page.getByRole('dialog').getByLabel('Role').selectOption('viewer')
      },
    },
  ],
}

const pages = consolePages()
const looks = pages.flatMap(({ path }) =>
  (LOOKS[path] ?? [{ name: path }]).map((look) => ({
    ...look,
    hash: `#/${[path, look.rest].filter(Boolean).join('/')}`,
  })),
)

/** Longer than any pair of sentences of our rules with ordinary values. */
const LONG =
  'For 4 days the laptop of this worker connected from Bucharest (RO), 8,123 km from the place in the contract, through a data centre that proves no place. A remote-control tool that the contract does not approve was set up for access while nobody is at the laptop, and it was driven from outside for 7 hours.'

describe('server/console: every page, in light and dark', function () {
  this.timeout(60_000)
  let browser: Browser
  let here: Site
  before(async function () {
    browser = await chromium(this)
    here = await site()
    await displaced(here.stage, 'w0001', Date.now())
    const strong = { worker: 'w0002', strength: 4 as const, pattern: 'critical' as const, halfLifeDays: null }
    here.stage.find(finding({ ...strong, says: LONG }))
    await fill(here.stage, 300, Date.now())
  })
  after(async () => {
    await browser?.close()
    await here?.stop()
  })

  it('lists only pages that exist', () => {
    const paths = pages.map((it) => it.path)
    assert.deepEqual(
      Object.keys(LOOKS).filter((it) => !paths.includes(it)),
      [],
    )
  })

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

    for (const { name, hash, ready, prepare } of looks)
      it(`${name}, ${theme}`, async () => {
        const context = await browser.newContext({ colorScheme: theme, viewport: { width: 1440, height: 900 } })
        const { page, clean } = await watched(context)
        await enter(page, here.userLink('admin'))
        await page.goto(`${here.origin}/${hash}`)
        await page.getByRole('heading', { ...(ready && { name: ready }), level: 1 }).waitFor()
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
    for (const hash of new Set(looks.map((it) => it.hash))) {
      await page.goto(`${here.origin}/${hash}`)
      await page.locator('h1').waitFor()
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
      assert.ok((content ?? 0) <= (window ?? 0), `${hash}: ${content} in ${window}`)
      await screenshot(page, `console-narrow-${hash.replace(/\W+/g, '-')}`, { fullPage: true })
    }
    clean()
    await context.close()
  })

  for (const { name, width, height } of [
    { name: 'phone', width: 390, height: 844 },
    { name: 'zoom', width: 640, height: 400 },
  ])
    for (const theme of ['light', 'dark'] as const)
      it(`${name}, ${theme}: the queue shows every reason whole, and no page or header is cut`, async () => {
        const context = await browser.newContext({ colorScheme: theme, viewport: { width, height } })
        const { page, clean } = await watched(context)
        await enter(page, here.userLink('admin'))
        await page.locator('.grid-body .grid-row', { hasText: LONG }).waitFor()
        assert.deepEqual(
          await page
            .locator('.grid-body .col-why')
            .evaluateAll((cells) =>
              cells
                .filter((it) => it.clientHeight === 0 || it.scrollHeight > it.clientHeight + 1)
                .map((it) => it.textContent),
            ),
          [],
        )
        for (const part of ['.col-band', '.col-points', '.col-worker', '.col-case', '.col-seen'])
          assert.ok(await page.locator(`.grid-body ${part}`).first().isVisible(), part)
        for (const hash of new Set(looks.map((it) => it.hash))) {
          await page.goto(`${here.origin}/${hash}`)
          await page.locator('h1').waitFor()
          const cut = await page.evaluate(() =>
            [...document.querySelectorAll('.top, .top *, main > *')].flatMap((it) => {
              const { left, right, width } = it.getBoundingClientRect()
              return width > 1 && (left < -1 || right > innerWidth + 1) ? [`${it.className} ${left}-${right}`] : []
            }),
          )
          assert.deepEqual(cut, [], hash)
          const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
          assert.ok((content ?? 0) <= (window ?? 0), `${hash}: ${content} in ${window}`)
          await screenshot(page, `console-${name}-${theme}-${hash.replace(/\W+/g, '-')}`)
        }
        clean()
        await context.close()
      })

  async function check(page: Page, name: string): Promise<void> {
    await screenshot(page, `console-${name}`, { fullPage: true })
    const levels = await page
      .locator('h1, h2, h3, h4, h5, h6')
      .evaluateAll((all) => all.map((it) => ({ level: Number(it.tagName[1]), text: it.textContent })))
    for (const [index, { level, text }] of levels.entries())
      assert.ok(level <= (levels[index - 1]?.level ?? 0) + 1, `h${level} '${text}' after h${levels[index - 1]?.level}`)
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
