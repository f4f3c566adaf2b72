/** On rows as Microsoft's pages of identifiers give them: Wine lists no USB. */
import assert from 'node:assert/strict'
import { usbDevices } from '../../../../agent/collectors/windows/usb-devices.ts'
import type { DeviceRow, Windows } from '../../../../agent/host/windows/calls.ts'
import type { ObservationOf } from '../../../../wire/event.ts'
import { fakeHost, policy, watchPolls } from '../../fake-host.ts'

const row = (id: string, more: Partial<DeviceRow> = {}): DeviceRow => ({
  ...{ id, hardwareIds: [], compatibleIds: [], manufacturer: null, name: null, location: null, reportedName: null },
  ...more,
})
const codes = (text: string) => [`USB\\Class_${text.slice(0, 2)}`, `USB\\Class_${text}`]
const HUB = row('USB\\ROOT_HUB30\\4&1a2b&0&0')
/** A composite device: keyboard and pointer, as an IP-KVM shows itself. */
const KVM = [
  row('USB\\VID_1D6B&PID_0104\\CAFEBABE', {
    hardwareIds: ['USB\\VID_1D6B&PID_0104&REV_0100', 'USB\\VID_1D6B&PID_0104'],
    compatibleIds: ['USB\\COMPOSITE'],
    location: 'Port_#0002.Hub_#0001',
    reportedName: 'Composite KVM Device',
  }),
  row('USB\\VID_1D6B&PID_0104&MI_01\\6&2f&0&0001', { compatibleIds: codes('03&SubClass_00&Prot_00') }),
  row('USB\\VID_1D6B&PID_0104&MI_00\\6&2f&0&0000', { compatibleIds: codes('03&SubClass_01&Prot_01') }),
]
const STICK = row('USB\\VID_0781&PID_5583\\4C530001', { compatibleIds: codes('08&SubClass_06&Prot_50') })
const DISK = row('USBSTOR\\Disk&Ven_SanDisk&Prod_Ultra_Fit&Rev_1.00\\4C530001&0')
const GADGET = row('USB\\VID_2341&PID_8036\\6&1c&0&2', { compatibleIds: codes('03&SubClass_00&Prot_00') })
const GADGET_KEYS = row('HID\\VID_2341&PID_8036\\7&3&0&0000', {
  hardwareIds: ['HID\\VID_2341&PID_8036', 'HID_DEVICE_SYSTEM_KEYBOARD', 'HID_DEVICE_UP:0001_U:0006'],
})

type Bus = Record<string, DeviceRow[]>
async function polls(...buses: (Bus | Error)[]) {
  let bus = buses[0]!
  const devices = (of: string) => {
    if (bus instanceof Error) throw bus
    return bus[of] ?? []
  }
  const steps = buses.slice(1).map((it) => () => {
    bus = it
  })
  return watchPolls(usbDevices({ devices } as unknown as Windows), fakeHost({}), steps, policy, 'windows')
}
const devicesIn = (found: readonly { category: string }[]) =>
  found.filter((it): it is ObservationOf<'usb_device'> => it.category === 'usb_device')

describe('agent/collectors/windows/usb-devices', () => {
  it('a composite device is one, with the interfaces of its parts in order; a root hub is none', async () => {
    const [found = []] = await polls({ USB: [HUB, ...KVM] })
    const [device, ...others] = devicesIn(found)
    assert.deepEqual(others, [])
    const { Action, VendorId, ProductId, SerialNumber, ProductName, InterfaceClasses, HasKeyboard } = device!
    assert.deepEqual(
      [Action, VendorId, ProductId, SerialNumber, ProductName, InterfaceClasses, HasKeyboard],
      ['present', '1d6b', '0104', 'CAFEBABE', 'Composite KVM Device', ['03', '03'], true],
    )
    assert.deepEqual([device!.BcdDevice, device!.ParentPort], ['0100', 'Port_#0002.Hub_#0001'])
  })

  it('a disk by the serial number that it shares with its device', async () => {
    const [found = []] = await polls({ USB: [STICK], USBSTOR: [DISK, row('USBSTOR\\Disk&Ven_X&Prod_Y\\4C5300010&0')] })
    const [device] = devicesIn(found)
    assert.deepEqual([device?.HasStorage, device?.ScsiInquiry], [true, ['SanDisk Ultra Fit']])
  })

  it('a gadget that does not call itself a keyboard, but is one; what Windows invents is no serial number', async () => {
    const [found = []] = await polls({ USB: [GADGET], HID: [GADGET_KEYS] })
    const [device] = devicesIn(found)
    assert.deepEqual([device?.HasKeyboard, device?.HasAbsolutePointer, device?.SerialNumber], [true, null, ''])
  })

  it('attached and removed; a failed look removes nothing; without parts it is told at the next look', async () => {
    const told = (
      await polls({ USB: [STICK] }, { USB: [STICK, KVM[0]!] }, new Error('x'), { USB: [STICK, ...KVM] }, { USB: KVM })
    ).map((poll) => poll.map((it) => (it.category === 'usb_device' ? `${it.Action} ${it.VendorId}` : it.category)))
    assert.deepEqual(told, [['present 0781'], [], ['collection_gap'], ['attached 1d6b'], ['removed 0781']])
  })
})
