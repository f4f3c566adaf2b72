/** The detector's threads: edits that come while an earlier one is still being judged. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Config } from '../../../server/config.ts'
import { DetectorRole } from '../../../server/roles/detector.ts'
import { openStore } from '../../../server/store/open.ts'
import { openTelemetry } from '../../../server/store/sqlite/telemetry.ts'
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

  it('of edits that come while earlier ones are judged, the last one is in use in the end', async () => {
    const root = mkdtempSync(join(tmpdir(), 'tellwire-detector-'))
    const [dataFolder, rules] = [join(root, 'data'), join(root, 'rules')]
    for (const it of [dataFolder, rules]) mkdirSync(it)
    const { stream, close } = await openTelemetry({ folder: dataFolder })
    await stream.publish([
      ...fourStories(),
      contract('w1'),
      holding('d1', 'w1'),
      received('d1', processStart('/x/aa', T0)),
    ])
    await close()
    const failed: object[] = []
    const log = { debug() {}, info() {}, warn() {}, error: (facts: object) => void failed.push(facts) }
    const store = await openStore({ engine: 'sqlite', folder: dataFolder }, { run: 'inline' })
    const config = { ...Config.parse({ dataFolder, rulesFolders: [rules] }), feedsFolder: root }
    const role = new DetectorRole({ config, log, onCommit() {}, onRuleset() {}, onMoved() {} })
    const title = async () => {
      const active = await store.evaluations.active()
      const all = active ? await store.evaluations.findingsOf(active.id, 'w1') : []
      return all.map((it) => it.title).find((it) => it.startsWith('Edit')) ?? null
    }
    const untilTitle = (wanted: string) =>
      until(
        async () => ((await title()) === wanted ? true : null),
        WITHIN_MS,
        () => `${wanted} is not in use: ${JSON.stringify(failed)}`,
      )
    try {
      // The first three come before anything is judged, the others while what is judged is in use.
      for (let edit = 1; edit <= 12; edit++) {
        writeFileSync(join(rules, 'rule.yml'), rule(edit))
        role.follow()
        if (edit === 3) await untilTitle('Edit 3')
        await delay(edit * 100)
      }
      await untilTitle('Edit 12')
      assert.deepEqual(failed, [])
    } finally {
      await role.close()
      await store.close()
      rmSync(root, { recursive: true })
    }
  })
})
