/** What every page must satisfy, whatever it shows. */
import assert from 'node:assert/strict'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'

/** Colours depend on the theme only, the other rules on the elements. */
type Rules = 'all' | 'colours' | 'all but colours'

/** Nothing serious for axe, and no heading that skips a level. `about` is for the message. */
export async function accessible(page: Page, about: string, rules: Rules = 'all'): Promise<void> {
  const levels = await page
    .locator('h1, h2, h3, h4, h5, h6')
    .evaluateAll((all) => all.map((it) => ({ level: Number(it.tagName[1]), text: it.textContent })))
  for (const [index, { level, text }] of levels.entries()) {
    const before = levels[index - 1]?.level ?? 0
    assert.ok(level <= before + 1, `${about}: h${level} '${text}' after h${before}`)
  }
  const axe = new AxeBuilder({ page })
  if (rules === 'colours') axe.withRules(['color-contrast'])
  if (rules === 'all but colours') axe.disableRules(['color-contrast'])
  const { violations } = await axe.analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  assert.deepEqual(
    serious.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    ),
    [],
    about,
  )
}

/** The page does not scroll sideways, and nothing of its frame is outside the window. */
export async function inWindow(page: Page, about: string): Promise<void> {
  const { cut, content, width } = await page.evaluate(() => ({
    cut: [...document.querySelectorAll('.top, .top *, main > *')].flatMap((it) => {
      const { left, right, width } = it.getBoundingClientRect()
      return width > 1 && (left < -1 || right > innerWidth + 1) ? [`${it.className} ${left}-${right}`] : []
    }),
    content: document.documentElement.scrollWidth,
    width: innerWidth,
  }))
  assert.deepEqual(cut, [], about)
  assert.ok(content <= width, `${about}: ${content} pixels in ${width}`)
}

/** Every reason in a narrow list is shown to its end, and no card has room for two more lines. */
export async function reasonsWhole(page: Page): Promise<void> {
  await page.locator('.grid-body .col-why').first().waitFor()
  // After a change of width, the list is drawn again a moment later.
  await page.waitForFunction(allFit, SPARE_PX, { timeout: 10_000 }).catch(() => {})
  const texts = await page.locator('.grid-body .col-why').allInnerTexts()
  assert.ok(await page.evaluate(allFit, SPARE_PX), `a card is too low or too high: ${texts.join('\n')}`)
}

/** Below the text of a card: the room around it, and almost two lines. */
const SPARE_PX = 45

/** Runs in the page. */
function allFit(sparePx: number): boolean {
  return [...document.querySelectorAll('.grid-body .col-why')].every((it) => {
    const text = document.createRange()
    text.selectNodeContents(it)
    const left = it.parentElement!.getBoundingClientRect().bottom - text.getBoundingClientRect().bottom
    return it.clientHeight > 0 && it.scrollHeight <= it.clientHeight + 1 && left <= sparePx
  })
}
