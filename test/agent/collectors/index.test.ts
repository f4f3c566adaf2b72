import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collectorsOf } from '../../../agent/collectors/index.ts'
import { SYSTEMS } from '../../../agent/host/systems.ts'
import { CATEGORIES, type Category, type Observation } from '../../../wire/event.ts'
import { checked, fakeHost, policy, watchPolls } from '../fake-host.ts'
import { needsSystem } from '../needs-system.ts'

describe('agent/collectors/index', () => {
  for (const system of Object.values(SYSTEMS)) {
    const { product } = system
    const all = collectorsOf(product, { seen: 0, total: 0 })

    it(`${product}: collectors have unique names`, () => {
      assert.equal(new Set(all.map((it) => it.name)).size, all.length)
    })

    it(`${product}: collectors cover the categories in wire/event.ts`, () => {
      const collected = new Set<Category>(['agent_state', 'collection_gap', ...all.flatMap((it) => it.categories)])
      const declared = (Object.keys(CATEGORIES) as Category[]).filter((it) => CATEGORIES[it].on.includes(product))
      assert.deepEqual([...collected].sort(), declared.sort())
    })
  }

  const everywhere = Object.values(SYSTEMS).flatMap((system) =>
    collectorsOf(system.product, { seen: 0, total: 0 }).map((collector) => ({ system, collector })),
  )
  for (const { system, collector } of everywhere) {
    it(`${system.product}: ${collector.name} polls this machine twice, and its events satisfy the wire schema`, async function () {
      needsSystem(this, system)
      const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
      const stop = new AbortController()
      const found: Observation[] = []
      try {
        const host = system.host({ hmac: () => '0f'.repeat(32), stateFolder: folder })
        let polls = 0
        host.sleep = async () => {
          if (++polls === 2) stop.abort()
        }
        for await (const it of collector.run(host, policy, stop.signal)) found.push(checked(it, system.product))
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

    it(`${system.product}: ${collector.name} keeps running on an empty machine, and reports nothing as removed`, async () => {
      const observations = await watchPolls(collector, fakeHost({}), [() => {}, () => {}], policy, system.product)
      assert.equal(observations.length, 3)
      assert.doesNotMatch(JSON.stringify(observations), /"Action":"(removed|logoff)"/)
    })
  }
})
