/**
 * Drives. A share is named but not asked for its label, because a server that does not answer would block.
 *
 * Source  fileapi.h; IOCTL_STORAGE_QUERY_PROPERTY (winioctl.h). Wine answers that for some drives only.
 */
import type { DriveKind, VolumeRow } from './calls.ts'
import { STORAGE_DEVICE_DESCRIPTOR, STORAGE_PROPERTY_QUERY } from './layouts.ts'
import { kernel32, succeeded, wideText } from './library.ts'

const KINDS: Readonly<Record<number, DriveKind>> = {
  2: 'removable',
  3: 'fixed',
  4: 'remote',
  5: 'cdrom',
  6: 'ramdisk',
}
const SHARE_ALL = 7
const OPEN_EXISTING = 3
const INVALID_HANDLE = -1
const IOCTL_STORAGE_QUERY_PROPERTY = 0x2d1400

export function volumes(): VolumeRow[] {
  const mask = kernel32.GetLogicalDrives()
  succeeded('GetLogicalDrives', mask)
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((_, bit) => (mask & (1 << bit)) !== 0)
  return letters.map((letter) => volume(`${letter}:`))
}

function volume(drive: string): VolumeRow {
  const root = `${drive}\\`
  const kind = KINDS[kernel32.GetDriveTypeW(root)] ?? 'unknown'
  const unknown = { label: null, serial: null, bytes: null, bus: null, vendor: null, product: null }
  if (kind === 'remote' || kind === 'unknown') return { drive, kind, ...unknown }
  return { drive, kind, ...labelOf(root), bytes: bytesOf(root), ...deviceOf(drive) }
}

function labelOf(root: string): Pick<VolumeRow, 'label' | 'serial'> {
  const [label, system] = [Buffer.alloc(522), Buffer.alloc(522)]
  const [serial, longest, flags] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)]
  if (!kernel32.GetVolumeInformationW(root, label, 261, serial, longest, flags, system, 261))
    return { label: null, serial: null }
  return { label: wideText(label), serial: serial.readUInt32LE() }
}

function bytesOf(root: string): number | null {
  return spaceOf(root)?.total ?? null
}

export function freeBytes(drive: string): number | null {
  return spaceOf(`${drive}\\`)?.free ?? null
}

function spaceOf(root: string): { total: number; free: number } | null {
  const [available, total, free] = [Buffer.alloc(8), Buffer.alloc(8), Buffer.alloc(8)]
  if (!kernel32.GetDiskFreeSpaceExW(root, available, total, free)) return null
  return { total: Number(total.readBigUInt64LE()), free: Number(free.readBigUInt64LE()) }
}

/** Opened without any right, which is enough to ask for the kind of device. */
function deviceOf(drive: string): Pick<VolumeRow, 'bus' | 'vendor' | 'product'> {
  const unknown = { bus: null, vendor: null, product: null }
  const handle = kernel32.CreateFileW(`\\\\.\\${drive}`, 0, SHARE_ALL, null, OPEN_EXISTING, 0, 0)
  if (handle === INVALID_HANDLE) return unknown
  const query = Buffer.alloc(STORAGE_PROPERTY_QUERY.size)
  const answer = Buffer.alloc(1_024)
  const got = Buffer.alloc(4)
  const ok = kernel32.DeviceIoControl(
    ...[handle, IOCTL_STORAGE_QUERY_PROPERTY, query, query.length, answer, answer.length, got, null],
  )
  kernel32.CloseHandle(handle)
  return ok ? parseDescriptor(answer.subarray(0, got.readUInt32LE())) : unknown
}

/** The texts are behind the structure, at offsets that it names; 0 is none. */
export function parseDescriptor(bytes: Buffer): Pick<VolumeRow, 'bus' | 'vendor' | 'product'> {
  const { at } = STORAGE_DEVICE_DESCRIPTOR
  if (bytes.length < at.RawDeviceProperties) return { bus: null, vendor: null, product: null }
  const textAt = (member: number) => {
    const start = bytes.readUInt32LE(member)
    if (start === 0 || start >= bytes.length) return null
    const end = bytes.indexOf(0, start)
    return bytes.toString('latin1', start, end === -1 ? bytes.length : end).trim() || null
  }
  return {
    bus: bytes.readUInt32LE(at.BusType),
    vendor: textAt(at.VendorIdOffset),
    product: textAt(at.ProductIdOffset),
  }
}
