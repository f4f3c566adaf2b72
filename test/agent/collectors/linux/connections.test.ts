import assert from 'node:assert/strict'
import { realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import {
  compare,
  connections,
  parseCounters,
  parseSockets,
  type Socket,
} from '../../../../agent/collectors/linux/connections.ts'
import { linux } from '../../../../agent/host/linux.ts'
import type { Observation } from '../../../../wire/event.ts'
import { checked, deniedFolder, type FakeHost, fakeHost, link, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

const HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const row = (local: string, remote: string, state: string, inode = 0, uid = 0) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 00000 100 0 0 10 0\n`
const socket = (it: Partial<Socket>): Socket => ({
  protocol: 'tcp',
  state: 1,
  localAddress: '192.0.2.2',
  localPort: 40_000,
  remoteAddress: '203.0.113.9',
  remotePort: 443,
  uid: 0,
  inode: 0,
  ...it,
})
const V6_DOCUMENT = 'B80D0120000000000000000001000000'
const MAPPED = '0000000000000000FFFF0000020200C0'

describe('agent/collectors/linux/connections', () => {
  const tables: [name: string, lines: string, found: string[], unparsed: number][] = [
    ['a listener', row('00000000:0016', '00000000:0000', '0A'), ['10 0.0.0.0 22 0.0.0.0 0'], 0],
    ['a connection', row('020200C0:D238', '097100CB:01BB', '01'), ['1 192.0.2.2 53816 203.0.113.9 443'], 0],
    ['IPv6', row(`${V6_DOCUMENT}:0050`, `${'0'.repeat(32)}:0000`, '0A'), ['10 2001:db8::1 80 :: 0'], 0],
    ['IPv4 in IPv6', row(`${MAPPED}:0050`, `${MAPPED}:C000`, '01'), ['1 192.0.2.2 80 192.0.2.2 49152'], 0],
    [
      'a cut line costs only itself',
      `   1: 0100\n${row('0100007F:0016', '00000000:0000', '0A')}`,
      ['10 127.0.0.1 22 0.0.0.0 0'],
      1,
    ],
    ['an odd number of digits', row('0100007:0016', '00000000:0000', '0A'), [], 1],
    ['only the heading', '', [], 0],
  ]
  for (const [name, lines, found, unparsed] of tables)
    it(`table: ${name}`, () => {
      const parsed = parseSockets(HEADER + lines, 'tcp')
      assert.deepEqual(
        parsed.found.map((it) => `${it.state} ${it.localAddress} ${it.localPort} ${it.remoteAddress} ${it.remotePort}`),
        found,
      )
      assert.equal(parsed.unparsed, unparsed)
    })

  it('finds new sockets', () => {
    const rows: [name: string, sockets: Socket[], expected: string[]][] = [
      ['a loopback connection is not new', [socket({ localAddress: '127.0.0.1', remoteAddress: '127.0.0.1' })], []],
      [
        'a listener on loopback is new',
        [socket({ state: 10, localAddress: '127.0.0.1', remotePort: 0 })],
        ['listener'],
      ],
      ['an outgoing connection', [socket({})], ['connection outgoing']],
      [
        'who was outgoing',
        [socket({ state: 10, localPort: 22, remotePort: 0 }), socket({ localPort: 22 })],
        ['listener', 'connection'],
      ],
      ['the same twice is one', [socket({}), socket({})], ['connection outgoing']],
      ['a bound UDP socket waits', [socket({ protocol: 'udp', state: 7, remotePort: 0 })], []],
      ['a connected UDP socket does not', [socket({ protocol: 'udp' })], ['connection outgoing']],
    ]
    for (const [name, sockets, expected] of rows) {
      const { fresh } = compare(sockets, new Set(), new Set())
      assert.deepEqual(
        fresh.map((it) => it.kind + (it.kind === 'connection' && it.initiated ? ' outgoing' : '')),
        expected,
        name,
      )
    }
    const bound = [socket({ protocol: 'udp', state: 7, localPort: 51_820, remotePort: 0 })]
    const first = compare(bound, new Set(), new Set())
    assert.ok(first.waiting)
    const second = compare(bound, first.known, first.bound)
    assert.equal(second.fresh.length, 1)
    assert.ok(!second.waiting)
    assert.equal(compare(bound, second.known, second.bound).fresh.length, 0)
  })

  it('reads the counters', () => {
    const snmp = 'Ip: A\nIp: 1\nTcp: RtoMin ActiveOpens PassiveOpens CurrEstab\nTcp: 200 93 2 1\n'
    assert.deepEqual(
      parseCounters(snmp, 'sockets: used 9\nTCP: inuse 4 orphan 0\nUDP: inuse 1 mem 0\n', 'TCP6: inuse 2\n'),
      [93, 2, 4, 1, 2],
    )
    assert.equal(parseCounters('nonsense', '', ''), null)
  })

  it('finds the owner of a new socket, and reads no table while no counter grows', async () => {
    const host = laptop()
    const [first, quiet, second] = await watchPolls(connections, host, [
      () => {},
      () => open(host, row('020200C0:D238', '097100CB:01BB', '01', 777), 2),
    ])
    assert.deepEqual(reported(first), ['/usr/sbin/sshd tcp 0.0.0.0:22'])
    assert.deepEqual(quiet, [])
    assert.equal(host.reads.filter((it) => it === '/proc/net/tcp').length, 2)
    assert.deepEqual(reported(second), ['/opt/anydesk tcp 192.0.2.2:53816 > 203.0.113.9:443'])
  })

  it('reports null and a gap for an owner that it cannot read', async () => {
    const host = laptop()
    put(host.tree, '/proc/self', { data: '', uid: 1000 })
    const [first] = await watchPolls(connections, host)
    assert.deepEqual(reported(first), ['denied owners of sockets 1', 'null tcp 0.0.0.0:22'])
  })

  const outgoing = (count: number, from = 0) =>
    Array.from({ length: count }, (_, at) => {
      const port = (at + from).toString(16).toUpperCase().padStart(4, '0')
      return row(`020200C0:${port}`, '097100CB:01BB', '06')
    }).join('')

  it('reports 300 per poll, listeners first, and the rest at the next ones', async () => {
    const host = laptop()
    const polls = await watchPolls(connections, host, [
      () => open(host, outgoing(700) + row('00000000:1F90', '00000000:0000', '0A', 9), 2),
      () => {},
      () => {},
      () => {},
    ])
    assert.deepEqual(
      polls.map((it) => it.length),
      [1, 300, 300, 101, 0],
    )
    assert.equal(polls[1]![0]!.category, 'listening_socket')
    assert.equal(new Set(polls.flat().map((it) => JSON.stringify({ ...it, time: 0 }))).size, 702)
  })

  it('reports what still waits when it ends, and counts what is beyond its limit', async () => {
    const host = laptop()
    const polls = await watchPolls(connections, host, [
      () => open(host, outgoing(11_000) + row('00000000:1F90', '00000000:0000', '0A', 9), 2),
    ])
    const [, second] = polls
    assert.equal(second!.filter((it) => it.category !== 'collection_gap').length, 10_000)
    assert.equal(reported(second)[0], 'overflow network_connection 1001')
    assert.equal(second!.filter((it) => it.category === 'listening_socket').length, 1)
  })

  it('reports the sockets of other network namespaces, each once', async () => {
    const host = laptop()
    const inside =
      HEADER + row('00000000:1F90', '00000000:0000', '0A', 777) + row('0100007F:1F91', '00000000:0000', '0A')
    for (const [pid, space] of [
      ['self', 'net:[1]'],
      ['100', 'net:[1]'],
      ['200', 'net:[2]'],
      ['201', 'net:[2]'],
    ])
      put(host.tree, `/proc/${pid}/ns/net`, link(space!))
    for (const pid of ['200', '201'])
      for (const table of ['tcp', 'tcp6', 'udp', 'udp6'])
        put(host.tree, `/proc/${pid}/net/${table}`, table === 'tcp' ? inside : HEADER)
    host.tree.proc = { ...(host.tree.proc as object), self: { ns: { net: link('net:[1]') } } }
    const [first, quiet] = await watchPolls(connections, host, [() => (host.clock += 60_000)])
    assert.deepEqual(reported(first), [
      '/usr/sbin/sshd tcp 0.0.0.0:22',
      '/opt/anydesk tcp 0.0.0.0:8080',
      'null tcp 127.0.0.1:8081',
    ])
    assert.deepEqual(quiet, [])
  })

  it('a namespace that only root may see is a gap', async () => {
    const host = laptop()
    put(host.tree, '/proc/200/ns', deniedFolder)
    host.tree.proc = { ...(host.tree.proc as object), self: { ns: { net: link('net:[1]') } } }
    const [first] = await watchPolls(connections, host)
    assert.equal(reported(first)[0], 'denied sockets of other network namespaces 1')
  })

  it('reports what it could not read, and continues with the rest', async () => {
    const host = laptop()
    put(host.tree, '/proc/net/udp', undefined)
    open(host, 'rubbish\n', 2)
    const [first] = await watchPolls(connections, host)
    assert.deepEqual(reported(first), [
      'unparsed /proc/net/tcp 1',
      'unsupported /proc/net/udp null',
      '/usr/sbin/sshd tcp 0.0.0.0:22',
    ])
  })

  it('reports a real socket that starts to listen', async function () {
    needsLinux(this)
    const stop = new AbortController()
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })
    try {
      const host = linux.host({ hmac: (it) => it, stateFolder: '/nonexistent' })
      for await (const it of connections.run(host, policy, stop.signal) as AsyncIterable<Observation>) {
        checked(it)
        if (it.category !== 'listening_socket' || it.Port !== port) continue
        assert.equal(it.Image, realpathSync(process.execPath))
        assert.equal(it.Address, '127.0.0.1')
        stop.abort()
      }
      assert.ok(stop.signal.aborted)
    } finally {
      server.close()
    }
  })
})

function laptop(): FakeHost {
  const host = fakeHost({
    '/proc/self': { data: '', uid: 0 },
    '/proc/net/tcp6': HEADER,
    '/proc/net/udp': HEADER,
    '/proc/net/udp6': HEADER,
    '/proc/100/exe': link('/usr/sbin/sshd'),
    '/proc/100/fd/0': link('/dev/null'),
    '/proc/100/fd/3': link('socket:[555]'),
    '/proc/200/exe': link('/opt/anydesk (deleted)'),
    '/proc/200/fd/9': link('socket:[777]'),
  })
  open(host, '', 1)
  return host
}

function open(host: FakeHost, rows: string, dials: number): void {
  put(host.tree, '/proc/net/tcp', HEADER + row('00000000:0016', '00000000:0000', '0A', 555) + rows)
  put(host.tree, '/proc/net/snmp', `Tcp: ActiveOpens PassiveOpens CurrEstab\nTcp: ${dials} 0 0\n`)
  put(host.tree, '/proc/net/sockstat', 'TCP: inuse 1\nUDP: inuse 0\n')
}

function reported(found: Observation[] | undefined): string[] {
  return found!.map((it) => {
    if (it.category === 'listening_socket') return `${it.Image} ${it.Protocol} ${it.Address}:${it.Port}`
    if (it.category === 'network_connection')
      return `${it.Image} ${it.Protocol} ${it.SourceIp}:${it.SourcePort} ${it.Initiated ? '>' : '<'} ${it.DestinationIp}:${it.DestinationPort}`
    return it.category === 'collection_gap' ? `${it.Reason} ${it.About} ${it.Count}` : it.category
  })
}
