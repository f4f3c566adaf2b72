import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collectorsWith } from '../../../agent/collectors/index.ts'
import { realHost } from '../../../agent/host/host.ts'
import { CATEGORIES, type Observation } from '../../../wire/event.ts'
import { fakeHost, onTheWire, policy, watchPolls } from '../fake-host.ts'
import { needsLinux } from '../needs-linux.ts'

describe('collectors', () => {
  const all = collectorsWith({ seen: 0, total: 0 })

  it('have names of their own, and report what agents may', () => {
    assert.equal(new Set(all.map((it) => it.name)).size, all.length)
    for (const { categories } of all) for (const it of categories) assert.equal(CATEGORIES[it].origin, 'agent')
  })

  for (const collector of all) {
    it(`${collector.name}: looks twice at this machine, and what it says is fit for the wire`, async function () {
      needsLinux(this)
      const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
      const stop = new AbortController()
      const found: Observation[] = []
      try {
        const host = realHost({ hmac: () => '0f'.repeat(32), memoryFolder: folder })
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
