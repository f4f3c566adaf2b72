import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { hasLetters, isAbsolutePointer, usbDevices } from '../../../../agent/collectors/linux/usb-devices.ts'
import { capabilitiesOf } from '../../../../agent/collectors/shared/usb-capabilities.ts'
import type { Observation } from '../../../../wire/event.ts'
import { denied, type FakeHost, fakeHost, put, watchPolls } from '../../fake-host.ts'
import { DISGUISED_COMET, disksOf, JETKVM, MOUSE, PHONE, PIKVM, plug } from '../../fixtures/usb.ts'

describe('agent/collectors/linux/usb-devices', () => {
  it('reports present devices, then attached and removed ones', async () => {
    const host = fakeHost({ '/sys/bus/usb/devices/usb1/devnum': '1\n', ...plug(MOUSE) })
    const [first, second, quiet, third] = await watchPolls(usbDevices, host, [
      () => attach(host, PIKVM),
      () => {},
      () => put(host.tree, '/sys/bus/usb/devices/1-3', undefined),
    ])
    assert.deepEqual(reported(first), ['present 046d:c077'])
    assert.deepEqual(quiet, [])
    assert.deepEqual(reported(third), ['removed 046d:c077'])
    const { time: _, ...pikvm } = second![0]!
    assert.deepEqual(pikvm, {
      category: 'usb_device',
      collector: 'usb-devices',
      Action: 'attached',
      VendorId: '1d6b',
      ProductId: '0104',
      Manufacturer: 'PiKVM',
      ProductName: 'PiKVM Composite Device',
      SerialNumber: 'CAFEBABE',
      InterfaceClasses: ['03', '03', '03', '08'],
      HasKeyboard: true,
      HasAbsolutePointer: true,
      HasStorage: true,
      HasNetwork: false,
      ParentPort: '1-1.2',
      SpeedMbps: 480,
      BcdDevice: '0100',
      MaxPowerMa: 500,
      ScsiInquiry: ['PiKVM Optical Drive'],
      ReportDescriptorHash: createHash('sha256')
        .update(Buffer.from(PIKVM.reports!.join(''), 'hex'))
        .digest('hex'),
    })
  })

  it('reports what a disguise does not change', async () => {
    const [first] = await watchPolls(usbDevices, fakeHost({ ...plug(DISGUISED_COMET), ...plug(MOUSE) }))
    const shown = first!.map(
      (it) => it.category === 'usb_device' && [it.ProductId, it.SpeedMbps, it.MaxPowerMa, it.ScsiInquiry],
    )
    assert.deepEqual(shown, [
      ['c31c', 480, 500, ['Glinet Flash Drive', 'Glinet Optical Drive']],
      ['c077', 1.5, 100, []],
    ])
  })

  it('a disk that answers later is waited for once, and otherwise unknown', async () => {
    const withoutDisks = { ...plug(DISGUISED_COMET) }
    for (const path of Object.keys(disksOf(DISGUISED_COMET))) delete withoutDisks[path]
    const host = fakeHost(withoutDisks)
    const [first, second] = await watchPolls(usbDevices, host, [
      () => {
        for (const [path, node] of Object.entries(disksOf(DISGUISED_COMET))) put(host.tree, path, node)
      },
    ])
    const silent = fakeHost(withoutDisks)
    const [, unanswered] = await watchPolls(usbDevices, silent, [() => {}])
    const inquiries = (found: Observation[] | undefined) =>
      found!.map((it) => it.category === 'usb_device' && it.ScsiInquiry)
    assert.deepEqual(
      [first, inquiries(second), inquiries(unanswered)],
      [[], [['Glinet Flash Drive', 'Glinet Optical Drive']], [null]],
    )
  })

  it('facts that are no numbers are unknown', async () => {
    const facts = { speed: 'unknown', bcdDevice: 'x', bMaxPower: '' }
    const [first] = await watchPolls(usbDevices, fakeHost(plug({ ...MOUSE, facts })))
    assert.deepEqual(
      first!.map((it) => it.category === 'usb_device' && [it.SpeedMbps, it.BcdDevice, it.MaxPowerMa]),
      [[null, null, null]],
    )
  })

  it('a keyboard without a boot interface is one by its letters', async () => {
    const interfaces = ['03/00/00', '03/00/00', '03/00/00']
    const [first] = await watchPolls(
      usbDevices,
      fakeHost({ ...plug({ ...JETKVM, interfaces, disks: [] }), ...plug(MOUSE) }),
    )
    assert.deepEqual(
      first!.map((it) => it.category === 'usb_device' && it.HasKeyboard),
      [true, false],
    )
  })

  it('distinguishes a mouse, an IP-KVM and a phone', async () => {
    const [first] = await watchPolls(usbDevices, fakeHost({ ...plug(MOUSE), ...plug(JETKVM), ...plug(PHONE) }))
    assert.deepEqual(
      first!.map(
        (it) =>
          it.category === 'usb_device' && [
            it.HasKeyboard,
            it.HasAbsolutePointer,
            it.HasStorage,
            it.HasNetwork,
            it.SerialNumber,
          ],
      ),
      [
        [false, false, false, false, ''],
        [true, true, true, false, ''],
        [false, false, false, true, ''],
      ],
    )
  })

  it('another device number on the same port is another device', async () => {
    const host = fakeHost(plug(MOUSE))
    const [, second] = await watchPolls(usbDevices, host, [
      () => put(host.tree, '/sys/bus/usb/devices/1-3/devnum', '12\n'),
    ])
    assert.deepEqual(reported(second), ['removed 046d:c077', 'attached 046d:c077'])
  })

  it('waits one poll for a driver, then reports null', async () => {
    const host = fakeHost(plug({ ...JETKVM, inputs: [] }))
    const [first, second, third] = await watchPolls(usbDevices, host, [() => {}, () => {}])
    assert.deepEqual(first, [])
    assert.deepEqual(
      second!.map((it) => it.category === 'usb_device' && [it.Action, it.HasAbsolutePointer]),
      [['present', null]],
    )
    assert.deepEqual(third, [])
  })

  it('limits the length of strings, and reports null for what it cannot read', async () => {
    const host = fakeHost(
      plug({ ...MOUSE, strings: { manufacturer: '<script>'.repeat(200), product: '\u202egnp.exe' } }),
    )
    put(host.tree, '/sys/bus/usb/devices/1-3/serial', denied)
    const [first] = await watchPolls(usbDevices, host)
    const [device] = first!
    assert.ok(device?.category === 'usb_device')
    assert.equal(device.Manufacturer!.length, 256)
    assert.equal(device.ProductName, '\u202egnp.exe')
    assert.equal(device.SerialNumber, null)
  })

  it('reports a gap without a USB bus', async () => {
    const [first] = await watchPolls(usbDevices, fakeHost({}))
    assert.deepEqual(
      first!.map((it) => it.category === 'collection_gap' && it.Reason),
      ['unsupported'],
    )
  })

  const pointers: [name: string, abs: string, key: string, expected: boolean][] = [
    ['axes and a left button', '3', '1f0000 0 0 0 0', true],
    ['axes and touch', '3', '400 0 0 0 0 0', true],
    ['a joystick', '3', 'ffff00000000 0 0 0 0 0', false],
    ['a volume knob', '100000000', '1f0000 0 0 0 0', false],
    ['a mouse', '0', '1f0000 0 0 0 0', false],
    ['rubbish', 'zz', '', false],
  ]
  for (const [name, abs, key, expected] of pointers)
    it(`pointer: ${name}`, () => assert.equal(isAbsolutePointer(abs, key), expected))

  it('letters make a keyboard, buttons do not', () =>
    assert.deepEqual(
      ['1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe', '1f0000 0 0 0 0', 'e000', ''].map(
        hasLetters,
      ),
      [true, false, false, false],
    ))

  it('what a driver made a network interface of is a network', async () => {
    const host = fakeHost(plug(MOUSE))
    put(host.tree, '/sys/bus/usb/devices/1-3/1-3:1.0/net/eth7', {})
    const [first] = await watchPolls(usbDevices, host)
    assert.deepEqual(
      first!.map((it) => it.category === 'usb_device' && it.HasNetwork),
      [true],
    )
  })

  it('recognises network devices by class', () => {
    const has = (codes: string, vendor = '1234') => {
      const [code, subclass, protocol] = codes.split('/') as [string, string, string]
      return capabilitiesOf([{ class: code, subclass, protocol }], vendor).network
    }
    assert.ok(has('ff/fd/01', '05ac'), "an iPhone's tethering")
    assert.deepEqual([has('ff/ff/00', '0bda'), has('ff/ff/00', '0403')], [true, false], 'Realtek, and a serial adapter')
    assert.deepEqual(
      ['02/06/00', '02/0d/00', 'e0/01/03', 'ef/04/01', '02/02/ff', '02/02/01', 'e0/01/01'].map((it) => has(it)),
      [true, true, true, true, true, false, false],
    )
  })
})

function attach(host: FakeHost, gadget: typeof PIKVM): void {
  for (const [path, node] of Object.entries(plug(gadget))) put(host.tree, path, node)
}
function reported(found: Observation[] | undefined): string[] {
  return found!.map((it) =>
    it.category === 'usb_device' ? `${it.Action} ${it.VendorId}:${it.ProductId}` : it.category,
  )
}
