/** The demo's company in the console: every page in both themes and two widths, and what an analyst does with it. */
import assert from 'node:assert/strict'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { AuditView } from '../../../server/api/schema.ts'
import { howCommon, pointsOf } from '../../../server/model/points.ts'
import { isOpen } from '../../../server/model/urgency.ts'
import type {
  ClusterView,
  LaptopPage,
  NextCase,
  QueuePage,
  WorkerPage,
  WorkerRow,
} from '../../../server/views/schema.ts'
import { browser as chromium, screenshot } from '../../chromium.ts'
import { accessible, inWindow, reasonsWhole } from './checks.ts'
import { type CompanySite, companySite } from './company.ts'
import { consolePages, watched } from './site.ts'

/** What the company is, from the API. */
interface Known {
  rows: WorkerRow[]
  /** Band medium or higher: these have a case. */
  flagged: WorkerRow[]
  open: WorkerRow[]
  cluster: ClusterView
  laptops: LaptopPage['laptops']
}

interface Look {
  name: string
  /** Parts of the address after the page's own. */
  rest?: (known: Known) => string
  prepare?: (page: Page) => Promise<unknown>
  /** Checked at the larger width only. */
  dialog?: true
}

/** Views to check, by page. A page that is not listed is checked as it opens. */
const LOOKS: Record<string, Look[]> = {
  '': [
    { name: 'workers' },
    {
      name: 'help',
      dialog: true,
      prepare: async (page) => {
        await page.keyboard.press('?')
        await page.getByText('next worker').waitFor()
      },
    },
  ],
  workers: [
    {
      name: 'worker',
      rest: ({ flagged }) => flagged[0]!.worker,
      prepare: async (page) => {
        await page.locator('.score-open').first().click()
        const opened = page.locator('.score-opened:not([hidden])')
        await opened.locator('.finding').first().waitFor()
        // A finding that is alone is open.
        if ((await opened.locator('.finding[open]').count()) === 0)
          await opened.locator('.finding > summary').first().click()
        await opened.locator('.finding[open] .event').first().waitFor()
        if ((await opened.locator('.event[open]').count()) === 0)
          await opened.locator('.finding[open] .event > summary').first().click()
        await opened.locator('.fields').first().waitFor()
      },
    },
    {
      name: 'worker-deciding',
      rest: ({ flagged }) => flagged.at(-1)!.worker,
      prepare: async (page) => {
        await page.getByRole('button', { name: 'As table' }).click()
        await page.keyboard.press('2')
        await page.getByRole('textbox', { name: /Why: Benign and expected/ }).waitFor()
      },
    },
    { name: 'worker-none', rest: ({ rows }) => rows.at(-1)!.worker },
  ],
  clusters: [{ name: 'clusters' }, { name: 'cluster', rest: ({ cluster }) => cluster.key }],
  laptops: [
    {
      name: 'enroll',
      dialog: true,
      prepare: async (page) => {
        await page.getByRole('button', { name: 'Enroll a laptop' }).click()
        await page.getByRole('button', { name: 'Create a token' }).click()
        await page.getByLabel('Command to enroll').waitFor()
      },
    },
    {
      name: 'laptops',
      prepare: async (page) => {
        await page.locator('.laptop > summary', { hasText: 'Revoked' }).click()
        await page.getByText('by admin: Left in a train.').waitFor()
      },
    },
    {
      name: 'revoke',
      dialog: true,
      prepare: async (page) => {
        await page.locator('.laptop > summary').first().click()
        await page.getByText('What can be seen on it').waitFor()
        await page.getByRole('button', { name: 'Revoke this laptop' }).click()
        await page.getByRole('textbox', { name: 'Why' }).fill('Left in a train.')
      },
    },
  ],
  users: [
    {
      name: 'users',
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
      dialog: true,
      prepare: async (page) => {
        await page.getByRole('button', { name: 'Change role of' }).first().click()
        await page.getByRole('dialog').getByLabel('Role').selectOption('viewer')
      },
    },
  ],
}

const pages = consolePages()
const looks = pages.flatMap(({ path }) => (LOOKS[path] ?? [{ name: path }]).map((look) => ({ ...look, path })))

const WIDE = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 844 }

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()
/** '+70', '−16', '= 1,200 points'. */
const numberIn = (text: string) => Number(text.replace('−', '-').replace(/[^\d-]/g, ''))

/** Each bar begins where the one before ended; the ghost of an overlap goes back to where the next begins. */
async function barsAsNumbers(page: Page, numbers: readonly { part: number; shown: string }[]): Promise<void> {
  const bars = await page
    .locator('.score-bar')
    .evaluateAll((all) => all.map((it) => [it.style.left, it.style.width].map(Number.parseFloat)))
  const edges: [from: number, to: number][] = []
  let sum = 0
  for (const [index, { part }] of numbers.entries()) {
    const overlap = numbers[index - 1]?.shown === ''
    const next = numbers[index]!.shown === '' ? numbers[index + 1]!.part : 0
    if (overlap) edges.push([sum + part, sum])
    else edges.push([sum, sum + part + next])
    sum += part
  }
  const ends = edges.flat()
  const [least, most] = [Math.min(0, ...ends), Math.max(20, ...ends)]
  assert.equal(bars.length, edges.length)
  for (const [index, [left = Number.NaN, width = Number.NaN]] of bars.entries()) {
    const [from, to] = edges[index]!
    const at = (percent: number) => (percent / 100) * (most - least)
    assert.ok(Math.abs(at(left) + least - Math.min(from, to)) < 0.1, `a bar at ${left} % for ${from}`)
    assert.ok(Math.abs(at(width) - Math.abs(to - from)) < 0.1, `a bar of ${width} % for ${to - from}`)
  }
}

const sorted = (texts: Iterable<string>) => [...texts].sort()

describe('server/console: the demo company', function () {
  this.timeout(120_000)
  let browser: Browser
  let here: CompanySite
  let known: Known
  before(async function () {
    browser = await chromium(this)
    here = await companySite()
    const { rows } = await here.get<QueuePage>('/workers')
    const [cluster] = await here.get<ClusterView[]>('/clusters')
    const { laptops } = await here.get<LaptopPage>('/laptops')
    const flagged = rows.filter(({ band }) => band !== 'none' && band !== 'low')
    known = { rows, flagged, open: rows.filter(isOpen), cluster: cluster!, laptops }
    await here.post(`/laptops/${encodeURIComponent(laptops.at(-1)!.device)}/revoke`, { reason: 'Left in a train.' })
  })
  after(async () => {
    await browser?.close()
    await here?.stop()
  })

  const addressOf = (parts: readonly string[]) => `${here.origin}/#/${parts.map(encodeURIComponent).join('/')}`

  async function opened(options: Parameters<Browser['newContext']>[0] = { viewport: WIDE }, ...parts: string[]) {
    const context: BrowserContext = await browser.newContext(options)
    await here.enter(context)
    const { page, clean } = await watched(context)
    await page.goto(addressOf(parts))
    await page.getByText('Live', { exact: true }).waitFor()
    return {
      page,
      show: async (...parts: string[]) => {
        await page.goto(addressOf(parts))
        await page.locator('main h1').waitFor()
      },
      done: async () => {
        clean()
        await context.close()
      },
    }
  }

  it('lists only pages that exist', () => {
    const paths = pages.map((it) => it.path)
    assert.deepEqual(
      Object.keys(LOOKS).filter((it) => !paths.includes(it)),
      [],
    )
  })

  for (const theme of ['light', 'dark'] as const)
    for (const { name, path, rest, prepare, dialog } of looks)
      it(`${name}, ${theme}`, async () => {
        const parts = [path, rest?.(known)].filter((it) => it !== undefined)
        const { page, done } = await opened({ colorScheme: theme, viewport: WIDE }, ...parts)
        await page.locator('main h1').waitFor()
        await prepare?.(page)
        await inWindow(page, name)
        await accessible(page, name, theme === 'light' ? 'all' : 'colours')
        await screenshot(page, `console-${name}-${theme}`, { fullPage: true })
        if (!dialog) {
          await page.setViewportSize(PHONE)
          await page.locator('main h1').waitFor()
          await inWindow(page, `${name} on a phone`)
          if (theme === 'light') await accessible(page, `${name} on a phone`, 'all but colours')
          if (path === '') await reasonsWhole(page)
          await screenshot(page, `console-${name}-${theme}-phone`)
        }
        await done()
      })

  it('at 320 pixels, and at 200 % zoom, no page scrolls sideways', async () => {
    const { page, show, done } = await opened()
    for (const { name, path, rest, dialog } of looks) {
      if (dialog) continue
      await show(...[path, rest?.(known)].filter((it) => it !== undefined))
      for (const width of [320, 640]) {
        await page.setViewportSize({ width, height: 400 })
        await inWindow(page, `${name} at ${width} pixels`)
        if (path === '') await reasonsWhole(page)
      }
    }
    await done()
  })

  it('every worker above low opens, and the parts add up to the points', async () => {
    const { page, show, done } = await opened()
    assert.ok(known.flagged.length > 5)
    for (const row of known.flagged) {
      const { worker, name, points, reason } = row
      await show('workers', worker)
      await page.getByRole('heading', { name: name ?? worker, level: 1 }).waitFor()
      assert.equal(oneLine(await page.locator('.verdict .reason').innerText()), oneLine(reason))
      assert.equal(oneLine(await page.locator('.verdict .points').innerText()), `${pointsOf(row)} points`)
      const numbers = (
        await page
          .locator('.score-table :is(.score-line, .score-overlap)')
          .evaluateAll((all) =>
            all.map((it) => ['.score-points', '.score-sum'].map((cell) => it.querySelector(cell)?.textContent ?? '?')),
          )
      ).map(([part = '', shown = '']) => ({ part: numberIn(part), shown }))
      let sum = 0
      for (const { part, shown } of numbers) {
        sum += part
        // Before its overlap, a fact has no sum.
        if (shown !== '') assert.equal(numberIn(shown), sum, worker)
      }
      assert.equal(sum, points, worker)
      const total = oneLine(await page.locator('.score-total > span').first().innerText())
      const [first, ...more] = total.replaceAll('− ', '+ −').split(' + ').map(numberIn)
      const subtotals = (await page.locator('.score-subtotal').allInnerTexts()).map(numberIn)
      assert.deepEqual([first, ...more], [numbers[0]!.part, ...subtotals.filter((it) => it !== 0)])
      assert.equal(first! + more.reduce((all, it) => all + it, 0), points, worker)
      assert.equal(oneLine(await page.locator('.score-total strong').innerText()), `= ${pointsOf(row)} points`)
      assert.equal(await page.locator('.score-total .bad').count(), 0)
      const { assessment } = await here.get<WorkerPage>(`/workers/${worker}`)
      const told = assessment.parts.filter((it) => it.kind !== 'finding' || it.points !== 0)
      assert.deepEqual(
        numbers.map((it) => it.part),
        told.map((it) => it.points),
      )
      const common = (await page.locator('.score-line .score-sentence').allTextContents()).map(oneLine)
      assert.deepEqual(
        common,
        told.map((it) => howCommon(it.colleagues)).filter((it) => it !== null),
      )
      await barsAsNumbers(page, numbers)
    }
    await done()
  })

  it('the picture of a week and its table show the same numbers', async () => {
    const { page, show, done } = await opened()
    await show('workers', known.flagged[0]!.worker)
    const { activity } = await here.get<WorkerPage>(`/workers/${known.flagged[0]!.worker}`)
    const titles = await page.locator('.activity rect title').evaluateAll((all) => all.map((it) => it.textContent))
    const drawn = titles.map((it) => {
      const [, day, hour, count] = /^(.*), (\d\d) h .*: ([\d,]+)$/.exec(it ?? '') ?? []
      return `${day} ${hour} h: ${numberIn(count ?? '')}`
    })
    assert.equal(drawn.length, 168)
    await page.getByRole('button', { name: 'As table' }).click()
    const table = await page
      .locator('.hours tr')
      .evaluateAll((rows) => rows.map((it) => [...it.children].map((cell) => cell.textContent ?? '')))
    const [[, ...hours] = [], ...days] = table
    const written = days.flatMap(([day, ...cells]) =>
      cells.flatMap((cell, index) => (cell === '' ? [] : [`${day} ${hours[index]} h: ${numberIn(cell)}`])),
    )
    assert.deepEqual(written, drawn)
    // An hour may have passed since.
    const total = written.reduce((sum, it) => sum + Number(it.split(': ')[1]), 0)
    const stored = activity.reduce((sum, it) => sum + it.events, 0)
    assert.ok(total > 0 && total <= stored, `${total} of ${stored} events`)
    await done()
  })

  it('the picture of a cluster and its tables say the same', async () => {
    const { page, show, done } = await opened()
    for (const { key, people, keys } of await here.get<ClusterView[]>('/clusters')) {
      await show('clusters', key)
      await page.getByRole('heading', { name: `${people.length} people, one case` }).waitFor()
      const dots = await page
        .locator('.matrix circle title')
        .evaluateAll((all) => all.map((it) => it.textContent ?? ''))
      const rowsOf = async (title: string) =>
        (await page.getByRole('region', { name: title, exact: true }).locator('tbody tr').all()).map(async (row) =>
          (await row.locator('th, td').allInnerTexts()).map(oneLine),
        )
      const keyRows = await Promise.all(await rowsOf('Keys'))
      assert.deepEqual(
        sorted(
          keyRows.flatMap(([kind, , days, , who]) =>
            who!.split(', ').map((name) => `${name}: ${kind}, ${days} ${days === '1' ? 'day' : 'days'}`),
          ),
        ),
        sorted(dots),
      )
      const personRows = await Promise.all(await rowsOf('People'))
      assert.deepEqual(
        personRows.flatMap(([, , name, , , shares]) =>
          sorted(new Set(shares!.split(', '))).map((it) => `${name}: ${it}`),
        ),
        personRows.flatMap(([, , name]) =>
          sorted(new Set(dots.filter((it) => it.startsWith(`${name}: `)).map((it) => it.split(/: |, /)[1]!))).map(
            (it) => `${name}: ${it}`,
          ),
        ),
      )
      assert.equal(keyRows.length, keys.length)
      assert.deepEqual(
        await page.locator('.matrix-name').allTextContents(),
        personRows.map(([, , name]) => name),
      )
    }
    await done()
  })

  it('keyboard only: through the list, into a worker, back, search, help', async () => {
    const { page, done } = await opened()
    const { rows } = known
    const press = (key: string) => page.keyboard.press(key)
    const active = async () => page.locator(`#${await page.getByRole('grid').getAttribute('aria-activedescendant')}`)
    await page.getByRole('grid').waitFor()
    for (const key of ['j', 'j', 'ArrowDown', 'k']) await press(key)
    assert.equal(await (await active()).getAttribute('aria-rowindex'), '3')
    await press('End')
    await page.locator(`.active[aria-rowindex="${rows.length + 1}"]`).waitFor()
    assert.ok(await (await active()).isVisible())
    await press('Home')
    await page.locator('.active[aria-rowindex="2"]').waitFor()
    const { worker, name } = rows[0]!
    await press('Enter')
    await page.getByRole('heading', { name: name ?? worker, level: 1 }).waitFor()
    assert.equal(await page.title(), `${worker} · Tellwire`)
    await press('Escape')
    await page.locator('.active[aria-rowindex="2"]').waitFor()
    await press('/')
    await page.keyboard.type('display')
    await page.getByText(/^\d workers shown/).waitFor({ state: 'attached' })
    const found = await page.locator('.grid-body .col-why').allInnerTexts()
    assert.equal(found.length, rows.filter(({ reason }) => /display/i.test(reason)).length)
    for (const text of found) assert.match(text, /display/i)
    await press('Escape')
    assert.equal(await page.getByRole('searchbox').inputValue(), '')
    await press('?')
    await page.getByRole('dialog').waitFor()
    await page.getByLabel('Single-key shortcuts are on').uncheck()
    await press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await press('j')
    assert.equal(await (await active()).getAttribute('aria-rowindex'), '2')
    await done()
  })

  it('filters open cases with their count, and shows all again', async () => {
    const { page, done } = await opened()
    const { rows, open } = known
    await page.locator(`[aria-rowcount="${rows.length + 1}"]`).waitFor()
    await page.getByRole('button', { name: `Open cases ${open.length}` }).click()
    await page.locator(`[aria-rowcount="${open.length + 1}"]`).waitFor()
    for (const words of await page.locator('.grid-body .col-case').allInnerTexts()) assert.match(words, /Open|Reopened/)
    await page.getByRole('searchbox').fill('nobody at all')
    await page.getByRole('button', { name: 'Show all workers' }).click()
    await page.locator(`[aria-rowcount="${rows.length + 1}"]`).waitFor()
    await done()
  })

  it('from the list to a cluster, to a person by keyboard, and back', async () => {
    const { page, done } = await opened()
    const { people } = known.cluster
    const title = `${people.length} people, one case`
    await page
      .locator('.cluster-tag', { hasText: `cluster of ${people.length}` })
      .first()
      .click()
    await page.getByRole('heading', { name: title }).waitFor()
    await page.locator('.matrix').focus()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: people[1]!.name!, level: 1 }).waitFor()
    const note = oneLine(await page.locator('.cluster-note').innerText())
    for (const { worker } of people) assert.equal(note.includes(worker), worker !== people[1]!.worker, note)
    await page.getByRole('link', { name: `→ cluster of ${people.length}` }).press('Enter')
    await page.getByRole('heading', { name: title }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'Clusters', level: 1 }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'Workers', level: 1 }).waitFor()
    await done()
  })

  it('the skip link and the Tab key lead to the content', async () => {
    const { page, show, done } = await opened()
    await show('collected')
    await page.reload()
    await page.getByRole('heading', { name: 'Never collected' }).waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement?.textContent?.trim()), 'Skip to content')
    await page.keyboard.press('Enter')
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main')
    assert.match(page.url(), /#\/collected$/)
    await done()
  })

  it('a page that is opened directly asks for the next open case, not for the whole queue', async () => {
    const context = await browser.newContext({ viewport: WIDE })
    await here.enter(context)
    const { page, clean } = await watched(context)
    const asked = new Set<string>()
    page.on('request', (it) => asked.add(new URL(it.url()).pathname.replace('/api/v1', '')))
    const [first, second] = known.open
    const { next, open } = await here.get<NextCase>(`/workers/${first!.worker}/next-case`)
    assert.deepEqual([next?.worker, open], [second!.worker, known.open.length - 1])
    await page.goto(`${here.origin}/#/workers/${first!.worker}`)
    await page.getByRole('button', { name: `Next open case n ${second!.name}, ${open} open` }).waitFor()
    await page.keyboard.press('n')
    await page.getByRole('heading', { name: second!.name!, level: 1 }).waitFor()
    assert.ok(asked.has(`/workers/${first!.worker}/next-case`) && !asked.has('/workers'), [...asked].join(' '))
    await page.keyboard.press('Escape')
    await page.locator('.active', { hasText: second!.name! }).waitFor()
    assert.ok(asked.has('/workers'))
    clean()
    await context.close()
  })

  it('decides every open case once by keyboard: the first from the list, then always the next open one', async () => {
    const { page, done } = await opened()
    const { open } = known
    await page.getByRole('grid').waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    for (const [index] of open.entries()) {
      await page.keyboard.press(String((index % 4) + 1))
      for (const letter of 'seen') await page.keyboard.press(letter)
      await page.keyboard.press('Enter')
      await page.keyboard.press('n')
    }
    await page.getByText('No other open case in the list.').waitFor()
    await page.locator('.decided').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Open cases 0' }).waitFor()
    assert.equal(await page.locator('.case-closed').count(), open.length)
    const decided = (await here.get<AuditView[]>('/audit')).filter((it) => it.action === 'verdict').reverse()
    assert.deepEqual(
      decided.map((it) => it.about),
      open.map((it) => it.worker),
    )
    for (const { detail } of decided)
      assert.match(detail ?? '', /^(confirmed|benign_expected|rule_too_wide|bad_data): seen$/)
    await done()
  })
})
