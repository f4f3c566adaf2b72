/** Pages that the demo company does not have, in both themes: before the first data, and with what is missing. */
import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { browser as chromium, screenshot } from '../../chromium.ts'
import { finding } from '../assess/finding.ts'
import { DAY } from '../events.ts'
import { accessible, inWindow, reasonsWhole } from './checks.ts'
import { enter, type Site, site, watched } from './site.ts'

/** Longer than any pair of sentences of our rules with ordinary values. */
const LONG =
  'For 4 days the laptop of this worker connected from Bucharest (RO), 8,123 km from the place in the contract, through a data centre that proves no place. A remote-control tool that the contract does not approve was set up for access while nobody is at the laptop, and it was driven from outside for 7 hours.'

describe('server/console: without data, in light and dark', function () {
  this.timeout(60_000)
  let browser: Browser
  let here: Site
  before(async function () {
    browser = await chromium(this)
    here = await site()
    const strong = { worker: 'w2', strength: 4 as const, pattern: 'critical' as const, halfLifeDays: null }
    here.stage.find(finding({ ...strong, says: LONG }))
    const faded = { worker: 'w3', strength: 4 as const, halfLifeDays: 7, lastTime: Date.now() - 40 * DAY }
    for (const it of ['process', 'address'] as const)
      here.stage.find(finding({ ...faded, time: faded.lastTime, sensors: [it], says: `Seen in the ${it}.` }))
    await here.stage.judge()
  })
  after(async () => {
    await browser?.close()
    await here?.stop()
  })

  for (const theme of ['light', 'dark'] as const) {
    it(`sign-in and welcome, ${theme}`, async () => {
      const context = await browser.newContext({ colorScheme: theme })
      const { page, clean } = await watched(context, [/401/])
      await page.goto(here.origin)
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      await accessible(page, 'sign-in')
      await screenshot(page, `console-sign-in-${theme}`)
      await page.goto(await here.userLink('analyst'))
      await page.getByRole('heading', { name: 'Welcome to Tellwire' }).waitFor()
      await accessible(page, 'welcome')
      await screenshot(page, `console-welcome-${theme}`)
      clean()
      await context.close()
    })

    it(`the first minute, ${theme}`, async () => {
      const empty = await site()
      const context = await browser.newContext({ colorScheme: theme })
      const { page, clean } = await watched(context)
      await enter(page, empty.adminLink())
      await page.getByRole('heading', { name: 'Nothing to watch yet' }).waitFor()
      await accessible(page, 'empty')
      await screenshot(page, `console-empty-${theme}`)
      clean()
      await context.close()
      await empty.stop()
    })

    it(`a case that waits undecided, ${theme}`, async () => {
      const context = await browser.newContext({ colorScheme: theme, viewport: { width: 1440, height: 900 } })
      const { page, clean } = await watched(context)
      await enter(page, here.userLink('analyst'))
      const row = page.locator('.grid-body .grid-row', { hasText: 'w3' })
      const waits = row.locator('.waits')
      await waits.waitFor()
      assert.equal(await waits.innerText(), 'waits undecided')
      assert.match(
        (await waits.getAttribute('title')) ?? '',
        /^It was that high on 2\d{3}-.*nobody has decided since\.$/,
      )
      assert.equal(await page.locator('.grid-body .grid-row', { hasText: LONG }).getByText('waits').count(), 0)
      // Nothing of it is cut.
      for (const cell of await row.locator('.col-case').all())
        assert.ok(await cell.evaluate((it) => it.scrollWidth <= it.clientWidth && it.scrollHeight <= it.clientHeight))
      await accessible(page, 'a waiting case')
      await screenshot(page, `console-workers-waiting-${theme}`)
      await page.setViewportSize({ width: 390, height: 844 })
      assert.ok(await waits.isVisible())
      await screenshot(page, `console-workers-waiting-390-${theme}`)
      clean()
      await context.close()
    })

    it(`a worker without contract and laptop, ${theme}`, async () => {
      const context = await browser.newContext({ colorScheme: theme })
      const { page, clean } = await watched(context)
      await enter(page, here.userLink('analyst'))
      await page.goto(`${here.origin}/#/workers/w2`)
      await page.getByRole('heading', { name: 'w2', level: 1 }).waitFor()
      await page.getByText('No contract is known: the place cannot be checked.').waitFor()
      const unseen = page.getByRole('region', { name: 'What we would not see' })
      assert.match(
        await unseen.innerText(),
        /No laptop reports: none of this can be seen\.\s+What a laptop would show$/,
      )
      await accessible(page, 'no contract')
      await unseen.locator('summary').click()
      assert.match(await unseen.innerText(), /Hardware[\s\S]*IP-KVMs, keyboard gadgets/)
      await screenshot(page, `console-worker-no-contract-${theme}`, { fullPage: true })
      clean()
      await context.close()
    })
  }

  it('a narrow list shows the longest reason whole', async () => {
    const context = await browser.newContext()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('analyst'))
    for (const width of [320, 390, 640]) {
      await page.setViewportSize({ width, height: 700 })
      await page.locator('.grid-body .grid-row', { hasText: LONG }).waitFor()
      await reasonsWhole(page)
      await inWindow(page, `${width} pixels`)
      for (const part of ['.col-band', '.col-points', '.col-worker', '.col-case', '.col-seen'])
        assert.ok(await page.locator(`.grid-body ${part}`).first().isVisible(), part)
    }
    clean()
    await context.close()
  })
})
