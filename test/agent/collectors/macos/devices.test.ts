/**
 * USB devices, displays, volumes and power, as the I/O registry has them.
 *
 * Source  the names and kinds of properties are those in public output of `ioreg -a` and in programs that read them; the
 *         values are ours. IOSCSIArchitectureModel's 'Device Characteristics' and 'Protocol Characteristics'.
 */
import assert from 'node:assert/strict'
import { displays, sizeIn } from '../../../../agent/collectors/macos/displays.ts'
import { hasAbsolutePointer } from '../../../../agent/collectors/macos/kit/report-descriptor.ts'
import { power } from '../../../../agent/collectors/macos/power.ts'
import { portOf, usbDevices } from '../../../../agent/collectors/macos/usb-devices.ts'
import { kindOf, volumes } from '../../../../agent/collectors/macos/volumes.ts'
import type { MountRow } from '../../../../agent/host/macos/calls.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { fakeHost, policy, watchPolls } from '../../fake-host.ts'
import { edid, JETKVM } from '../../fixtures/edid.ts'
import { entry, fakeMac } from './fake-mac.ts'

/** The boot mouse of HID 1.11, appendix E.10: relative. */
const MOUSE = Buffer.from(
  '05010902a1010901a100050919012903150025019503750181029501750581010501093009311581257f750895028106c0c0',
  'hex',
)
/** An absolute pointer as KVMs have it: 16 bits each, 0 to 32767. */
const TABLET = Buffer.from(
  '05010902a1010901a10005091901290315002501950375018102950175058103050109300931150026ff7f750f95028102c0c0',
  'hex',
)
/** A gamepad: X and Y are absolute, too. */
const GAMEPAD = Buffer.from('05010905a101a10009300931150026ff00750895028102c0c0', 'hex')

const KVM_LOCATION = 0x14230000
const STRINGS = { 'USB Vendor Name': 'Sipeed', 'USB Product Name': 'NanoKVM', 'USB Serial Number': '0123456789ABCDEF' }

function plugKvm(mac: ReturnType<typeof fakeMac>): void {
  const ids = { idVendor: 0x3346, idProduct: 0x1009, bcdDevice: 0x0510 }
  const device = entry('100000abc', { ...ids, ...STRINGS, locationID: KVM_LOCATION, USBSpeed: 3 })
  const face = (n: number, bInterfaceClass: number, bInterfaceSubClass: number, bInterfaceProtocol: number) =>
    entry(`1000010${n}0`, {
      ...{ bInterfaceNumber: n, bInterfaceClass, bInterfaceSubClass, bInterfaceProtocol, locationID: KVM_LOCATION },
    })
  mac.classes.IOUSBHostDevice = [...(mac.classes.IOUSBHostDevice ?? []), device]
  mac.classes.IOUSBHostInterface = [face(2, 8, 6, 80), face(0, 3, 1, 1), face(1, 3, 0, 0)]
  mac.classes.IOHIDDevice = [
    entry('1', {
      LocationID: KVM_LOCATION,
      ReportDescriptor: TABLET,
      DeviceUsagePairs: [{ DeviceUsagePage: 1, DeviceUsage: 2 }],
    }),
    entry('2', {
      LocationID: 0x14100000,
      ReportDescriptor: MOUSE,
      DeviceUsagePairs: [{ DeviceUsagePage: 1, DeviceUsage: 6 }],
    }),
  ]
  mac.classes.IOBlockStorageDevice = [
    entry(
      '3',
      { 'Device Characteristics': { 'Vendor Name': 'NanoKVM ', 'Product Name': 'USB Mass Storage' } },
      { locationID: KVM_LOCATION },
    ),
  ]
}

const of = <C extends 'usb_device' | 'display' | 'volume_mounted' | 'power_state'>(category: C, found: Observation[]) =>
  found.filter((it): it is ObservationOf<C> => it.category === category)

describe('agent/collectors/macos, devices', () => {
  it('a KVM: ids, names, interfaces in order, keyboard, absolute pointer, its disk; then it is removed', async () => {
    const mac = fakeMac()
    const hub = { idVendor: 0x05ac, idProduct: 0x8007, locationID: 0x14000000 }
    mac.classes.IOUSBHostDevice = [entry('root', hub)]
    const polls = [() => plugKvm(mac), () => (mac.classes.IOUSBHostDevice = [])]
    const [first, second, third] = await watchPolls(usbDevices(mac), fakeHost({}), polls, policy, 'macos')
    assert.deepEqual(first, [])
    const [device] = of('usb_device', second!)
    const { ReportDescriptorHash, time, collector, ...rest } = device!
    assert.match(ReportDescriptorHash ?? '', /^[0-9a-f]{64}$/)
    assert.deepEqual(rest, {
      ...{ category: 'usb_device', Action: 'attached', VendorId: '3346', ProductId: '1009' },
      ...{ Manufacturer: 'Sipeed', ProductName: 'NanoKVM', SerialNumber: '0123456789ABCDEF' },
      ...{ InterfaceClasses: ['03', '03', '08'], HasKeyboard: true, HasAbsolutePointer: true, HasStorage: true },
      ...{ HasNetwork: false, ParentPort: '20-2.3', SpeedMbps: 480, BcdDevice: '0510', MaxPowerMa: null },
      ScsiInquiry: ['NanoKVM USB Mass Storage'],
    })
    assert.deepEqual(
      of('usb_device', third!).map((it) => it.Action),
      ['removed'],
    )
  })

  it('a mouse without a serial number; one whose interfaces come later is told then, as present', async () => {
    const mac = fakeMac()
    mac.classes.IOUSBHostDevice = [
      entry('9', { idVendor: 0x46d, idProduct: 0xc077, locationID: 0x14100000, 'Device Speed': 0 }),
    ]
    const polls = [
      () => {
        const face = { bInterfaceNumber: 0, bInterfaceClass: 3, bInterfaceSubClass: 1, bInterfaceProtocol: 2 }
        mac.classes.IOUSBHostInterface = [entry('10', { ...face, locationID: 0x14100000 })]
        mac.classes.IOHIDDevice = [entry('11', { LocationID: 0x14100000, ReportDescriptor: MOUSE })]
      },
    ]
    const [first, second] = await watchPolls(usbDevices(mac), fakeHost({}), polls, policy, 'macos')
    assert.deepEqual(first, [])
    const [mouse] = of('usb_device', second!)
    assert.deepEqual(
      [mouse?.Action, mouse?.SerialNumber, mouse?.HasKeyboard, mouse?.HasAbsolutePointer, mouse?.SpeedMbps],
      ['present', '', false, false, 1.5],
    )
  })

  const descriptors: [name: string, bytes: Buffer, found: boolean][] = [
    ['a mouse', MOUSE, false],
    ['a tablet', TABLET, true],
    ['a gamepad', GAMEPAD, false],
    ['nothing', Buffer.alloc(0), false],
    ['cut in an item', TABLET.subarray(0, TABLET.length - 5), false],
    ['a range without an end', Buffer.from('05011a00002affff8102', 'hex'), true],
    ['a long item', Buffer.concat([Buffer.from('fe03000a0b0c', 'hex'), TABLET]), true],
  ]
  for (const [name, bytes, found] of descriptors)
    it(`report descriptor: ${name}`, () => assert.equal(hasAbsolutePointer(bytes), found))

  it('location ids', () => {
    assert.deepEqual([0x14230000, 0x01100000, 0x80000000].map(portOf), ['20-2.3', '1-1', '128-'])
  })

  it('a display on a Mac with Intel, one on a port, the built-in one of Apple silicon; a port without one is none', async () => {
    const mac = fakeMac()
    mac.classes.IODisplay = [entry('a1', { IODisplayEDID: edid(JETKVM) })]
    mac.classes.AppleBacklightDisplay = []
    mac.classes.IOPortTransportStateDisplayPort = [
      entry('b1', { Active: false, EDID: edid(JETKVM) }),
      entry('b2', { Active: true, TransportDescription: 'DisplayPort', EDID: edid({ ...JETKVM, product: 0x1234 }) }),
    ]
    const product = {
      ManufacturerID: 'APP',
      ProductID: 0xa050,
      ProductName: 'Color LCD',
      AlphanumericSerialNumber: 'FGH1',
    }
    mac.classes.IOMobileFramebuffer = [
      entry('c1', {
        ...{ DisplayAttributes: { ProductAttributes: product }, external: false },
        'EDID UUID': '061050A0-0000-0000-0000-0104B51F1478',
      }),
      entry('c2', {}),
      // The same as on the port.
      entry('c3', { DisplayAttributes: { ProductAttributes: { ManufacturerID: JETKVM.maker, ProductID: 0x1234 } } }),
    ]
    const [first, second] = await watchPolls(
      displays(mac),
      fakeHost({}),
      [() => (mac.classes.IODisplay = [])],
      policy,
      'macos',
    )
    const all = of('display', first!)
    assert.deepEqual(
      all.map((it) => [it.MakerId, it.ProductCode, it.Internal, it.EdidHash !== null, it.ChecksumValid]),
      [
        [JETKVM.maker, `0x${JETKVM.product.toString(16).padStart(4, '0')}`, false, true, true],
        [JETKVM.maker, '0x1234', false, true, true],
        ['APP', '0xa050', true, false, null],
      ],
    )
    assert.deepEqual(
      [all[2]?.MonitorName, all[2]?.SerialText, all[2]?.WidthMm, all[2]?.HeightMm],
      ['Color LCD', 'FGH1', 310, 200],
    )
    assert.deepEqual(
      of('display', second!).map((it) => [it.Action, it.Port]),
      [['removed', 'display a1']],
    )
  })

  it('what is no EDID is a gap', async () => {
    const mac = fakeMac()
    mac.classes.IODisplay = [entry('a1', { IODisplayEDID: Buffer.alloc(128) })]
    const [first] = await watchPolls(displays(mac), fakeHost({}), [], policy, 'macos')
    assert.deepEqual(
      first!.map((it) => it.category === 'collection_gap' && it.Reason),
      ['unparsed'],
    )
    assert.deepEqual(sizeIn('no uuid'), { WidthMm: null, HeightMm: null })
  })

  const mount = (from: string, at: string, of: Partial<MountRow> = {}): MountRow => ({
    ...{ from, at, type: 'apfs', isLocal: true, isHidden: false, bytes: 1_000 },
    ...of,
  })
  it('volumes: built in, on USB, a disk image, a share; hidden ones are left out; one that comes back is told again', async () => {
    let all = [
      mount('/dev/disk3s1s1', '/'),
      mount('/dev/disk3s6', '/System/Volumes/VM', { isHidden: true }),
      mount('devfs', '/dev', { type: 'devfs' }),
      mount('/dev/disk4s1', '/Volumes/STICK', { type: 'msdos', bytes: 8e9 }),
      mount('/dev/disk5s1', '/Volumes/Image', { type: 'hfs' }),
      mount('//ann@files/share', '/Volumes/share', { type: 'smbfs', isLocal: false }),
    ]
    const mac = fakeMac({ mounts: () => all })
    const media = (name: string, of: object, protocol: object, device: object = {}) =>
      entry(
        name,
        { 'BSD Name': name, ...of },
        { 'Protocol Characteristics': { ...protocol }, 'Device Characteristics': { ...device } },
      )
    mac.classes.IOMedia = [
      media(
        'disk3s1s1',
        { Removable: false, UUID: 'A' },
        { 'Physical Interconnect': 'Apple Fabric', 'Physical Interconnect Location': 'Internal' },
      ),
      media(
        'disk4s1',
        { Removable: true, Ejectable: true, UUID: 'B' },
        { 'Physical Interconnect': 'USB', 'Physical Interconnect Location': 'External' },
        { 'Vendor Name': 'SanDisk', 'Product Name': 'Ultra' },
      ),
      media(
        'disk5s1',
        { Ejectable: true },
        { 'Physical Interconnect': 'Virtual Interface', 'Physical Interconnect Location': 'File' },
      ),
    ]
    const polls = [
      () => (all = all.filter((it) => it.at !== '/Volumes/STICK')),
      () => (all = [mount('/dev/disk4s1', '/Volumes/STICK')]),
    ]
    const found = await watchPolls(volumes(mac), fakeHost({}), polls, policy, 'macos')
    assert.deepEqual(
      of('volume_mounted', found[0]!).map((it) => [it.VolumeKind, it.Label, it.Removable, it.SerialHash !== null]),
      [
        ['disk', null, false, true],
        ['usb', 'STICK', true, true],
        ['virtual', 'Image', false, false],
        ['network', 'share', null, false],
      ],
    )
    assert.deepEqual(
      found.slice(1).map((it) => of('volume_mounted', it).length),
      [0, 1],
    )
    assert.equal(kindOf(mount('x', '/Volumes/x', { type: 'macfuse' }), null), 'fuse')
  })

  it('lid and battery; a desktop has neither', async () => {
    const mac = fakeMac()
    mac.classes.IOPMrootDomain = [entry('1', { AppleClamshellState: false })]
    mac.classes.AppleSmartBattery = [entry('2', { ExternalConnected: true, BatteryInstalled: true })]
    const polls = [
      () => (mac.classes.AppleSmartBattery = [entry('2', { ExternalConnected: false, BatteryInstalled: true })]),
      () => Object.assign(mac.classes, { IOPMrootDomain: [entry('1', {})], AppleSmartBattery: [] }),
    ]
    const host = fakeHost({})
    const found = await watchPolls(power(mac), host, [...polls, () => (host.clock += 3_600_000)], policy, 'macos')
    assert.deepEqual(
      found.flatMap((it) => of('power_state', it)).map((it) => [it.LidClosed, it.OnBattery, it.ResumedAfterSeconds]),
      [
        [false, false, null],
        [false, true, null],
        [null, false, null],
        [null, false, 3_600],
      ],
    )
  })
})
