/** Devices that are present, by bus. Source  setupapi.h. Wine lists few, and none of USB. */
import type { DeviceRow } from './calls.ts'
import { SP_DEVINFO_DATA } from './layouts.ts'
import { library, succeeded, wideText, wideTexts } from './library.ts'

const setupapi = library('setupapi.dll', {
  SetupDiDestroyDeviceInfoList: 'int (intptr_t)',
  SetupDiEnumDeviceInfo: 'int (intptr_t, uint32_t, void *)',
  SetupDiGetClassDevsW: 'intptr_t (void *, str16, intptr_t, uint32_t)',
  SetupDiGetDeviceInstanceIdW: 'int (intptr_t, void *, void *, uint32_t, void *)',
  SetupDiGetDevicePropertyW: 'int (intptr_t, void *, void *, void *, void *, uint32_t, void *, uint32_t)',
  SetupDiGetDeviceRegistryPropertyW: 'int (intptr_t, void *, uint32_t, void *, void *, uint32_t, void *)',
})

const PRESENT_OF_ALL_CLASSES = 2 | 4
const INVALID_HANDLE = -1
const MAX_DEVICES = 4_096
/** SPDRP. */
const [DESCRIPTION, HARDWARE_IDS, COMPATIBLE_IDS, MANUFACTURER, FRIENDLY_NAME, LOCATION] = [0, 1, 2, 11, 12, 13]

/** DEVPKEY_Device_BusReportedDeviceDesc (devpkey.h): a GUID and a number. */
const REPORTED_NAME = Buffer.from('7e940b54408bbc45a8a26a0b894cbda204000000', 'hex')

export function devices(enumerator: string): DeviceRow[] {
  const set = setupapi.SetupDiGetClassDevsW(null, enumerator, 0, PRESENT_OF_ALL_CLASSES)
  succeeded('SetupDiGetClassDevsW', set !== INVALID_HANDLE)
  try {
    const found: DeviceRow[] = []
    const device = Buffer.alloc(SP_DEVINFO_DATA.size)
    device.writeUInt32LE(device.length, SP_DEVINFO_DATA.at.cbSize)
    for (let n = 0; n < MAX_DEVICES && setupapi.SetupDiEnumDeviceInfo(set, n, device); n++) {
      const id = Buffer.alloc(1_024)
      if (!setupapi.SetupDiGetDeviceInstanceIdW(set, device, id, id.length / 2, null)) continue
      const property = (it: number) => {
        const bytes = Buffer.alloc(4_096)
        const ok = setupapi.SetupDiGetDeviceRegistryPropertyW(set, device, it, null, bytes, bytes.length, null)
        return ok ? bytes : null
      }
      const text = (it: number) => {
        const bytes = property(it)
        return bytes === null ? null : wideText(bytes) || null
      }
      const texts = (it: number) => wideTexts(property(it) ?? Buffer.alloc(0))
      found.push({
        id: wideText(id),
        hardwareIds: texts(HARDWARE_IDS),
        compatibleIds: texts(COMPATIBLE_IDS),
        manufacturer: text(MANUFACTURER),
        name: text(FRIENDLY_NAME) ?? text(DESCRIPTION),
        location: text(LOCATION),
        reportedName: reportedName(set, device),
      })
    }
    return found
  } finally {
    setupapi.SetupDiDestroyDeviceInfoList(set)
  }
}

/** What the device itself says that it is. */
function reportedName(set: number, device: Buffer): string | null {
  const [type, bytes] = [Buffer.alloc(4), Buffer.alloc(1_024)]
  const asked = [set, device, REPORTED_NAME, type, bytes, bytes.length, null, 0]
  return setupapi.SetupDiGetDevicePropertyW(...asked) ? wideText(bytes) || null : null
}
