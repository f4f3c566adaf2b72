import assert from 'node:assert/strict'
import { displays } from '../../../../agent/collectors/linux/displays.ts'
import { parseEdid } from '../../../../agent/collectors/shared/edid.ts'
import type { Observation } from '../../../../wire/event.ts'
import { denied, fakeHost, put, watchPolls } from '../../fake-host.ts'
import { DELL, edid, JETKVM, PIKVM_V3, TINYPILOT } from '../../fixtures/edid.ts'

const connector = (name: string, block: Buffer | null) => ({
  [`/sys/class/drm/${name}/status`]: block === null ? 'disconnected\n' : 'connected\n',
  [`/sys/class/drm/${name}/edid`]: block ?? Buffer.alloc(0),
})

describe('agent/collectors/linux/displays', () => {
  const blocks: [name: string, block: Buffer, expected: unknown[] | null][] = [
    ['PiKVM V3', edid(PIKVM_V3), ['LNX', '0x7771', 'PiKVM V3', 'CAFEBABE', 530, 300]],
    ['TinyPilot, without a size', edid(TINYPILOT), ['TSB', '0x9876', 'TinyPilot', null, 0, 0]],
    ['JetKVM', edid(JETKVM), ['TSB', '0x8801', 'T749-fHD720', null, 0, 0]],
    ['a monitor, in millimetres', edid(DELL), ['DEL', '0x2013', 'DELL D2721H', '3S5GQ23', 598, 336]],
    ['an aspect ratio is not a size', edid({ ...JETKVM, cm: [79, 0] }), ['TSB', '0x8801', 'T749-fHD720', null, 0, 0]],
    [
      'a maker that is no letters',
      edid({ ...JETKVM, maker: '\u0040\u0040\u0040' }),
      [null, '0x8801', 'T749-fHD720', null, 0, 0],
    ],
    [
      'a wrong checksum is reported, not refused',
      Buffer.from(edid(DELL)).fill(7, 20, 21),
      ['DEL', '0x2013', 'DELL D2721H', '3S5GQ23', 598, 336],
    ],
    ['too short', edid(DELL).subarray(0, 127), null],
    ['zeros', Buffer.alloc(128), null],
    [
      'extension blocks are ignored',
      Buffer.concat([edid(DELL), Buffer.alloc(128, 1)]),
      ['DEL', '0x2013', 'DELL D2721H', '3S5GQ23', 598, 336],
    ],
  ]
  for (const [name, block, expected] of blocks)
    it(`EDID: ${name}`, () => {
      const found = parseEdid(block)
      assert.deepEqual(
        found && [found.MakerId, found.ProductCode, found.MonitorName, found.SerialText, found.WidthMm, found.HeightMm],
        expected,
      )
      if (found) assert.match(found.EdidHash!, /^[0-9a-f]{64}$/)
    })

  it('says which connector, and whether the checksum is right', async () => {
    const [first] = await watchPolls(
      displays,
      fakeHost({
        ...connector('card1-eDP-1', edid(DELL)),
        ...connector('card1-DP-2', Buffer.from(edid(DELL)).fill(7, 20, 21)),
        ...connector('card1-DP-3', Buffer.alloc(0)),
      }),
    )
    assert.deepEqual(
      first!.map((it) => it.category === 'display' && [it.Port, it.ChecksumValid]),
      [
        ['card1-eDP-1', true],
        ['card1-DP-2', false],
        ['card1-DP-3', null],
      ],
    )
  })

  it('reports present displays, then changes', async () => {
    const host = fakeHost({
      '/sys/class/drm/card1/x': '',
      '/sys/class/drm/version': 'drm 1.1.0\n',
      ...connector('card1-eDP-1', edid(DELL)),
      ...connector('card1-HDMI-A-1', null),
    })
    const become = (block: Buffer | null) => {
      for (const [path, node] of Object.entries(connector('card1-HDMI-A-1', block))) put(host.tree, path, node)
    }
    const polls = await watchPolls(displays, host, [
      () => become(edid(PIKVM_V3)),
      () => {},
      () => become(edid(JETKVM)),
      () => become(Buffer.alloc(0)),
      () => become(Buffer.alloc(128)),
      () => put(host.tree, '/sys/class/drm/card1-eDP-1', undefined),
    ])
    assert.deepEqual(polls.map(reported), [
      ['present DELL D2721H internal'],
      ['attached PiKVM V3'],
      [],
      ['removed PiKVM V3', 'attached T749-fHD720'],
      ['removed T749-fHD720', 'attached null'],
      ['removed null', 'unparsed edid of card1-HDMI-A-1'],
      ['removed DELL D2721H internal', 'unparsed edid of card1-HDMI-A-1'],
    ])
  })

  it('an unreadable connector does not affect the others', async () => {
    const host = fakeHost({ ...connector('card0-DP-1', edid(DELL)), ...connector('card0-DP-2', edid(JETKVM)) })
    const polls = await watchPolls(displays, host, [() => put(host.tree, '/sys/class/drm/card0-DP-1/status', denied)])
    assert.deepEqual(polls.map(reported), [['present DELL D2721H', 'present T749-fHD720'], ['denied card0-DP-1']])
  })

  it('counts connectors beyond 64', async () => {
    const host = fakeHost({})
    for (let n = 0; n < 70; n++)
      for (const [path, node] of Object.entries(connector(`card0-DP-${n}`, null))) put(host.tree, path, node)
    const [first] = await watchPolls(displays, host)
    assert.deepEqual(
      first!.map((it) => it.category === 'collection_gap' && [it.Reason, it.Count]),
      [['overflow', 6]],
    )
  })

  it('reports a gap without a graphics card', async () => {
    const [first] = await watchPolls(displays, fakeHost({}))
    assert.deepEqual(reported(first), ['unsupported /sys/class/drm'])
  })
})

function reported(found: Observation[] | undefined): string[] {
  return found!.map((it) => {
    if (it.category === 'display') return `${it.Action} ${it.MonitorName}${it.Internal ? ' internal' : ''}`
    return it.category === 'collection_gap' ? `${it.Reason} ${it.About}` : it.category
  })
}
