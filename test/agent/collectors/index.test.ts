import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collectorsOf } from '../../../agent/collectors/index.ts'
import { SYSTEMS } from '../../../agent/host/systems.ts'
import type { AgentProduct } from '../../../wire/common.ts'
import { CATEGORIES, type Category, type Observation } from '../../../wire/event.ts'
import { checked, fakeHost, policy, watchPolls } from '../fake-host.ts'
import { needsLinux } from '../needs-linux.ts'

describe('agent/collectors/index', () => {
  for (const product of Object.keys(SYSTEMS) as AgentProduct[]) {
    const all = collectorsOf(product, { seen: 0, total: 0 })

    it(`${product}: collectors have unique names, and categories that agents may send`, () => {
      assert.equal(new Set(all.map((it) => it.name)).size, all.length)
      for (const { categories } of all) for (const it of categories) assert.equal(CATEGORIES[it].origin, 'agent')
    })

    it(`${product}: collectors cover the categories in wire/event.ts`, () => {
      const collected = new Set<Category>(['agent_state', 'collection_gap', ...all.flatMap((it) => it.categories)])
      const declared = (Object.keys(CATEGORIES) as Category[]).filter((it) => CATEGORIES[it].on.includes(product))
      assert.deepEqual([...collected].sort(), declared.sort())
    })
  }

  const all = collectorsOf('linux', { seen: 0, total: 0 })

  for (const collector of all) {
    it(`${collector.name}: polls this machine twice, and its events satisfy the wire schema`, async function () {
      needsLinux(this)
      const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
      const stop = new AbortController()
      const found: Observation[] = []
      try {
        const host = SYSTEMS.linux.host({ hmac: () => '0f'.repeat(32), stateFolder: folder })
        let polls = 0
        host.sleep = async () => {
          if (++polls === 2) stop.abort()
        }
        for await (const it of collector.run(host, policy, stop.signal)) found.push(checked(it))
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
      const may = new Set<string>(['collection_gap', ...collector.categories])
      assert.deepEqual(
        [...new Set(found.map((it) => it.category))].filter((it) => !may.has(it)),
        [],
      )
      assert.ok(found.every((it) => it.collector === collector.name))
    })

    it(`${collector.name}: on an empty machine it keeps running, and reports nothing as removed`, async () => {
      const declared = await watchPolls(collector, fakeHost({}), [() => {}, () => {}])
      assert.equal(declared.length, 3)
      assert.doesNotMatch(JSON.stringify(declared), /"Action":"(removed|logoff)"/)
    })
  }
})
