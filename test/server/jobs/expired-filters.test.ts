import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expiredFilters } from '../../../server/jobs/expired-filters.ts'

const SIGNAL = new AbortController().signal
const filter = (title: string, expires: string | null) => `
title: ${title}
logsource: { category: process_creation }
filter:
  rules: any
  selection: { Image: /usr/bin/x }
  condition: not selection
${expires === null ? '' : `tellwire: { reason: a test, expires: ${expires} }`}
`

describe('expired filters', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-filters-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text)

  it('are said once, on the day, and again for another day', async () => {
    put('one.yml', filter('The build server', '2026-12-01'))
    put('two.yml', filter('For good', null))
    let now = Date.UTC(2026, 10, 30, 23, 59)
    const said: string[] = []
    const note = (_: object, text: string) => void said.push(text)
    const log = { debug: note, info: note, warn: note, error: note }
    const job = expiredFilters({ folders: [folder], now: () => now, log })
    await job.run(SIGNAL)
    assert.deepEqual(said, [])
    now = Date.UTC(2026, 11, 1)
    for (let turn = 0; turn < 2; turn++) await job.run(SIGNAL)
    const first = "the filter 'The build server' expired on 2026-12-01: it hides nothing of what happened since"
    assert.deepEqual(said, [first])
    put('one.yml', filter('The build server, again', '2026-12-24'))
    await job.run(SIGNAL)
    assert.equal(said.length, 1)
    now = Date.UTC(2027, 0, 1)
    await job.run(SIGNAL)
    assert.match(said[1] ?? '', /again' expired on 2026-12-24/)
  })
})
