/** Which drives come and go. */
import type { VolumeRow } from '../../../host/windows/calls.ts'

/** BusTypeUsb of winioctl.h's STORAGE_BUS_TYPE. */
export const USB = 7

/** Windows calls an external disk on USB fixed. */
export function isRemovable({ kind, bus }: VolumeRow): boolean {
  return kind === 'removable' || kind === 'cdrom' || bus === USB
}
