/**
 * Disks and their parts, by their names in /dev.
 *
 * Source  IOMedia in the I/O registry, and of what it is attached to 'Protocol Characteristics' (IOStorageProtocolCharacteristics.h)
 *         and 'Device Characteristics' (IOStorageDeviceCharacteristics.h). Written from documentation.
 */
import type { Mac } from '../../../host/macos/calls.ts'
import { record, text } from '../../shared/plist.ts'

export interface Disk {
  /** 'USB', 'PCI-Express', 'Apple Fabric', 'SATA', 'Secure Digital' … */
  bus: string | null
  isExternal: boolean
  isEjectable: boolean
  /** A disk image. */
  isImage: boolean
  uuid: string | null
  /** As the device calls itself: 'SanDisk Ultra'. */
  model: string
}

export function disksOf(mac: Mac): Map<string, Disk> {
  const found = new Map<string, Disk>()
  const own = ['BSD Name', 'Removable', 'Ejectable', 'UUID']
  for (const { properties, above } of mac.registry('IOMedia', own, [
    'Protocol Characteristics',
    'Device Characteristics',
  ])) {
    const name = text(properties['BSD Name'])
    const protocol = record(above['Protocol Characteristics'])
    const device = record(above['Device Characteristics'])
    if (name === null) continue
    const bus = text(protocol?.['Physical Interconnect'])
    const place = text(protocol?.['Physical Interconnect Location'])
    found.set(name, {
      bus,
      isExternal: place === 'External',
      isEjectable: properties.Removable === true || properties.Ejectable === true,
      isImage: bus === 'Virtual Interface' || place === 'File',
      uuid: text(properties.UUID),
      model: [text(device?.['Vendor Name']), text(device?.['Product Name'])]
        .map((it) => it?.trim() ?? '')
        .join(' ')
        .trim(),
    })
  }
  return found
}

/** A disk image lies on another disk: what is copied to it leaves no laptop. */
export function isRemovable(disk: Disk): boolean {
  return !disk.isImage && (disk.isExternal || disk.isEjectable || disk.bus === 'USB')
}
