/** Sockets as the kernel tells them: built after the layouts in its headers, and asked of this machine's own kernel. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { attribute, attributesIn, messagesIn, requestMessage } from '../../../../agent/host/linux/netlink.ts'
import { linuxCalls } from '../../../../agent/host/linux/open.ts'
import { parseSocket, socketRequest } from '../../../../agent/host/linux/tcp.ts'
import { needsLinux } from '../../needs-linux.ts'

const SOCK_DIAG_BY_FAMILY = 20
const BYTES = 3_000_000

/** inet_diag_msg and a tcp_info of `infoBytes`, as Linux 6.1's headers lay them out. */
function answer({ family = 2, state = 1, infoBytes = 232 } = {}): Buffer {
  const it = Buffer.alloc(72)
  it.set([family, state])
  it.writeUInt16BE(50_000, 4)
  it.writeUInt16BE(443, 6)
  it.set(family === 2 ? [192, 0, 2, 9] : Buffer.from('20010db8000000000000000000000009', 'hex'), 8)
  it.set(family === 2 ? [198, 51, 100, 7] : Buffer.from('00000000000000000000ffffc6336407', 'hex'), 24)
  it.writeUInt32LE(0x1122, 44)
  it.writeUInt32LE(1_000, 64)
  it.writeUInt32LE(99, 68)
  const info = Buffer.alloc(infoBytes)
  if (infoBytes >= 136) {
    info.writeBigUInt64LE(5_000_000_000n, 120)
    info.writeBigUInt64LE(7n, 128)
  }
  return Buffer.concat([it, attribute(8, Buffer.of(0)), attribute(2, info)])
}

describe('agent/host/linux/tcp', () => {
  it('reads a socket', () =>
    assert.deepEqual(parseSocket({ type: SOCK_DIAG_BY_FAMILY, body: answer() }), {
      ...{ cookie: '2211000000000000', isListener: false, inode: 99, uid: 1_000 },
      ...{ localAddress: '192.0.2.9', localPort: 50_000, remoteAddress: '198.51.100.7', remotePort: 443 },
      bytes: { sent: 5_000_000_000, received: 7 },
    }))

  it('reads IPv6, and IPv4 in it', () => {
    const it = parseSocket({ type: SOCK_DIAG_BY_FAMILY, body: answer({ family: 10, state: 10 }) })
    assert.deepEqual([it?.localAddress, it?.remoteAddress, it?.isListener], ['2001:db8::9', '198.51.100.7', true])
  })

  const rows: [name: string, type: number, body: Buffer, found: boolean][] = [
    ['a kernel that does not count bytes', SOCK_DIAG_BY_FAMILY, answer({ infoBytes: 104 }), true],
    ['a socket without counters', SOCK_DIAG_BY_FAMILY, answer().subarray(0, 72), false],
    ['a cut answer', SOCK_DIAG_BY_FAMILY, answer().subarray(0, 71), false],
    ['another family', SOCK_DIAG_BY_FAMILY, answer({ family: 1 }), false],
    ['another message', 3, answer(), false],
    ['nothing', SOCK_DIAG_BY_FAMILY, Buffer.alloc(0), false],
  ]
  for (const [name, type, body, found] of rows)
    it(name, () => {
      const socket = parseSocket({ type, body })
      assert.equal(socket !== null, found)
      if (socket !== null) assert.equal(socket.bytes, null)
    })

  it('messages and attributes end where they are cut, or say a length that cannot be', () => {
    const whole = requestMessage({ type: SOCK_DIAG_BY_FAMILY, body: answer(), isDump: true })
    assert.equal(whole.readUInt16LE(6), 0x301)
    for (let length = 0; length < whole.length; length++) assert.deepEqual(messagesIn(whole.subarray(0, length)), [])
    const two = messagesIn(Buffer.concat([whole, whole, Buffer.of(1)]))
    assert.deepEqual(
      two.map((it) => it.body.length),
      [whole.length - 16, whole.length - 16],
    )
    assert.deepEqual(messagesIn(Buffer.alloc(64)), [])
    assert.equal(attributesIn(Buffer.alloc(64), 0).size, 0)
    assert.equal(attributesIn(Buffer.of(255, 255, 1, 0, 0), 0).size, 0)
    // The highest bit says: there are attributes in it.
    assert.deepEqual([...attributesIn(attribute(0x8002, Buffer.of(7)), 0)], [[2, Buffer.of(7)]])
  })

  it('asks for the states that have counters', () => {
    const request = socketRequest(10)
    assert.equal(request.length, 56)
    assert.equal(request.toString('hex', 0, 8), '0a060200' + '320f0000')
  })

  it("this machine's kernel: a transfer while it is open, and its end, with every byte", async function () {
    needsLinux(this)
    const ends = linuxCalls.tcpEnds()
    const server = createServer((it) => it.resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      const client = connect(port, '127.0.0.1')
      await new Promise<void>((resolve) => client.write(Buffer.alloc(BYTES), () => resolve()))
      const of = () => linuxCalls.tcpSockets().found
      const mine = () => of().find((it) => it.remotePort === port && !it.isListener)
      await until(() => (mine()?.bytes?.sent ?? 0) >= BYTES)
      const open = mine()!
      assert.equal(open.localPort, client.localPort)
      assert.ok(open.inode > 0)
      assert.ok(of().some((it) => it.isListener && it.localPort === port))
      client.end()
      await once(client, 'close')
      const ended: (typeof open)[] = []
      await until(() => {
        ended.push(...ends.read().ended.filter((it) => it.cookie === open.cookie))
        return ended.length > 0
      })
      // And the packets that begin and end a connection, which count as a byte each.
      assert.ok(ended[0]!.bytes!.sent >= BYTES && ended[0]!.bytes!.sent <= BYTES + 2, `${ended[0]!.bytes!.sent}`)
      assert.equal(ended[0]!.inode, 0)
    } finally {
      server.close()
      ends.close()
    }
  })
})

async function until(holds: () => boolean, withinMs = 10_000): Promise<void> {
  for (const end = performance.now() + withinMs; !holds(); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (performance.now() > end) throw new Error('it did not happen')
}
