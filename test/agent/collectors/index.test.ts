import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collectorsOf } from '../../../agent/collectors/index.ts'
import { SYSTEMS } from '../../../agent/host/systems.ts'
import type { AgentProduct } from '../../../wire/common.ts'
import { CATEGORIES, type Category, type Observation } from '../../../wire/event.ts'
import { fakeHost, onTheWire, policy, watchPolls } from '../fake-host.ts'
import { needsLinux } from '../needs-linux.ts'

describe('agent/collectors/index', () => {
  for (const product of Object.keys(SYSTEMS) as AgentProduct[]) {
    const all = collectorsOf(product, { seen: 0, total: 0 })

    it(`${product}: have names of their own, and report what agents may`, () => {
      assert.equal(new Set(all.map((it) => it.name)).size, all.length)
      for (const { categories } of all) for (const it of categories) assert.equal(CATEGORIES[it].origin, 'agent')
    })

    it(`${product}: collect what wire/event.ts says they do`, () => {
      const collected = new Set<Category>(['agent_state', 'collection_gap', ...all.flatMap((it) => it.categories)])
      const said = (Object.keys(CATEGORIES) as Category[]).filter((it) => CATEGORIES[it].on.includes(product))
      assert.deepEqual([...collected].sort(), said.sort())
    })
  }

  const all = collectorsOf('linux', { seen: 0, total: 0 })

  for (const collector of all) {
    it(`${collector.name}: looks twice at this machine, and what it says is fit for the wire`, async function () {
      needsLinux(this)
      const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
      const stop = new AbortController()
      const found: Observation[] = []
      try {
        const host = SYSTEMS.linux.host({ hmac: () => '0f'.repeat(32), stateFolder: folder })
        let looks = 0
        host.sleep = async () => {
          if (++looks === 2) stop.abort()
        }
        for await (const it of collector.run(host, policy, stop.signal)) found.push(onTheWire(it))
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

    it(`${collector.name}: on a machine without anything it goes on, and does not say 'removed'`, async () => {
      const said = await watchPolls(collector, fakeHost({}), [() => {}, () => {}])
      assert.equal(said.length, 3)
      assert.doesNotMatch(JSON.stringify(said), /"Action":"(removed|logoff)"/)
    })
  }
})
