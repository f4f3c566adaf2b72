/** The page in a real browser: both themes, every language, a narrow window, by keyboard. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { LANGUAGES, TEXTS } from '../../../agent/show/languages.ts'
import { STYLE } from '../../../agent/show/page.ts'
import { openPage, type Page } from '../../../agent/show/page-server.ts'
import { showReport } from '../../../agent/show/report.ts'
import { browser as chromium, screenshot } from '../../chromium.ts'
import { accessible } from '../../server/console/checks.ts'
import { NOW, sources } from './sample.ts'

const ANN = { asker: { name: 'ann', isRoot: false }, people: [{ name: 'bob', home: '/home/bob' }] }

describe('agent/show: the page in a browser', function () {
  this.timeout(120_000)
  let browser: Browser
  let page: Page
  before(async function () {
    browser = await chromium(this)
  })
  beforeEach(async () => {
    page = (await openPage({ port: 0, now: () => NOW, report: async () => showReport(sources(), ANN) }))!
  })
  afterEach(() => page?.close())
  after(() => browser?.close())

  async function opened(options: Parameters<Browser['newContext']>[0], path = '') {
    const context = await browser.newContext(options)
    const view = await context.newPage()
    const problems: string[] = []
    view.on('console', (it) => problems.push(it.text()))
    view.on('pageerror', (it) => problems.push(it.message))
    view.on('request', (it) => it.url().startsWith(page.url) || problems.push(it.url()))
    // The browser asks for it by itself.
    await context.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }))
    await view.goto(page.url + path)
    return { context, view, problems }
  }
  const sideways = 'document.documentElement.scrollWidth - innerWidth'

  for (const colorScheme of ['light', 'dark'] as const)
    it(`${colorScheme}: accessible, with nothing from elsewhere`, async () => {
      const { context, view, problems } = await opened({ colorScheme, locale: 'en-US' })
      await screenshot(view, `agent-page-${colorScheme}`, { fullPage: true })
      for (const it of await view.locator('summary').all()) await it.click()
      await screenshot(view, `agent-page-open-${colorScheme}`, { fullPage: true })
      await accessible(view, colorScheme)
      assert.deepEqual(problems, [])
      await context.close()
    })

  for (const language of LANGUAGES)
    it(`${language}: fits a narrow window, and says the language of its words`, async () => {
      const { context, view } = await opened({ viewport: { width: 390, height: 800 }, locale: language })
      assert.equal(await view.locator('html').getAttribute('lang'), language)
      assert.equal(await view.locator('h1').innerText(), TEXTS[language].title)
      assert.equal(await view.locator('nav [aria-current]').innerText(), TEXTS[language].language)
      for (const it of await view.locator('summary').all()) await it.click()
      assert.ok(Number(await view.evaluate(sideways)) <= 0)
      await screenshot(view, `agent-page-390-${language}`, { fullPage: true })
      await context.close()
    })

  it('by keyboard: skip link, languages, and each kind opens', async () => {
    const { context, view } = await opened({ locale: 'en-US' })
    await view.keyboard.press('Tab')
    assert.equal(await view.evaluate('document.activeElement.className'), 'skip')
    await view.keyboard.press('Enter')
    for (let n = 0; n < 40 && (await view.evaluate('document.activeElement.tagName')) !== 'SUMMARY'; n++)
      await view.keyboard.press('Tab')
    await view.keyboard.press('Enter')
    const first = view.locator('details').first()
    assert.equal(await first.getAttribute('open'), '')
    assert.match(await first.innerText(), /git -C \/home\/ann\/work pull/)
    assert.doesNotMatch(await view.locator('body').innerText(), /secret\.txt/)
    await context.close()
  })

  it("another site's page reads nothing of it", async () => {
    const context = await browser.newContext()
    await context.route('https://evil.example/**', (route) => route.fulfill({ contentType: 'text/html', body: '<p>x' }))
    const view = await context.newPage()
    await view.goto('https://evil.example/')
    const read = await view.evaluate(async (url) => {
      const text = await fetch(url).then(
        (it) => it.text(),
        (cause) => `failed: ${cause.name}`,
      )
      const blind = await fetch(url, { mode: 'no-cors' }).then(
        (it) => it.text(),
        (cause) => `failed: ${cause.name}`,
      )
      return [text, blind]
    }, page.url)
    assert.ok(
      read.every((it) => it === '' || it.startsWith('failed')),
      String(read),
    )
    await context.close()
  })

  it("its colours are the console's", () => {
    const tokens = readFileSync(join(import.meta.dirname, '../../../server/console/tokens.css'), 'utf8')
    const normal = (it: string) => it.replace(/\s/g, '')
    const own = [...STYLE.matchAll(/(--[\w-]+):(light-dark\([^)]*\))/g)].map(([, name, value]) => `${name}:${value}`)
    assert.ok(own.length >= 8)
    for (const it of own) assert.ok(normal(tokens).includes(`${normal(it)};`), it)
  })
})
