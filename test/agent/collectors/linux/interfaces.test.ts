import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { interfaces, parseInterfaces } from '../../../../agent/collectors/linux/interfaces.ts'
import { trafficBetween } from '../../../../agent/collectors/shared/traffic.ts'
import { fakeHost, put, watchPolls } from '../../fake-host.ts'

const HEADER = 'Inter-|   Receive\n face |bytes\n'
const row = (name: string, received: number, sent: number) =>
  `${name}: ${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0\n`
const counter = (received: number, sent: number) => ({ received, sent })

describe('agent/collectors/linux/interfaces', () => {
  it('reads the table of a real machine', () => {
    const { found, unparsed } = parseInterfaces(readFileSync('test/agent/fixtures/proc-net-dev', 'utf8'))
    assert.deepEqual([...found.keys()], ['lo', 'ifb0', 'ifb1', 'eth0'])
    assert.deepEqual(found.get('eth0'), counter(340_340_961, 510_221))
    assert.equal(unparsed, 0)
  })

  it('counts invalid lines, and accepts a name with a colon', () => {
    const { found, unparsed } = parseInterfaces(`${HEADER}${row('eth0:1', 1, 2)}eth1: x\n\n`)
    assert.deepEqual([...found], [['eth0:1', counter(1, 2)]])
    assert.equal(unparsed, 1)
  })

  const flows: [name: string, before: [number, number] | null, now: [number, number], expected: [number, number]][] = [
    ['increasing counters', [10, 10], [15, 30], [5, 20]],
    ['decreasing counters, which were reset', [10, 10], [4, 30], [4, 20]],
    ['a new interface, which starts at zero', null, [7, 8], [7, 8]],
  ]
  for (const [name, before, now, expected] of flows)
    it(`traffic: ${name}`, () =>
      assert.deepEqual(
        trafficBetween(new Map(before ? [['e', counter(...before)]] : []), new Map([['e', counter(...now)]])),
        counter(...expected),
      ))

  it('sums the physical interfaces: large amounts at once, small ones hourly, nothing without traffic', async () => {
    const host = fakeHost({ '/sys/class/net/eth0/device': {}, '/sys/class/net/wg0/tun_flags': '' })
    const count = (sent: number) =>
      put(host.tree, '/proc/net/dev', HEADER + row('eth0', 0, sent) + row('wg0', 0, sent) + row('lo', 0, sent))
    count(5_000)
    const polls = [
      () => count(2_000_000),
      ...Array.from({ length: 12 }, () => () => {}),
      () => count(2_000_100),
      ...Array.from({ length: 12 }, () => () => {}),
    ]
    const reported = await watchPolls(interfaces, host, polls)
    assert.deepEqual(
      reported.flat().map((it) => it.category === 'egress' && [it.BytesSent, it.WindowSeconds]),
      [
        [1_995_000, 300],
        [100, 3_600],
      ],
    )
  })

  it('reports a gap without the table', async () => {
    const [reported] = await watchPolls(interfaces, fakeHost({}))
    assert.deepEqual(
      reported!.map((it) => it.category === 'collection_gap' && it.Reason),
      ['unsupported'],
    )
  })
})
