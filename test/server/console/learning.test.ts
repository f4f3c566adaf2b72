/** The page on which a person says what is the company's own, in a browser. */
import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { Census, type CensusSighting } from '../../../server/derive/kit/census.ts'
import { allRows } from '../../../server/derive/kit/kept.ts'
import type { CatalogueFacts } from '../../../wire/recording.ts'
import { browser as chromium, screenshot } from '../../chromium.ts'
import { AUSTIN, contract, DAY, event, processStart } from '../events.ts'
import { accessible, inWindow } from './checks.ts'
import { enter, type Site, site, watched } from './site.ts'

type Found = NonNullable<CatalogueFacts['tools']>[number]
const tool = (id: string, name: string): Found => ({
  ...{ id, name, category: 'rmm-agent', by: 'name', renamed: false, unattended: null },
})
const FLEET = 40

/** Forty people with one management tool and one exit, a few with something else; eleven days after the first. */
async function withFleet(here: Site): Promise<void> {
  const since = Date.now() - 10.2 * DAY
  const census = new Census()
  const take = (n: number, about: Partial<CensusSighting>) =>
    census.take({
      ...{ worker: `w${n}`, device: `d${n}`, event: null, connection: null, peer: null, facts: undefined },
      ...{ time: since, receivedAt: since, conflict: false },
      ...about,
    })
  for (let n = 0; n < FLEET; n++) {
    await here.stage.records(contract(`w${n}`, { name: `Person ${n}`, roles: [n < 6 ? 'designer' : 'developer'] }))
    take(n, { connection: { geo: { ...AUSTIN, asn: 22_616, asName: 'ZSCALER, INC.', class: 'sase' } } })
    const line = { CommandLine: 'agent --tenant halden' }
    take(n, {
      event: processStart('/x', since, line),
      facts: { tools: [tool('ninjaone-ninjarmm', 'NinjaOne (NinjaRMM)')] },
    })
    take(n, {
      receivedAt: since + 10 * DAY,
      event: processStart('/x', since, line),
      facts: { tools: [tool('ninjaone-ninjarmm', 'NinjaOne (NinjaRMM)')] },
    })
  }
  for (let n = 0; n < 12; n++)
    take(n, {
      event: event('repository', {
        ...{ Action: 'clone', Host: 'git.halden.example', Namespace: 'platform', Bytes: 1, InsideOrganisation: null },
      } as Parameters<typeof event<'repository'>>[1]),
    })
  for (let n = 0; n < 2; n++)
    take(n, { event: processStart('/y', since), facts: { tools: [tool('anydesk', 'AnyDesk')] } })
  for (let n = 0; n < 6; n++)
    take(n, { event: processStart('/z', since), facts: { tools: [tool('parsec', 'Parsec')] } })
  const dock = { VendorId: '534d', ProductId: '2109', ProductName: 'USB3.0 Dock', Action: 'present' }
  for (let n = 0; n < 20; n++)
    take(n, {
      event: event('usb_device', dock as Parameters<typeof event<'usb_device'>>[1]),
      facts: { hardware: [{ id: 'ms2109', name: 'MacroSilicon MS2109', kind: 'capture', by: 'usb_id' }] },
    })
  const parts = Object.fromEntries(Object.entries(census.kept).map(([name, it]) => [`world.census.${name}`, it]))
  for (const it of allRows(parts)) here.stage.keep(it)
  await here.stage.judge()
}

describe('server/console: learning', function () {
  this.timeout(120_000)
  let browser: Browser
  let here: Site
  before(async function () {
    browser = await chromium(this)
  })
  beforeEach(async () => {
    here = await site()
    await withFleet(here)
  })
  afterEach(() => here.stop())
  after(() => browser?.close())

  async function opened(role: 'analyst' | 'viewer', options: Parameters<Browser['newContext']>[0] = {}) {
    const context = await browser.newContext(options)
    const { page, clean } = await watched(context, role === 'viewer' ? [/403/] : [])
    await enter(page, here.userLink(role))
    return { page, clean, close: () => context.close() }
  }
  const visit = async (page: Page) => {
    await page.getByRole('link', { name: 'Learning' }).click()
    await page.getByRole('heading', { name: 'What workers have in common' }).waitFor()
  }
  const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name })

  for (const theme of ['light', 'dark'] as const)
    it(`lists counts, examples and the period, accessible, ${theme}`, async () => {
      const { page, clean, close } = await opened('analyst', {
        colorScheme: theme,
        viewport: { width: 1_440, height: 1_000 },
      })
      await visit(page)
      await page.getByText('Day 11 of 14').waitFor()
      assert.match((await row(page, 'NinjaOne').textContent()) ?? '', /tenant halden.*40 of 40.*37 more/)
      assert.match((await row(page, 'AnyDesk').textContent()) ?? '', /2 of 40.*too rare to offer/)
      assert.match((await row(page, 'Parsec').textContent()) ?? '', /6 of 40designer 6 of 6.*Approve for designer/)
      assert.match((await row(page, 'MacroSilicon').textContent()) ?? '', /capture 534d:2109.*20 of 40/)
      await accessible(page, 'learning')
      await screenshot(page, `console-learning-${theme}`, { fullPage: true })
      clean()
      await close()
    })

  it('fits a phone', async () => {
    const { page, clean, close } = await opened('analyst', { viewport: { width: 390, height: 844 } })
    await page.goto(`${here.origin}/#/learning`)
    await page.getByText('Day 11 of 14').waitFor()
    await inWindow(page, 'learning at 390 px')
    await accessible(page, 'learning at 390 px')
    await screenshot(page, 'console-learning-390', { fullPage: true })
    clean()
    await close()
  })

  it('approves by keyboard, with a reason, and revokes', async () => {
    const { page, clean, close } = await opened('analyst')
    await visit(page)
    await page.keyboard.press('j')
    await page.keyboard.press('a')
    const dialog = page.getByRole('dialog')
    const effect = dialog.getByRole('region', { name: 'What it would change' })
    assert.match(
      (await effect.textContent()) ?? '',
      /high or more238.*cases41217.*7 of 77 of 7.*31 people.*Person 1\+11→−9/,
    )
    await accessible(page, 'the question whether to approve')
    await screenshot(page, 'console-learning-effect')
    await dialog.getByLabel('Why').fill('Our own management tool since 2024')
    await page.keyboard.press('Enter')
    await row(page, 'NinjaOne').getByText('Approved').waitFor()
    const [approval] = here.stage.directory.approvals()
    assert.deepEqual(
      [approval?.tool, approval?.tenant, approval?.level, approval?.reason],
      ['ninjaone-ninjarmm', 'halden', 'company', 'Our own management tool since 2024'],
    )
    await page.getByRole('button', { name: /^Revoke/ }).click()
    await dialog.getByRole('button', { name: 'Revoke' }).click()
    await row(page, 'NinjaOne')
      .getByRole('button', { name: /^Approve/ })
      .waitFor()
    clean()
    await close()
  })

  it('approves for a role what is the own of the role, and a dock by its kind and ids', async () => {
    const { page, clean, close } = await opened('analyst')
    await visit(page)
    const dialog = page.getByRole('dialog')
    for (const [name, act] of [
      ['Parsec', 'Approve for the role designer'],
      ['MacroSilicon', 'Approve for the company'],
    ] as const) {
      await row(page, name).getByRole('button').click()
      await dialog.getByLabel('Why').fill('Bought by us in 2025')
      await dialog.getByRole('button', { name: act }).click()
      await row(page, name).getByText('Approved').waitFor()
    }
    assert.deepEqual(
      here.stage.directory
        .approvals()
        .map((it) =>
          [it.kind, it.level, it.role, it.tool, it.deviceKind, it.vendorId, it.productId].filter((one) => one != null),
        )
        .sort(),
      [
        ['hardware', 'company', 'capture', '534d', '2109'],
        ['tool', 'role', 'designer', 'parsec'],
      ],
    )
    clean()
    await close()
  })

  it('ends the learning period', async () => {
    const { page, clean, close } = await opened('analyst')
    await visit(page)
    await page.getByRole('button', { name: 'End learning…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Why').fill('All is approved')
    await dialog.getByRole('button', { name: 'End learning' }).click()
    await dialog.waitFor({ state: 'hidden' })
    assert.deepEqual(
      here.log.map((it) => it.type === 'learning' && it.reason),
      ['All is approved'],
    )
    clean()
    await close()
  })

  it('is not for viewers', async () => {
    const { page, close } = await opened('viewer')
    assert.equal(await page.getByRole('link', { name: 'Learning' }).count(), 0)
    await close()
  })
})
