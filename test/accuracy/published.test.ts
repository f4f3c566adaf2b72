/** The page matches the figures. Whether the figures are those of the shipped rules is checked at a release. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Accuracy } from './figures.ts'
import { accuracyPage } from './page.ts'

const CONTENT = join(import.meta.dirname, '../../rules/content')

describe('rules/content/ACCURACY.md', () => {
  const figures = JSON.parse(readFileSync(join(CONTENT, 'accuracy.json'), 'utf8')) as Accuracy

  it('is made of accuracy.json', () =>
    assert.equal(readFileSync(join(CONTENT, 'ACCURACY.md'), 'utf8'), accuracyPage(figures)))
  it('tells of every pattern and look-alike, on reporting seeds', () => {
    assert.deepEqual([figures.patterns.length, figures.lookAlikes.length, figures.run.seeds], [26, 38, 'reporting'])
  })
})
