/** The detector's threads: edits that come while an earlier one is still being judged. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Config } from '../../../server/config.ts'
import { DetectorRole } from '../../../server/roles/detector.ts'
import { openStore } from '../../../server/store/open.ts'
import { openTelemetry } from '../../../server/store/sqlite/telemetry.ts'
import type { Store } from '../../../server/store/store.ts'
import { until } from '../../bench/children.ts'
import { fourStories } from '../../scenarios/four-stories.ts'
import { contract, holding, processStart, received, T0 } from '../events.ts'

const WITHIN_MS = 120_000
const rule = (edit: number) => `
title: Edit ${edit}
id: 11111111-1111-4111-8111-1111111111aa
level: high
logsource: { category: process_creation }
detection: { it: { Image|endswith: /aa }, condition: it }
`

describe('server/roles: the detector', function () {
  this.timeout(2 * WITHIN_MS)
  let root: string
  let dataFolder: string
  let rules: string
  let failed: object[]
  let store: Store
  let role: DetectorRole

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-detector-'))
    dataFolder = join(root, 'data')
    rules = join(root, 'rules')
    for (const it of [dataFolder, rules]) mkdirSync(it)
    const { stream, close } = await openTelemetry({ folder: dataFolder })
    await stream.publish([
      ...fourStories(),
      contract('w1'),
      holding('d1', 'w1'),
      received('d1', processStart('/x/aa', T0)),
    ])
    await close()
    failed = []
    const log = { debug() {}, info() {}, warn() {}, error: (facts: object) => void failed.push(facts) }
    store = await openStore({ engine: 'sqlite', folder: dataFolder }, { run: 'inline' })
    const config = { ...Config.parse({ dataFolder, rulesFolders: [rules] }), feedsFolder: root }
    role = new DetectorRole({ config, log, onCommit() {}, onRuleset() {}, onMoved() {}, onCounted() {} })
  })
  afterEach(async () => {
    await role.close()
    await store.close()
    rmSync(root, { recursive: true })
  })

  function edit(number: number): void {
    writeFileSync(join(rules, 'rule.yml'), rule(number))
    role.follow()
  }

  async function title(): Promise<string | null> {
    const active = await store.evaluations.active()
    const all = active ? await store.evaluations.findingsOf(active.id, 'w1') : []
    return all.map((it) => it.title).find((it) => it.startsWith('Edit')) ?? null
  }

  async function untilTitle(wanted: string): Promise<void> {
    await until(
      async () => ((await title()) === wanted ? true : null),
      WITHIN_MS,
      () => `${wanted} is not in use: ${JSON.stringify(failed)}`,
    )
  }

  it('of edits that come while earlier ones are judged, the last one is in use in the end', async () => {
    // The first three come before anything is judged, the others while what is judged is in use.
    for (let number = 1; number <= 12; number++) {
      edit(number)
      if (number === 3) await untilTitle('Edit 3')
      await delay(number * 100)
    }
    await untilTitle('Edit 12')
    assert.deepEqual(failed, [])
  })

  it('an edit whose thread fails, for example on a full disk, is applied when the reason is gone', async () => {
    edit(1)
    await untilTitle('Edit 1')
    const log = join(dataFolder, 'telemetry.db')
    renameSync(log, `${log}.away`)
    edit(2)
    await until(
      () => failed.length > 0 || null,
      WITHIN_MS,
      () => 'no thread fails',
    )
    renameSync(`${log}.away`, log)
    await untilTitle('Edit 2')
    assert.match(JSON.stringify(failed), /a detector thread failed|store\.missing/)
  })
})
