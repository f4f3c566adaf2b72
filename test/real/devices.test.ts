/**
 * USB devices and displays in a folder tree like sysfs, which the real host reads. The trees use published ids, because
 * the hardware is not available here.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Host } from '../../agent/host/host.ts'
import type { Link, Node } from '../agent/fake-host.ts'
import {
  DELL,
  type EdidFields,
  edid,
  JETKVM as JETKVM_DISPLAY,
  PIKVM_V3,
  TINYPILOT as TINYPILOT_DISPLAY,
} from '../agent/fixtures/edid.ts'
import { JETKVM, MOUSE, PHONE, PIKVM, plug } from '../agent/fixtures/usb.ts'
import { assertFound, rulesFor } from './rules-for.ts'
import { type Watch, watch } from './watch.ts'

type Gadget = Parameters<typeof plug>[0]
const TINYPILOT: Gadget = {
  ...PIKVM,
  strings: { manufacturer: 'tinypilot', product: 'Multifunction USB Device', serial: '6b65796d696d6570690' },
}
const NANOKVM: Gadget = {
  ...PIKVM,
  vendor: '3346',
  product: '1009',
  strings: { manufacturer: 'sipeed', product: 'NanoKVM', serial: '0123456789ABCDEF' },
}
const CH9329: Gadget = {
  ...PIKVM,
  vendor: '1a86',
  product: 'e129',
  strings: { manufacturer: 'WCH.CN', product: 'WCH UART TO KB-MS' },
  interfaces: ['03/01/01', '03/00/00'],
}
/** Nothing identifies its vendor: it has a keyboard, an absolute pointer and a disk. */
const NAMELESS: Gadget = {
  ...PIKVM,
  vendor: 'f00d',
  product: 'beef',
  strings: { manufacturer: 'Generic', product: 'Device' },
  disks: [['Generic ', 'Flash Disk      ']],
}
/** Every id was changed, and the disk still says what it is. */
const MASKED: Gadget = { ...NAMELESS, disks: PIKVM.disks! }
const NANOKVM_DISPLAY: EdidFields = { maker: 'SPD', product: 0x3301, name: 'NanoKVM' }

/** Redirects paths in /sys to `folder`. */
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
  /** As in the kernel: all files of a device exist before its folder is listed. */
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
    ['one without a known name', NAMELESS, ['hardware/ip-kvm-by-shape']],
    ['a PiKVM under other ids', MASKED, ['hardware/ip-kvm-by-usb-id']],
  ]
  for (const [name, gadget, rules] of gadgets)
    it(`${name} is plugged in`, async () => {
      await seen.until('usb_device', (it) => it.Action === 'present' && it.VendorId === '046d')
      attach(gadget)
      const event = await seen.until('usb_device', (it) => it.Action === 'attached')
      assert.deepEqual([event.VendorId, event.ProductId, event.HasKeyboard], [gadget.vendor, gadget.product, true])
      assertFound(await rulesFor(seen.events), ...rules)
    })

  const displays: [name: string, fields: EdidFields][] = [
    ['PiKVM', PIKVM_V3],
    ['TinyPilot', TINYPILOT_DISPLAY],
    ['JetKVM', JETKVM_DISPLAY],
    ['NanoKVM', NANOKVM_DISPLAY],
  ]
  for (const [name, fields] of displays)
    it(`${name} replaces a monitor`, async () => {
      write({
        '/sys/class/drm/card0-HDMI-A-1/edid': edid(fields),
        '/sys/class/drm/card0-HDMI-A-1/status': 'connected\n',
      })
      const event = await seen.until('display', (it) => it.MakerId === fields.maker)
      assert.equal(event.MonitorName, fields.name)
      assertFound(await rulesFor(seen.events), 'hardware/ip-kvm-by-edid')
    })

  it('a mouse, a phone and a monitor cause no finding', async () => {
    attach(PHONE)
    const monitor = edid({ ...DELL, serialText: 'OTHER' })
    write({ '/sys/class/drm/card0-DP-1/edid': monitor, '/sys/class/drm/card0-DP-1/status': 'connected\n' })
    await seen.until('usb_device', (it) => it.VendorId === PHONE.vendor)
    await seen.until('display', (it) => it.MakerId === 'DEL')
    assert.deepEqual(await rulesFor(seen.events), [])
  })
})
