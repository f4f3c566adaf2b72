/** Using the console: by keyboard, with hostile text, with many workers, with a server that restarts. */
import assert from 'node:assert/strict'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { LEAST } from '../../../server/assess/score.ts'
import { BAND_FROM, PASSWORD_MIN as PAGE_PASSWORD_MIN } from '../../../server/console/limits.ts'
import { BANDS } from '../../../server/model/assessment.ts'
import { pointsOf, signed } from '../../../server/model/points.ts'
import { PASSWORD_MIN } from '../../../server/model/user.ts'
import { workerPage } from '../../../server/views/worker.ts'
import { browser as chromium, screenshot } from '../../chromium.ts'
import { finding } from '../assess/finding.ts'
import { contract, holding, processStart } from '../events.ts'
import { HOSTILE, hostile, idOf } from './hostile.ts'
import { enter, type Site, site, watched } from './site.ts'
import { displaced, fill } from './story.ts'

const DAY = 86_400_000

describe('server/console: in use', function () {
  this.timeout(120_000)
  let browser: Browser
  let context: BrowserContext
  let here: Site
  before(async function () {
    browser = await chromium(this)
  })
  after(() => browser?.close())
  beforeEach(async () => {
    here = await site()
    context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  })
  afterEach(async () => {
    await context.close()
    await here.stop()
  })

  it('has the same minimum password length as the API', () => assert.equal(PAGE_PASSWORD_MIN, PASSWORD_MIN))

  it('has the same thresholds of the bands as the score', () => assert.deepEqual(BAND_FROM, LEAST))

  it('the script and style stay small', () => {
    const bytes = [...here.files.values()].reduce((sum, file) => sum + file.gzip.length, 0)
    assert.ok(bytes < 120_000, `${bytes} bytes compressed`)
  })

  it('signs in by link, removes the secret from the address, sets a password, and signs in with it', async () => {
    const { page, clean } = await watched(context, [/401/])
    await page.goto(await here.adminLink())
    await page.getByLabel('Name').fill('ada')
    assert.match(page.url(), /#\/welcome$/)
    await page.reload()
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('New password', { exact: true }).fill('correct horse battery')
    await page.getByLabel('Repeat the new password').fill('correct horse batterx')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('are not the same').waitFor()
    await page.getByLabel('Repeat the new password').fill('correct horse battery')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Nothing to watch yet' }).waitFor()

    await page.locator('.menu summary').click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The name or the password is wrong.').waitFor()
    await page.getByLabel('Password').fill('correct horse battery')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Nothing to watch yet' }).waitFor()
    clean()
  })

  it('a used link shows an error and a way to sign in', async () => {
    const link = await here.adminLink()
    const { page } = await watched(context)
    await enter(page, Promise.resolve(link))
    await context.clearCookies()
    const again = await watched(context, [/401/])
    await again.page.goto(link)
    await again.page.getByText('This link is unknown, used or expired').waitFor()
    await again.page.getByRole('link', { name: 'Sign in with a password' }).click()
    await again.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    again.clean()
  })

  it('an address of no page says so, and that of all workers is their list', async () => {
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('analyst'))
    await page.goto(`${here.origin}/#/nothing`)
    await page.getByText('There is no such page.').waitFor()
    for (const address of ['workers', 'workers/']) {
      await page.goto(`${here.origin}/#/nothing`)
      await page.goto(`${here.origin}/#/${address}`)
      await page.getByRole('heading', { name: 'Nothing to watch yet' }).waitFor()
    }
    clean()
  })

  it('shows hostile text as text everywhere', async () => {
    for (const [index, { text }] of HOSTILE.entries()) await hostile(here.stage, text, index)
    await here.stage.judge()
    await here.stage.queue.reload()

    const { page, clean } = await watched(context)
    await enter(page, here.userLink('admin'))
    for (const { name, text } of HOSTILE) {
      await page.goto(`${here.origin}/#/`)
      await page.getByRole('row').nth(1).waitFor()
      await page.goto(`${here.origin}/#/workers/${encodeURIComponent(idOf(text))}`)
      await page.getByRole('heading', { name: /^Why / }).waitFor()
      await openEverything(page)
      await nothingInjected(page, name)
      await page.goto(`${here.origin}/#/clusters/${encodeURIComponent(idOf(text))}`)
      await page.getByRole('heading', { name: '2 people, one case' }).waitFor()
      await nothingInjected(page, `the cluster of ${name}`)
    }
    await page.goto(`${here.origin}/#/clusters`)
    await page.getByRole('heading', { name: 'Clusters', level: 1 }).waitFor()
    assert.ok(!(await page.locator('main').innerText()).includes('\u202e'))
    await nothingInjected(page, 'clusters')
    await page.goto(`${here.origin}/#/laptops`)
    await page.getByRole('heading', { name: 'Laptops', level: 1 }).waitFor()
    await openEverything(page)
    await nothingInjected(page, 'laptops')

    await page.goto(`${here.origin}/#/workers/${encodeURIComponent(idOf(HOSTILE[0]?.text ?? ''))}`)
    await page.getByRole('heading', { name: /^Why / }).waitFor()
    await openEverything(page)
    await page.locator('.fields td', { hasText: '<img src=x onerror="alert(1)">' }).first().waitFor()
    await screenshot(page, 'console-hostile', { fullPage: true })
    await page.goto(`${here.origin}/#/workers/${encodeURIComponent(idOf(HOSTILE[1]?.text ?? ''))}`)
    await page.locator('.verdict', { hasText: 'cod.exe' }).waitFor()
    await page.locator('.unseen', { hasText: 'U+202E' }).first().waitFor()
    assert.ok(!(await page.locator('main').innerText()).includes('\u202e'))
    assert.ok(!(await page.title()).includes('\u202e'))
    clean()
  })

  it('cuts a long value, and shows it whole on request', async () => {
    const long = `${'B'.repeat(10_239)}E`
    await here.stage.records(contract('w1'))
    here.stage.find(finding({ says: 'a long name', events: [processStart(long)], time: Date.now() }))
    await here.stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/workers/w1`)
    await page.locator('.score-line', { hasText: 'a long name' }).getByRole('button', { name: '1 event' }).click()
    const value = page.locator('.fields td', { hasText: 'BBBB' }).first()
    assert.ok((await value.innerText()).length < 400)
    await value.getByRole('button', { name: 'show all 10,240 characters' }).click()
    assert.ok((await value.innerText()).includes(long))
    clean()
  })

  it('a verdict by keyboard only: choose, cancel, choose again, explain, send, and see it on the page', async () => {
    await displaced(here.stage, 'w1', Date.now())
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('analyst'))
    await page.getByRole('grid').press('Enter')
    const box = page.getByRole('textbox', { name: /^Why/ })
    await page.getByText('Nobody has decided yet.').waitFor()
    await page.keyboard.press('1')
    await page.getByRole('textbox', { name: /Why: Confirmed/ }).waitFor()
    await page.keyboard.type('1 and 2 are text here')
    await page.keyboard.press('Escape')
    await box.waitFor({ state: 'detached' })
    assert.match(page.url(), /#\/workers\/w1$/)
    await page.keyboard.press('2')
    await page.getByRole('textbox', { name: /Why: Benign and expected/ }).waitFor()
    assert.equal(await box.inputValue(), '')
    await page.keyboard.press('Enter')
    assert.equal(await box.evaluate((it: HTMLTextAreaElement) => it.validity.valueMissing), true)
    assert.deepEqual(await here.store.cases.verdictsOf('w1'), [])
    await page.keyboard.type('The help desk, ticket 7.')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('Seen again tomorrow.')
    await page.keyboard.press('Enter')
    await page.locator('.decided', { hasText: 'Benign and expected' }).waitFor()
    const [row] = here.stage.rows()
    const state = await page.locator('.decide-state').innerText()
    assert.match(state, /Closed[\s\S]*by analyst1[\s\S]*Critical with [\s\S]*ticket 7/)
    assert.ok(state.includes(`${pointsOf(row!)} points: The help desk`), state)
    const [verdict] = await here.store.cases.verdictsOf('w1')
    assert.deepEqual(
      [verdict?.verdict, verdict?.by, verdict?.reason],
      ['benign_expected', 'analyst1', 'The help desk, ticket 7.\nSeen again tomorrow.'],
    )
    await page.keyboard.press('Escape')
    await page.locator('.grid-row .col-case', { hasText: 'Closed' }).waitFor()
    clean()
  })

  it('decides one open case after the other by keyboard, never waiting, on a slow server', async () => {
    const names = ['w1', 'w2', 'w3', 'w4', 'w5', 'w6']
    for (const [index, worker] of names.entries()) {
      await here.stage.records(contract(worker))
      here.stage.find(finding({ worker, device: null, halfLifeDays: null, decibans: 32 - 2 * index }))
    }
    await here.stage.judge()
    const order = here.stage.rows().map((it) => it.worker)
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('analyst'))
    await page.getByRole('grid').waitFor()
    // Nothing is answered before all keys are pressed.
    const pressed = Promise.withResolvers<void>()
    await page.route('**/api/v1/workers**', async (route) => {
      await pressed.promise
      await route.continue()
    })
    const press = (key: string) => page.keyboard.press(key)
    for (const key of [1, 2, 3, 4, 1]) {
      await press('j')
      await press('Enter')
      await press(String(key))
      for (const letter of 'seen') await press(letter)
      await press('Enter')
      await press('Escape')
    }
    pressed.resolve()
    await page.waitForFunction(() => location.hash === '#/' && document.querySelectorAll('.case-closed').length === 5)
    const left = here.stage.rows().filter((it) => it.case === 'open')
    assert.deepEqual(
      left.map((it) => it.worker),
      [order[5]],
    )
    for (const worker of order.slice(0, 5))
      assert.deepEqual(
        (await here.store.cases.verdictsOf(worker)).map((it) => it.reason),
        ['seen'],
      )
    clean()
  })

  it('a case that was high and has faded waits for its verdict, and says why', async () => {
    const { stage } = here
    const [time, lastTime] = [Date.now() - 70 * DAY, Date.now() - 42 * DAY]
    await stage.records(contract('w1'))
    stage.find(finding({ strength: 4, halfLifeDays: 14, time, lastTime, says: 'driven by somebody else' }))
    await stage.judge()
    const { parts } = (await workerPage(stage.reader, 'w1'))!.assessment
    const waiting = parts.find((it) => it.kind === 'waiting')!
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('analyst'))
    await page.keyboard.press('n')
    const line = page.locator('.score-line', { hasText: waiting.label })
    await line.getByText('a case that was high waits as it was').waitFor()
    assert.equal(await line.locator('.score-points').innerText(), signed(waiting.points))
    clean()
  })

  it('shows points with their sign, and none for who has no evidence', async () => {
    const { stage } = here
    await stage.records(...['w1', 'w2', 'w3'].map((it) => contract(it)))
    stage.find(
      finding({ worker: 'w1', strength: 4, halfLifeDays: null }),
      finding({ worker: 'w2', strength: 2, halfLifeDays: null }),
    )
    await stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.locator('.grid-row', { hasText: 'w3' }).waitFor()
    const shown = await page.locator('.grid-body .col-points').allInnerTexts()
    assert.deepEqual(shown, stage.rows().map(pointsOf))
    assert.match(shown.join(' '), /^\+\d+ −\d+ –$/)
    await page.goto(`${here.origin}/#/workers/w3`)
    await page.getByText('No findings about this worker').waitFor()
    assert.equal((await page.locator('.verdict .points').innerText()).trim(), '– points')
    clean()
  })

  it('offers the next open case, by button and by key, within the filter of the list', async () => {
    for (const [worker, strength] of [
      ['w1', 4],
      ['w2', 3],
      ['w3', 3],
    ] as const) {
      await here.stage.records(contract(worker))
      here.stage.find(finding({ worker, device: null, strength, halfLifeDays: null }))
    }
    await here.stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('analyst'))
    await page.getByRole('grid').waitFor()
    await page.keyboard.press('n')
    await page.getByRole('heading', { name: 'w1', level: 1 }).waitFor()
    await page.getByRole('button', { name: /Next open case n w2, 2 open/ }).click()
    await page.getByRole('heading', { name: 'w2', level: 1 }).waitFor()
    await page.keyboard.press('n')
    await page.getByRole('heading', { name: 'w3', level: 1 }).waitFor()
    await page.getByRole('button', { name: /Next open case n w1, 2 open/ }).waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.active', { hasText: 'w3' }).waitFor()
    await page.getByRole('button', { name: /^High/ }).click()
    await page.getByRole('row', { name: /w1/ }).click()
    await page.getByText('No other open case in the list.').waitFor()
    clean()
  })

  it('shows each time on a 24-hour clock with its zone, and with the clock of the contract', async () => {
    const time = Date.UTC(2026, 6, 1, 19, 5, 9)
    await here.stage.records(contract('w1', { timeZone: 'America/Chicago' }))
    here.stage.find(
      finding({
        says: 'a finding',
        time,
        lastTime: time,
        halfLifeDays: null,
        events: [processStart('/bin/a', time)],
      }),
    )
    await here.stage.judge()
    const india = await browser.newContext({ timezoneId: 'Asia/Kolkata', locale: 'en-US' })
    const { page, clean } = await watched(india)
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/workers/w1`)
    await page.getByRole('heading', { name: /^Why / }).waitFor()
    await openEverything(page)
    const texts = await page.locator('time').allInnerTexts()
    const clocks = texts.filter((it) => /\d:\d\d/.test(it))
    assert.ok(clocks.length >= 3, texts.join('\n'))
    for (const it of clocks) assert.match(it, /0?0:35(:09)? UTC\+5:30\s+\(Wed 14:05 UTC−5\)$/)
    assert.doesNotMatch(await page.locator('main').innerText(), /\d ?[AP]M\b|24:\d\d/)
    clean()
    await india.close()
  })

  it('a page with 192 findings stays short and light, and shows all of them on request', async () => {
    const { stage } = here
    await stage.records(contract('w1'))
    for (let n = 0; n < 192; n++)
      stage.find(
        finding({
          rule: `rule-${n % 6}`,
          group: `group ${n}`,
          says: `Evidence number ${n} of its kind.`,
          time: Date.now() - n * 3_600_000,
          lastTime: Date.now() - n * 3_600_000,
          count: 10,
          events: Array.from({ length: 10 }, (_, at) => processStart(`/opt/${n}/${at}`)),
        }),
      )
    await stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    const answer = page.waitForResponse(/workers\/w1$/)
    await page.goto(`${here.origin}/#/workers/w1`)
    const bytes = (await (await answer).body()).length
    await page.getByRole('heading', { name: /^Why / }).waitFor()
    await screenshot(page, 'console-192-findings', { fullPage: true })
    const height = await page.evaluate(() => document.documentElement.scrollHeight)
    assert.ok(bytes < 110_000, `${bytes} bytes`)
    assert.ok(height < 3_200, `${height} pixels`)
    await page.getByRole('button', { name: '32 findings', exact: true }).first().click()
    const part = page.locator('.score-opened:not([hidden])')
    assert.equal(await part.locator('.finding').count(), 5)
    await part.getByRole('button', { name: 'Show all 32 findings' }).click()
    await part.locator('.finding').nth(31).waitFor({ state: 'attached' })
    assert.equal(await part.locator('.finding').count(), 32)
    clean()
  })

  it('a refused verdict shows the reason and keeps the text', async () => {
    await displaced(here.stage, 'w1', Date.now())
    const { page, clean } = await watched(context, [/400/])
    await enter(page, here.userLink('admin'))
    await page.goto(`${here.origin}/#/workers/w1`)
    await page.getByRole('button', { name: /Bad data/ }).click()
    await page.getByRole('textbox', { name: /^Why/ }).fill('     ')
    await page.getByRole('button', { name: /^Send/ }).click()
    await page.getByRole('alert').waitFor()
    assert.equal(await page.getByRole('textbox', { name: /^Why/ }).inputValue(), '     ')
    clean()
  })

  it('a viewer sees the decision and new evidence, but cannot decide', async () => {
    const { stage } = here
    await stage.records(contract('w1'))
    stage.find(finding({ halfLifeDays: null }))
    await stage.judge()
    await stage.decide('w1', { verdict: 'rule_too_wide', reason: 'fires on every build' }, 'ann')
    stage.find(finding({ title: 'IP-KVM on a USB port', family: 'hardware', strength: 4, time: Date.now() }))
    await stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/workers/w1`)
    const state = page.locator('.decide-state')
    await state.waitFor()
    assert.match(await state.innerText(), /Reopened[\s\S]*new evidence: IP-KVM on a USB port/)
    const [verdict] = await here.store.cases.verdictsOf('w1')
    const words = (await state.innerText()).replace(/\s+/g, ' ')
    assert.match(words, /Rule too wide by ann, .*Medium with /)
    assert.ok(words.includes(`with ${pointsOf(verdict!)} points: fires on every build`), words)
    await page.keyboard.press('1')
    assert.equal(await page.getByRole('button', { name: /Confirmed/ }).count(), 0)
    assert.equal(await page.getByRole('textbox', { name: /^Why/ }).count(), 0)
    clean()
  })

  it('each fact shows the score without it, and those that carry the band are listed', async () => {
    const { stage } = here
    await displaced(stage, 'w1', Date.now())
    const same = { worker: 'w2', strength: 4 as const, halfLifeDays: null }
    for (const sensor of ['process', 'address', 'files'])
      stage.find(finding({ ...same, sensors: [sensor], says: sensor }))
    await stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/workers/w1`)
    const { band, parts } = (await workerPage(stage.reader, 'w1'))!.assessment
    const carriers = parts.filter((it) => it.without && BANDS.indexOf(it.without.band) < BANDS.indexOf(band))
    assert.ok(carriers.length > 0)
    await page.locator('.clears p').first().waitFor()
    assert.deepEqual(
      (await page.locator('.clears p').allInnerTexts()).map((it) => it.replace(/\s+/g, ' ')),
      carriers.map(({ label, without }) => {
        const to = without!.band
        return `It would be ${signed(without!.points)} ${to[0]!.toUpperCase()}${to.slice(1)} without: ${label}`
      }),
    )
    const { label, without } = carriers[0]!
    await page.locator('.score-line', { hasText: label }).getByRole('button').click()
    await page.getByText(`Without this: ${signed(without!.points)}, ${without!.band}.`).waitFor()
    await page.goto(`${here.origin}/#/workers/w2`)
    await page.getByText('No single fact. Without any one of them it stays critical.').waitFor()
    const headings = (await page.locator('.score-group').allInnerTexts()).map((it) => it.replace(/\s+/g, ' '))
    const { withoutSensor } = (await workerPage(stage.reader, 'w2'))!.assessment
    const told = Object.values(withoutSensor).map((it) => `· without all of it ${signed(it.points)}, ${it.band}`)
    assert.deepEqual(
      headings.flatMap((it) => it.match(/· .*$/)?.[0] ?? []),
      told,
    )
    assert.equal(told.length, 3)
    await screenshot(page, 'console-score-without-sensor', { fullPage: true })
    clean()
  })

  it('on a phone the sensors fold to subtotals; a key opens one, and the timeline the one of its finding', async () => {
    await displaced(here.stage, 'w1', Date.now())
    const about = { halfLifeDays: null, time: Date.now(), lastTime: Date.now() }
    for (const it of ['address', 'files']) here.stage.find(finding({ ...about, sensors: [it], says: `seen by ${it}` }))
    await here.stage.judge()
    const { page, clean } = await watched(context)
    await page.setViewportSize({ width: 390, height: 844 })
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/workers/w1`)
    const folds = page.locator('.score-fold')
    const lines = page.locator('.score-line:visible')
    await folds.last().waitFor()
    const all = await page.locator('.score-line').count()
    assert.ok((await lines.count()) < all)
    const closed = page.locator('.score-fold[aria-expanded="false"]')
    const left = await closed.count()
    assert.equal(left, (await folds.count()) - 1)
    await closed.first().press('Enter')
    await page.waitForFunction(
      (count) => document.querySelectorAll('.score-fold[aria-expanded="false"]').length === count,
      left - 1,
    )
    await page.setViewportSize({ width: 1440, height: 900 })
    await folds.first().waitFor({ state: 'detached' })
    assert.equal(await lines.count(), all)
    await page.setViewportSize({ width: 390, height: 844 })
    await folds.first().waitFor()
    await page
      .locator('.score-fold[aria-expanded="true"]')
      .evaluateAll((all: HTMLElement[]) => all.map((it) => it.click()))
    await page.locator('.finding').first().waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'show finding' }).first().click()
    await page.locator('.finding:visible > summary:focus').waitFor()
    clean()
  })

  it('shows the contract compared with what was seen, and what would be missed', async () => {
    await displaced(here.stage, 'w1', Date.now())
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/workers/w1`)
    const verdicts = page.locator('.observed-verdict')
    await verdicts.first().waitFor()
    assert.deepEqual(
      (await verdicts.allInnerTexts()).map((it) => it.replace(/^\S+\s+/, '')),
      ['differs', 'not known', 'agrees', 'differs', 'differs', 'not known'],
    )
    const unseen = page.getByRole('region', { name: 'What we would not see' })
    assert.match(await unseen.innerText(), /Hardware[\s\S]*by their USB description[^\n]*blind usb_device/)
    assert.match(await unseen.innerText(), /cannot fire: “[^\n]*never filled \w+\.\w+/)
    assert.match(await unseen.innerText(), /A tool that is renamed and re-signed/)
    clean()
  })

  it('clusters: highest first, and gone when their findings are', async () => {
    const { stage } = here
    await fill(stage, 40, Date.now())
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/clusters`)
    await page.locator('.clusters a').nth(1).waitFor()
    const [first, second] = await page.locator('.clusters a').allInnerTexts()
    assert.match(first ?? '', /Critical[\s\S]*5 people/)
    assert.match(second ?? '', /Medium[\s\S]*2 people share a Wi-Fi/)
    for await (const block of stage.store.evaluations.findings('e1'))
      for (const { id, rule } of block) if (rule.startsWith('shares ')) stage.retract(id)
    await stage.judge()
    await page.getByText('No unrelated workers share an uplink').waitFor()
    await page.goto(`${here.origin}/#/clusters/gone`)
    await page.getByText('This cluster no longer exists').waitFor()
    clean()
  })

  it('5,000 workers: draws few rows, and filters, search and scrolling to the end work', async () => {
    await fill(here.stage, 5_000, Date.now())
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    const drawn = page.locator('.grid-body .grid-row')
    await drawn.first().waitFor()
    assert.ok((await drawn.count()) < 60)
    await page.locator('[aria-rowcount="5001"]').waitFor()
    await page.getByRole('grid').press('End')
    await page.locator('[aria-rowindex="5001"]').waitFor()
    assert.ok((await drawn.count()) < 60)
    await page.getByRole('button', { name: /^Critical/ }).click()
    const critical = here.stage.rows().filter((it) => it.band === 'critical').length
    await page.locator(`[aria-rowcount="${critical + 1}"]`).waitFor()
    await page.getByRole('button', { name: /^Critical/ }).click()
    await page.getByRole('searchbox').fill('w4321')
    await page.locator('[aria-rowcount="2"]').waitFor()
    assert.match(await drawn.first().innerText(), /w4321/)
    await screenshot(page, 'console-search')
    clean()
  })

  it('measures the time until it can be used: 5,000 workers on a processor four times slower', async () => {
    await fill(here.stage, 5_000, Date.now())
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    // Timed in the page itself, because outside calls are slowed down too.
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector('.grid-body .grid-row')) return
        observer.disconnect()
        requestAnimationFrame(() => setTimeout(() => performance.mark('usable')))
      }).observe(document, { subtree: true, childList: true })
    })
    const devtools = await context.newCDPSession(page)
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    await page.reload()
    const usable = await page.waitForFunction(() => performance.getEntriesByName('usable')[0]?.startTime)
    const ms = Math.round((await usable.jsonValue()) ?? 0)
    await page.getByRole('grid').press('j')
    await page.locator('.grid-row.active').waitFor()
    console.log(
      `      5,000 workers, 4x slower processor: first row after ${ms} ms (budget 1,500; measured, not asserted)`,
    )
    clean()
  })

  it('new results appear on the page, and the selected worker stays selected', async () => {
    const { stage } = here
    await stage.records(contract('w1'), contract('w2'))
    await stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.getByRole('grid').press('End')
    await page.locator('.active', { hasText: 'w2' }).waitFor()
    await stage.records(contract('w3'))
    stage.find(finding({ worker: 'w2', pattern: 'critical', halfLifeDays: null }))
    await stage.judge()
    await page.locator('.active[aria-rowindex="2"]', { hasText: 'Critical' }).waitFor()
    assert.match(await page.locator('.active').innerText(), /w2/)
    await page.locator('.grid-row', { hasText: 'w3' }).waitFor()
    clean()
  })

  it('a page reloads only data that it shows', async () => {
    const { stage } = here
    await stage.records(contract('w1'), contract('w2'), contract('w3'))
    await stage.judge()
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.locator('.grid-row', { hasText: 'w3' }).waitFor()
    const asked: string[] = []
    page.on('request', (request) => {
      const [, path] = /^\/api\/v1(\/.*)$/.exec(new URL(request.url()).pathname) ?? []
      if (path) asked.push(path)
    })
    const addFinding = async (worker: string, says: string) => {
      stage.find(finding({ worker, says, halfLifeDays: null }))
      await stage.judge()
    }
    // Once this is shown, the requests of opening the page are done.
    await addFinding('w2', 'before the first word')
    await page.getByText('before the first word').waitFor()
    asked.length = 0
    await addFinding('w3', 'the first word')
    await page.getByText('the first word', { exact: true }).waitFor()
    assert.deepEqual(asked, ['/workers'])

    await page.goto(`${here.origin}/#/workers/w1`)
    await page.getByRole('heading', { name: 'w1', level: 1 }).waitFor()
    asked.length = 0
    await addFinding('w3', 'a word about another')
    await addFinding('w1', 'the second word')
    await page.locator('.reason', { hasText: 'the second word' }).waitFor()
    // The next open case is on the page too.
    assert.deepEqual([...new Set(asked)].sort(), ['/workers', '/workers/w1'])
    await page.keyboard.press('Escape')
    await page.getByText('before the first word').waitFor()
    assert.deepEqual([...new Set(asked)].sort(), ['/workers', '/workers/w1'])
    clean()
  })

  it('counts the events of the first laptops, while there are no findings', async () => {
    const { stage } = here
    await stage.enroll('d1')
    await stage.records(contract('w1'), holding('d1', 'w1'))
    stage.book('d1', { events: 312 })
    await stage.judge()
    await stage.connect('d1')
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.getByText('1 laptop connected, 312 events so far').waitFor()
    stage.book('d1', { events: 1_204 })
    await stage.judge()
    await page.getByText('1,204 events so far').waitFor()
    await screenshot(page, 'console-first-events')
    clean()
  })

  it('laptops: details on demand, search on the server, and more pages', async () => {
    await fill(here.stage, 120, Date.now())
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/laptops`)
    const cards = page.locator('.laptop')
    await cards.first().waitFor()
    assert.equal(await cards.count(), 50)
    await page.getByRole('button', { name: 'Show 50 more' }).click()
    await page.locator('.laptop', { hasText: 'lt-0100' }).waitFor()
    await cards.first().locator('summary').click()
    await page.getByText('EACCES: permission denied').first().waitFor()
    await page.getByRole('searchbox').fill('leeds w0004')
    await page.locator('.laptop', { hasText: 'lt-0003' }).waitFor({ state: 'detached' })
    await page.getByText('No laptops match.').waitFor()
    await page.getByRole('searchbox').fill('W0004')
    await page.locator('.laptop', { hasText: 'lt-0004' }).waitFor()
    assert.equal(await cards.count(), 1)
    await here.stage.disconnect('lt-0004')
    await page.locator('.laptop', { hasText: 'Offline' }).waitFor()
    clean()
  })

  it('enrolling a laptop: shows the command once, and not to a viewer', async () => {
    const { page, clean } = await watched(context, [/400/])
    await enter(page, here.userLink('analyst'))
    await page.getByRole('button', { name: 'Enroll a laptop' }).click()
    await page.getByLabel('Worker who holds it').fill('not an id!')
    await page.getByRole('button', { name: 'Create a token' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Worker who holds it').fill('w7')
    await page.getByRole('button', { name: 'Create a token' }).click()
    assert.match(await page.getByLabel('Command to enroll').inputValue(), /^npx tellwire agent enroll tw1\./)
    assert.deepEqual(
      here.tokens.map(({ worker }) => worker),
      ['w7'],
    )
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Enroll a laptop' }).click()
    assert.equal(await page.getByLabel('Command to enroll').count(), 0)
    clean()

    const other = await browser.newContext()
    const viewer = await watched(other)
    await enter(viewer.page, here.userLink('viewer'))
    await viewer.page.getByRole('heading', { name: 'Nothing to watch yet' }).waitFor()
    assert.equal(await viewer.page.getByRole('button', { name: 'Enroll a laptop' }).count(), 0)
    await other.close()
  })

  it('revoking a laptop by keyboard: asks why, shows by whom, and is not offered to a viewer', async () => {
    await here.stage.enroll('d1')
    await here.stage.records(holding('d1', 'w1'))
    const { page, clean } = await watched(context, [/401/])
    await enter(page, here.userLink('analyst'))
    await page.goto(`${here.origin}/#/laptops`)
    await page.locator('.laptop > summary').click()
    const button = page.getByRole('button', { name: 'Revoke this laptop' })
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal((await here.store.devices.get('d1'))?.revokedAt, null)

    await button.focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.getByRole('textbox', { name: 'Why' }).focus()
    await page.keyboard.type('Left in a train.')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('by analyst1: Left in a train.').waitFor()
    await page.locator('.presence', { hasText: 'Revoked' }).waitFor()
    await button.waitFor({ state: 'detached' })

    await here.stage.enroll('d2')
    await here.stage.records(holding('d2', 'w1'))
    await context.clearCookies()
    await enter(page, here.userLink('viewer'))
    await page.goto(`${here.origin}/#/laptops`)
    await page.locator('.laptop > summary').nth(1).click()
    await page.getByText('What can be seen on it').waitFor()
    assert.equal(await button.count(), 0)
    clean()
  })

  it('managing users by keyboard: add, change the role, disable, and the refusal for the last admin', async () => {
    const { page, clean } = await watched(context, [/403/])
    await enter(page, here.adminLink())
    await page.getByRole('link', { name: 'Users' }).focus()
    await page.keyboard.press('Enter')
    const name = page.getByRole('textbox', { name: 'Name' })
    await name.focus()
    await page.keyboard.type('ben')
    await page.keyboard.press('Enter')
    const link = page.getByRole('textbox', { name: 'One-time link for ben' })
    await link.waitFor()
    assert.match(await link.inputValue(), /^http:.*\/#\/welcome\/o\.\d+\./)
    const row = page.getByRole('row', { name: /^ben/ })

    await page.getByRole('button', { name: 'Change role of ben' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByLabel('Role').selectOption('viewer')
    await page.getByRole('button', { name: 'Change role', exact: true }).focus()
    await page.keyboard.press('Enter')
    await row.getByRole('cell', { name: 'viewer', exact: true }).waitFor()

    await page.getByRole('button', { name: 'Disable ben' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Disable', exact: true }).focus()
    await page.keyboard.press('Enter')
    await row.getByText('disabled').waitFor()
    assert.notEqual((await here.store.users.byName('ben'))?.disabledAt, null)

    await page.getByRole('button', { name: 'Remove admin' }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByText('This is the last admin who can sign in.').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    clean()
  })

  it('an analyst is not offered the users', async () => {
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('analyst'))
    assert.equal(await page.getByRole('link', { name: 'Laptops' }).count(), 1)
    assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0)
    clean()
  })

  it('shows a lost connection, and reconnects', async () => {
    await here.stage.records(contract('w1'))
    const { page, clean } = await watched(context, [/ERR_/])
    await enter(page, here.userLink('viewer'))
    await page.locator('.grid-body .grid-row').waitFor()
    await here.stop()
    await page.getByText('Connection lost.').waitFor()
    await screenshot(page, 'console-lost')
    assert.equal(await page.locator('.grid-body .grid-row').count(), 1)
    await here.stage.records(contract('w2'))
    await here.listen()
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 15_000 })
    await page.locator('.grid-row', { hasText: 'w2' }).waitFor()
    assert.equal(await page.getByText('Connection lost.').count(), 0)
    clean()
  })

  it('shows the sign-in page when the session ended elsewhere', async () => {
    await here.stage.records(contract('w1'))
    const { page, clean } = await watched(context, [/401/])
    await enter(page, here.userLink('viewer'))
    await context.clearCookies()
    await here.stage.records(contract('w2'))
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    clean()
  })

  it('keeps the theme', async () => {
    const { page, clean } = await watched(context)
    await enter(page, here.userLink('viewer'))
    const background = () => page.evaluate(() => getComputedStyle(document.body).colorScheme)
    await page.getByLabel('Theme').selectOption('dark')
    await page.reload()
    await page.getByText('Live', { exact: true }).waitFor()
    assert.equal(await page.getByLabel('Theme').inputValue(), 'dark')
    assert.equal(await background(), 'dark')
    clean()
  })

  async function openEverything(page: Page): Promise<void> {
    await page.evaluate(() => {
      for (const details of document.querySelectorAll<HTMLDetailsElement>('main details')) details.open = true
      for (const it of document.querySelectorAll<HTMLElement>('.score-open[aria-expanded="false"]')) it.click()
    })
    for (const button of await page.getByRole('button', { name: /^show all/ }).all()) {
      if (await button.isVisible()) await button.click({ timeout: 2_000 }).catch(() => {})
    }
  }

  /** Asserts that there are no foreign scripts, loads or links. */
  async function nothingInjected(page: Page, name: string): Promise<void> {
    const foreign = await page.evaluate(() =>
      [...document.querySelectorAll('*')]
        .filter(
          (it) =>
            /^(IMG|IFRAME|OBJECT|EMBED|BASE|FORM)$/.test(it.tagName) ||
            (it.tagName === 'SCRIPT' && !it.getAttribute('src')?.startsWith('/assets/')) ||
            (it.tagName === 'A' && !it.getAttribute('href')?.startsWith('#/')) ||
            [...it.attributes].some((attribute) => attribute.name.startsWith('on')),
        )
        .map((it) => it.outerHTML.slice(0, 200)),
    )
    assert.deepEqual(foreign, [], name)
  }
})
