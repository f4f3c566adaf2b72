/**
 * Devices as firmware publishes them: trees like sysfs on a real disk, read by the real host. No such hardware is here, so
 * the trees are made to the published ids.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Host } from '../../agent/host/host.ts'
import type { Link, Node } from '../agent/fake-host.ts'
import {
  DELL,
  edid,
  JETKVM as JETKVM_DISPLAY,
  type Looks,
  PIKVM_V3,
  TINYPILOT as TINYPILOT_DISPLAY,
} from '../agent/fixtures/edid.ts'
import { JETKVM, MOUSE, PHONE, PIKVM, plug } from '../agent/fixtures/usb.ts'
import { has, judged } from './judged.ts'
import { type Watch, watch } from './watch.ts'

type Gadget = Parameters<typeof plug>[0]
const TINYPILOT: Gadget = {
  ...PIKVM,
  says: { manufacturer: 'tinypilot', product: 'Multifunction USB Device', serial: '6b65796d696d6570690' },
}
const NANOKVM: Gadget = {
  ...PIKVM,
  vendor: '3346',
  product: '1009',
  says: { manufacturer: 'sipeed', product: 'NanoKVM', serial: '0123456789ABCDEF' },
}
const CH9329: Gadget = {
  ...PIKVM,
  vendor: '1a86',
  product: 'e129',
  says: { manufacturer: 'WCH.CN', product: 'WCH UART TO KB-MS' },
  interfaces: ['03/01/01', '03/00/00'],
}
/** Nothing of it names its maker: a keyboard, an absolute pointer and a disk in one. */
const NAMELESS: Gadget = {
  ...PIKVM,
  vendor: 'f00d',
  product: 'beef',
  says: { manufacturer: 'Generic', product: 'Device' },
}
const NANOKVM_DISPLAY: Looks = { maker: 'SPD', product: 0x3301, name: 'NanoKVM' }

/** Paths below /sys are those below `folder`. */
const rooted =
  (folder: string) =>
  (real: Host): Host => {
    const at = (path: string) => (path.startsWith('/sys/') ? folder + path : path)
    return {
      ...real,
      readText: (path, max) => real.readText(at(path), max),
      readBytes: (path, max) => real.readBytes(at(path), max),
      list: (path) => real.list(at(path)),
      entries: (path) => real.entries(at(path)),
      link: (path) => real.link(at(path)),
      stat: (path) => real.stat(at(path)),
    }
  }

describe('real runs: devices', () => {
  let folder: string
  let seen: Watch

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-real-'))
    write({ '/sys/bus/usb/devices/usb1/devnum': '1\n', '/sys/class/drm/version': 'drm 1.1.0\n', ...plug(MOUSE) })
    seen = watch(['usb-devices', 'displays'], { folder, host: rooted(folder) })
  })
  afterEach(async () => {
    await seen.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  function write(nodes: Record<string, Node>): void {
    for (const [path, node] of Object.entries(nodes)) {
      mkdirSync(dirname(folder + path), { recursive: true })
      if (typeof node === 'string' || Buffer.isBuffer(node)) writeFileSync(folder + path, node)
      else symlinkSync(folder + (node as Link).link, folder + path)
    }
  }
  /** As the kernel does it: all of a device is there before its folder can be listed. */
  function attach(gadget: Gadget): void {
    const { [`/sys/bus/usb/devices/${gadget.port}/devnum`]: last, ...nodes } = plug(gadget)
    write(nodes)
    write({ [`/sys/bus/usb/devices/${gadget.port}/devnum`]: last! })
  }

  const gadgets: [name: string, gadget: Gadget, rules: string[]][] = [
    ['PiKVM', PIKVM, ['hardware/ip-kvm-by-usb-id']],
    ['TinyPilot', TINYPILOT, ['hardware/ip-kvm-by-usb-id']],
    ['JetKVM', JETKVM, ['hardware/ip-kvm-by-usb-id']],
    ['NanoKVM', NANOKVM, ['hardware/ip-kvm-by-usb-id']],
    ['a CH9329 cable', CH9329, ['hardware/keyboard-bridge']],
    ['one that hides its name', NAMELESS, ['hardware/ip-kvm-by-shape']],
  ]
  for (const [name, gadget, rules] of gadgets)
    it(`${name} is plugged in`, async () => {
      await seen.until('usb_device', (it) => it.Action === 'present' && it.VendorId === '046d')
      attach(gadget)
      const event = await seen.until('usb_device', (it) => it.Action === 'attached')
      assert.deepEqual([event.VendorId, event.ProductId, event.HasKeyboard], [gadget.vendor, gadget.product, true])
      has(await judged(seen.events), ...rules)
    })

  const displays: [name: string, looks: Looks][] = [
    ['PiKVM', PIKVM_V3],
    ['TinyPilot', TINYPILOT_DISPLAY],
    ['JetKVM', JETKVM_DISPLAY],
    ['NanoKVM', NANOKVM_DISPLAY],
  ]
  for (const [name, looks] of displays)
    it(`${name} takes a monitor's place`, async () => {
      write({
        '/sys/class/drm/card0-HDMI-A-1/edid': edid(looks),
        '/sys/class/drm/card0-HDMI-A-1/status': 'connected\n',
      })
      const event = await seen.until('display', (it) => it.MakerId === looks.maker)
      assert.equal(event.MonitorName, looks.name)
      has(await judged(seen.events), 'hardware/ip-kvm-by-edid')
    })

  it('a mouse, a phone and a monitor are nothing', async () => {
    attach(PHONE)
    const monitor = edid({ ...DELL, serialText: 'OTHER' })
    write({ '/sys/class/drm/card0-DP-1/edid': monitor, '/sys/class/drm/card0-DP-1/status': 'connected\n' })
    await seen.until('usb_device', (it) => it.VendorId === PHONE.vendor)
    await seen.until('display', (it) => it.MakerId === 'DEL')
    assert.deepEqual(await judged(seen.events), [])
  })
})
