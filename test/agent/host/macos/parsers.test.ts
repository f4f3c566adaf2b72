/** What macOS' kernel fills in, parsed: built as its headers say, and cut short. No Mac has filled in any of it. */
import assert from 'node:assert/strict'
import { CallError } from '../../../../agent/host/macos/calls.ts'
import { parseInterfaces, parseNeighbours, parseRoutes } from '../../../../agent/host/macos/networks.ts'
import { parseArguments, parseProcess } from '../../../../agent/host/macos/processes.ts'
import { cmsIn, organisationIn } from '../../../../agent/host/macos/signing.ts'
import { parseFiles, parseSocket } from '../../../../agent/host/macos/sockets.ts'
import { parseMounts } from '../../../../agent/host/macos/volumes.ts'
import { CMS, superBlob } from '../../fixtures/code-signature.ts'
import {
  bsdInfo,
  interfaceMessage,
  linkAddress,
  mountEntry,
  procArgs,
  routeMessage,
  sockaddr,
  socketInfo,
} from '../../fixtures/mac-bytes.ts'

const UP = 1
const VIA = 3
const SCOPED = 0x1000000
const LLINFO = 0x400

describe('agent/host/macos, parsers', () => {
  it('a process: parent, user, name and start; one that has ended has no start', () => {
    const alive = parseProcess(bsdInfo({ parent: 1, uid: 501, name: 'AnyDesk' }))
    assert.deepEqual(alive, { parent: 1, uid: 501, name: 'AnyDesk', startedAt: '1793610000.000042' })
    const zombie = parseProcess(bsdInfo({ parent: 1, uid: 0, name: '', comm: 'sh', status: 5 }))
    assert.deepEqual([zombie.name, zombie.startedAt], ['sh', null])
  })

  const args: [name: string, bytes: Buffer, found: string[] | null][] = [
    ['no environment leaks into them', procArgs('/bin/ls', ['ls', '-l'], ['TOKEN=secret']), ['ls', '-l']],
    ['an empty one stays', procArgs('/bin/echo', ['echo', '', 'x'], ['A=b']), ['echo', '', 'x']],
    ['none', procArgs('/bin/ls', []), []],
    [
      'more are promised than there are',
      procArgs('/bin/ls', ['ls', '-l', 'x']).subarray(0, 24),
      ['ls', '-l', 'x'].slice(0, 3),
    ],
    ['cut in the path', Buffer.from([1, 0, 0, 0, 47, 98]), null],
    ['nothing', Buffer.alloc(0), null],
  ]
  for (const [name, bytes, found] of args)
    it(`arguments: ${name}`, () => {
      if (name.startsWith('more')) assert.ok(parseArguments(bytes)!.length <= found!.length)
      else assert.deepEqual(parseArguments(bytes), found)
    })

  it('a TCP socket of IPv4, a listener of IPv6, UDP; one of another kind is none', () => {
    const tcp = socketInfo({ kind: 'tcp', local: ['192.0.2.7', 50_123], remote: ['203.0.113.9', 443] })
    assert.deepEqual(parseSocket(tcp), {
      ...{ protocol: 'tcp', state: 4, localAddress: '192.0.2.7', localPort: 50_123 },
      ...{ remoteAddress: '203.0.113.9', remotePort: 443 },
    })
    const six = socketInfo({ kind: 'tcp', state: 1, local: ['::1', 5_900], remote: ['::', 0] })
    assert.deepEqual([parseSocket(six)?.state, parseSocket(six)?.localAddress], [1, '::1'])
    assert.equal(
      parseSocket(socketInfo({ kind: 'udp', local: ['0.0.0.0', 5_353], remote: ['0.0.0.0', 0] }))?.localPort,
      5_353,
    )
    assert.equal(parseSocket(socketInfo({ kind: 'unix', local: ['0.0.0.0', 0], remote: ['0.0.0.0', 0] })), null)
  })

  it('of the open files, those that are sockets', () => {
    const row = (fd: number, kind: number) => [fd, 0, 0, 0, kind, 0, 0, 0]
    assert.deepEqual(parseFiles(Buffer.from([...row(0, 1), ...row(5, 2), ...row(9, 2), 7])), [5, 9])
  })

  it('routes: the default with an empty mask, half of all addresses, a scoped one; what was learnt is left out', () => {
    const none = Buffer.alloc(0)
    const all = Buffer.concat([
      routeMessage(UP | VIA, 4, [sockaddr('0.0.0.0'), sockaddr('192.0.2.1'), none]),
      routeMessage(UP | VIA | SCOPED, 7, [sockaddr('0.0.0.0'), sockaddr('198.51.100.1'), none]),
      routeMessage(UP, 12, [sockaddr('128.0.0.0'), linkAddress('utun4', ''), Buffer.from([5, 0, 0, 0, 0x80])]),
      routeMessage(UP | LLINFO | 4, 4, [sockaddr('192.0.2.9'), linkAddress('en0', '3c:22:fb:00:00:01')]),
      routeMessage(UP | VIA, 4, [sockaddr('::'), sockaddr('fe80:4::1'), none]),
    ])
    assert.deepEqual(
      parseRoutes(all).map((it) => [it.interface, it.destination, it.length, it.gateway, it.isScoped]),
      [
        [4, '0.0.0.0', 0, '192.0.2.1', false],
        [7, '0.0.0.0', 0, '198.51.100.1', true],
        [12, '128.0.0.0', 1, null, false],
        [4, '::', 0, 'fe80::1', false],
      ],
    )
    assert.equal(parseRoutes(all.subarray(0, 150)).length, 1)
    assert.deepEqual(parseRoutes(Buffer.from([0, 0, 0, 0])), [])
  })

  it('neighbours, one without an answer is none', () => {
    const all = Buffer.concat([
      routeMessage(UP | LLINFO, 4, [sockaddr('192.0.2.1'), linkAddress('en0', '3c:22:fb:00:00:01')]),
      routeMessage(UP | LLINFO, 4, [sockaddr('192.0.2.8'), linkAddress('en0', '')]),
    ])
    assert.deepEqual(parseNeighbours(all), [{ interface: 4, address: '192.0.2.1', mac: '3c:22:fb:00:00:01' }])
  })

  it('interfaces with their counters, past 4 GiB', () => {
    const en0 = { index: 4, name: 'en0', type: 6, flags: 0x8863, mtu: 1_500, received: 5_000_000_000n, sent: 7n }
    const [found] = parseInterfaces(interfaceMessage(en0))
    assert.deepEqual(found, {
      ...{ index: 4, name: 'en0', type: 6, isUp: true, mtu: 1_500 },
      ...{ received: 5_000_000_000, sent: 7 },
    })
    assert.deepEqual(parseInterfaces(interfaceMessage(en0).subarray(0, 170)), [])
  })

  it('mounted file systems', () => {
    const entry = { from: '/dev/disk4s1', at: '/Volumes/STICK', type: 'msdos', flags: 0x1000, blocks: 250n }
    assert.deepEqual(parseMounts(Buffer.concat([mountEntry(entry), Buffer.alloc(9)])), [
      { from: '/dev/disk4s1', at: '/Volumes/STICK', type: 'msdos', isLocal: true, isHidden: false, bytes: 1_024_000 },
    ])
  })

  it("a code signature: the signer's organisation, not the authority's", () => {
    const blob = superBlob(CMS)
    assert.equal(organisationIn(cmsIn(blob)!), 'Example Remote GmbH')
  })

  it('no signature, an empty one (ad hoc), and a damaged one have no organisation', () => {
    assert.equal(cmsIn(Buffer.alloc(0)), null)
    assert.equal(cmsIn(superBlob(Buffer.alloc(0))), null)
    for (let length = 0; length < CMS.length; length += 97) assert.equal(organisationIn(CMS.subarray(0, length)), null)
    const cut = superBlob(CMS)
    cut.writeUInt32BE(0xffffff, 16 + 8)
    assert.equal(cmsIn(cut), null)
  })

  it("errors have node:fs's codes, so that gaps tell denied from unsupported", () => {
    assert.deepEqual(
      [1, 13, 2, 45, 22].map((it) => new CallError('x', it).code),
      ['EPERM', 'EACCES', 'ENOENT', 'ENOENT', 'EIO'],
    )
  })
})
