import assert from 'node:assert/strict'
import { flows } from '../../../../agent/collectors/linux/flows.ts'
import type { LinuxCalls, TcpSocket } from '../../../../agent/host/linux/calls.ts'
import { CallError } from '../../../../agent/host/linux/calls.ts'
import { HOUR } from '../../../../wire/time.ts'
import { type FakeHost, fakeHost, link, put, watchPolls } from '../../fake-host.ts'
import { fakeLinux } from '../../fake-linux.ts'

const MB = 1_048_576
const ROUTES = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
/** The polls of a window of 15 min, after the first. */
const WINDOW = 45

const tcp = (it: Partial<TcpSocket>): TcpSocket => ({
  ...{ cookie: '1', isListener: false, inode: 100, uid: 0 },
  ...{ localAddress: '192.0.2.9', localPort: 50_000, remoteAddress: '198.51.100.7', remotePort: 443 },
  bytes: { sent: 0, received: 0 },
  ...it,
})
const moved = (cookie: string, sent: number, received = 0, more: Partial<TcpSocket> = {}) =>
  tcp({ cookie, bytes: { sent, received }, ...more })

interface Kernel extends LinuxCalls {
  open: TcpSocket[]
  ended: TcpSocket[]
  lost: number
  omitted: number
  failsWith: CallError | null
  opened: number
  closed: number
}
function kernel(): Kernel {
  const it: Kernel = {
    ...{ open: [], ended: [], lost: 0, omitted: 0, failsWith: null, opened: 0, closed: 0 },
    ...fakeLinux(),
    tcpSockets() {
      if (it.failsWith !== null) throw it.failsWith
      return { found: it.open, omitted: it.omitted }
    },
    tcpEnds() {
      it.opened++
      return {
        read() {
          const { ended, lost } = it
          it.ended = []
          it.lost = 0
          return { ended, lost }
        },
        close: () => void it.closed++,
      }
    },
  }
  return it
}

const laptop = (): FakeHost =>
  fakeHost({
    '/proc/self/x': '',
    '/proc/7/fd/3': link('socket:[100]'),
    '/proc/7/exe': link('/usr/bin/rclone'),
    '/proc/net/route': `${ROUTES}eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`,
  })

/** What is reported when `steps` change the kernel before the second, third … look, until the window is over. */
async function windowOf(it: Kernel, host: FakeHost, ...steps: (() => void)[]) {
  const polls = Array.from({ length: WINDOW }, (_, at) => steps[at] ?? (() => {}))
  const all = (await watchPolls(flows(it), host, polls)).flat()
  return all.map((found) => {
    if (found.category === 'collection_gap') return `gap ${found.About} ${found.Reason} ${found.Count}`
    if (found.category !== 'egress') return found.category
    const { Image, DestinationIp, DestinationPort, BytesSent, BytesReceived, WindowSeconds } = found
    return [Image, DestinationIp, DestinationPort, BytesSent, BytesReceived, WindowSeconds].join(' ')
  })
}

describe('agent/collectors/linux/flows', () => {
  const rows: [name: string, act: (it: Kernel, host: FakeHost) => (() => void)[], expected: string[]][] = [
    [
      'an upload, without what was sent before the agent came',
      (it) => {
        it.open = [moved('1', 9 * MB)]
        return [() => (it.open = [moved('1', 12 * MB, MB)]), () => (it.open = [moved('1', 14 * MB, MB)])]
      },
      [`/usr/bin/rclone 198.51.100.7 443 ${5 * MB} ${MB} 900`],
    ],
    [
      'a connection that ends is counted to its end, and not once more',
      (it) => [
        () => (it.open = [moved('1', 3 * MB)]),
        () => {
          it.open = []
          it.ended = [moved('1', 5 * MB, 7, { inode: 0 })]
        },
      ],
      [`/usr/bin/rclone 198.51.100.7 443 ${5 * MB} 7 900`],
    ],
    [
      'short connections to one peer, of an unknown program',
      (it) => [() => (it.ended = Array.from({ length: 40 }, (_, at) => moved(`e${at}`, 100_000, 10, { inode: 0 })))],
      [' 198.51.100.7 443 4000000 400 900'],
    ],
    [
      'a list that lacks a socket once counts it once',
      (it) => {
        it.open = [moved('1', 0)]
        return [() => (it.open = [moved('1', 4 * MB)]), () => (it.open = []), () => (it.open = [moved('1', 5 * MB)])]
      },
      [`/usr/bin/rclone 198.51.100.7 443 ${5 * MB} 0 900`],
    ],
    [
      'without the list of ended connections, what was seen of one',
      (it) => {
        it.tcpEnds = () => {
          throw new CallError('bind', 1)
        }
        it.open = [moved('1', 0)]
        // Too little for an owner.
        return [() => (it.open = [moved('1', 60_000), moved('2', 2 * MB)]), () => (it.open = [])]
      },
      ['gap ended connections denied null', `/usr/bin/rclone 198.51.100.7 443 ${2 * MB} 0 900`],
    ],
    [
      'who has connected to the laptop has no port of a service',
      (it) => {
        it.open = [tcp({ cookie: '0', isListener: true, localPort: 22, remoteAddress: '0.0.0.0', remotePort: 0 })]
        return [() => it.open.push(moved('1', 2 * MB, 0, { localPort: 22, remotePort: 51_123 }))]
      },
      [`/usr/bin/rclone 198.51.100.7  ${2 * MB} 0 900`],
    ],
    [
      'what stays on the laptop is none',
      (it, host) => {
        put(host.tree, '/sys/class/net/docker0/bridge/x', '')
        put(
          host.tree,
          '/proc/net/route',
          `${ROUTES}eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\ndocker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n`,
        )
        put(
          host.tree,
          '/proc/net/ipv6_route',
          `${'fe80'.padEnd(32, '0')} 40 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 100 0 0 1 docker0\n`,
        )
        return [
          () =>
            (it.open = [
              moved('1', 9 * MB, 0, { remoteAddress: '127.0.0.1' }),
              moved('2', 9 * MB, 0, { remoteAddress: '::1' }),
              moved('3', 9 * MB, 0, { remoteAddress: '172.17.0.2' }),
              moved('4', 9 * MB, 0, { remoteAddress: '192.0.2.9' }),
              moved('5', 2 * MB, 0, { remoteAddress: 'fe80::1' }),
              moved('6', 3 * MB, 0, { remoteAddress: '2001:db8::5' }),
            ]),
        ]
      },
      [`/usr/bin/rclone 2001:db8::5 443 ${3 * MB} 0 900`, `/usr/bin/rclone fe80::1 443 ${2 * MB} 0 900`],
    ],
    [
      'small amounts to many peers are one for the program; of an unknown one they are in the sum of the interfaces',
      (it) => [
        () =>
          (it.open = Array.from({ length: 30 }, (_, at) =>
            moved(`o${at}`, 100_000, 0, { remoteAddress: `198.51.100.${at}`, inode: at < 15 ? 100 : 0 }),
          )),
      ],
      ['/usr/bin/rclone   1500000 0 900'],
    ],
    [
      'the owner of another user',
      (it, host) => {
        put(host.tree, '/proc/self', { data: '', uid: 1_000 })
        return [() => (it.open = [moved('1', 2 * MB)])]
      },
      [`gap owners of connections denied 1`, ` 198.51.100.7 443 ${2 * MB} 0 900`],
    ],
    [
      'a list that was full, and one that was too long',
      (it) => {
        it.open = [moved('1', 0)]
        return [
          () => {
            it.lost = 3
            it.omitted = 5
            it.open = []
          },
          () => {
            it.omitted = 0
            it.open = [moved('1', 2 * MB)]
          },
        ]
      },
      ['gap TCP sockets overflow 5', 'gap egress overflow 3', `/usr/bin/rclone 198.51.100.7 443 ${2 * MB} 0 900`],
    ],
    [
      'a kernel that does not count',
      (it) => {
        it.open = [tcp({ bytes: null })]
        return []
      },
      Array.from({ length: WINDOW + 1 }, () => 'gap bytes of connections unsupported null'),
    ],
  ]
  for (const [name, act, expected] of rows)
    it(name, async () => {
      const [it, host] = [kernel(), laptop()]
      assert.deepEqual(await windowOf(it, host, ...act(it, host)), expected)
      assert.equal(it.closed, it.opened, 'the list of ended connections is closed')
    })

  it('reports the largest of many, and counts the programs that it leaves out', async () => {
    const [it, host] = [kernel(), laptop()]
    for (let at = 0; at < 40; at++) {
      put(host.tree, `/proc/${at + 100}/fd/3`, link(`socket:[${at + 1_000}]`))
      put(host.tree, `/proc/${at + 100}/exe`, link(`/opt/program-${at}`))
    }
    const many = () => {
      it.open = Array.from({ length: 80 }, (_, at) =>
        moved(`c${at}`, (2 + at) * MB, 0, { remoteAddress: `203.0.113.${at}`, inode: 1_000 + (at % 40) }),
      )
    }
    const reported = await windowOf(it, host, many)
    assert.equal(reported.length, 32 + 32 + 1)
    assert.equal(reported[0], `/opt/program-39 203.0.113.79 443 ${81 * MB} 0 900`)
    assert.equal(reported.at(-1), 'gap egress overflow 8')
    const sum = reported.reduce((all, line) => all + Number(line.split(' ')[3] || line.split(' ')[4] || 0), 0)
    assert.ok(sum < (80 * 83 * MB) / 2, 'nothing is counted twice')
  })

  it('more flows than it keeps are the sum of their program', async () => {
    const [it, host] = [kernel(), laptop()]
    const many = () => {
      it.open = Array.from({ length: 6_000 }, (_, at) =>
        moved(`c${at}`, 70_000, 0, { remoteAddress: `10.0.${at >> 8}.${at & 255}` }),
      )
    }
    assert.deepEqual(await windowOf(it, host, many), [`/usr/bin/rclone   ${6_000 * 70_000} 0 900`])
  })

  it('goes on after a failure, from where it was, and asks again for the list of ended connections', async () => {
    const [it, host] = [kernel(), laptop()]
    it.open = [moved('1', MB)]
    const broken = () => {
      it.failsWith = new CallError('socket', 97)
    }
    const mended = () => {
      it.failsWith = null
      it.open = [moved('1', 3 * MB)]
    }
    assert.deepEqual(await windowOf(it, host, broken, mended), [
      'gap bytes of connections unsupported null',
      `/usr/bin/rclone 198.51.100.7 443 ${2 * MB} 0 900`,
    ])
    assert.equal(it.opened, 2)
  })

  it('what the agent has when it stops is reported, too', async () => {
    const [it, host] = [kernel(), laptop()]
    const [first, last] = await watchPolls(flows(it), host, [() => (it.open = [moved('1', 2 * MB)])])
    assert.deepEqual(first, [])
    assert.deepEqual(
      last!.map((found) => found.category === 'egress' && [found.BytesSent, found.WindowSeconds]),
      [[2 * MB, 20]],
    )
  })

  it('asks once an hour for a list of ended connections that it does not get', async () => {
    const [it, host] = [kernel(), laptop()]
    it.tcpEnds = () => {
      it.opened++
      throw new CallError('bind', 1)
    }
    const hours = await watchPolls(
      flows(it),
      host,
      Array.from({ length: HOUR / 20_000 + 1 }, () => () => {}),
    )
    assert.equal(hours.flat().length, 2)
    assert.equal(it.opened, 2)
  })
})
