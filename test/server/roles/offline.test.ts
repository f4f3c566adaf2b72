/** An import without a server leaves the evaluation that a server with the same configuration continues. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Config } from '../../../server/config.ts'
import { COLLEAGUES_PART } from '../../../server/model/rarity.ts'
import { DetectorRole } from '../../../server/roles/detector.ts'
import { importOffline } from '../../../server/roles/offline.ts'
import { openStore } from '../../../server/store/open.ts'
import { HOUR } from '../../../wire/time.ts'
import { contract, holding, processStart, received, T0 } from '../events.ts'

const RULE = `
title: A program of our list
id: 11111111-1111-4111-8111-1111111111aa
level: high
logsource: { category: process_creation }
detection: { it: { Image|expand: '%ours%' }, condition: it }
`
const QUIET = { debug() {}, info() {}, warn() {}, error: (facts: object) => assert.fail(JSON.stringify(facts)) }

describe('server/roles: an import without a server', function () {
  this.timeout(120_000)

  it('is continued by a server with the same placeholders', async () => {
    const root = mkdtempSync(join(tmpdir(), 'tellwire-offline-'))
    const [dataFolder, rules] = [join(root, 'data'), join(root, 'rules')]
    for (const it of [dataFolder, rules]) mkdirSync(it)
    writeFileSync(join(rules, 'rule.yml'), RULE)
    const placeholders = { ours: ['/x/aa'] }
    const config = { ...Config.parse({ dataFolder, rulesFolders: [rules], placeholders }), feedsFolder: root }
    const starts = [T0, T0 + 2 * HOUR].map((it) => received('d1', processStart('/x/aa', it)))
    const records = [contract('w1'), holding('d1', 'w1'), ...starts]
    async function* lines() {
      yield records.map((it) => JSON.stringify(it))
    }
    try {
      await importOffline(config, lines, {
        log: QUIET,
        onProblem: (line, why) => assert.fail(`${line}: ${why}`),
        onRuleProblem: ({ severity, message }) => assert.notEqual(severity, 'error', message),
        onJudged() {},
      })
      const store = await openStore({ engine: 'sqlite', folder: dataFolder }, { run: 'inline' })
      const imported = (await store.evaluations.active())!
      const found = await store.evaluations.findingsOf(imported.id, 'w1')
      assert.ok(found.some((it) => it.title === 'A program of our list'))
      const counted = JSON.parse((await store.evaluations.keptOf(imported.id, COLLEAGUES_PART, ''))!)
      assert.deepEqual(
        counted.record.roles.map((it: { workers: number }) => it.workers),
        [1],
      )
      const committed = Promise.withResolvers<string>()
      const onCommit = ({ evaluation }: { evaluation: string }) => committed.resolve(evaluation)
      const role = new DetectorRole({ config, log: QUIET, onCommit, onRuleset() {}, onMoved() {}, onCounted() {} })
      assert.equal(await committed.promise, imported.id)
      await role.close()
      await store.close()
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})
