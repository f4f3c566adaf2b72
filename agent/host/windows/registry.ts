/** The registry. Source  winreg.h. */
import type { Registry, RegistryKey, RegistryValue, RegistryWatch } from './calls.ts'
import { CallError } from './calls.ts'
import { kernel32, library, noError, pointerIn, wideText } from './library.ts'

const advapi32 = library('advapi32.dll', {
  RegCloseKey: 'int32_t (intptr_t)',
  RegEnumKeyExW: 'int32_t (intptr_t, uint32_t, void *, void *, void *, void *, void *, void *)',
  RegEnumValueW: 'int32_t (intptr_t, uint32_t, void *, void *, void *, void *, void *, void *)',
  RegNotifyChangeKeyValue: 'int32_t (intptr_t, int, uint32_t, intptr_t, int)',
  RegOpenKeyExW: 'int32_t (intptr_t, str16, uint32_t, uint32_t, void *)',
})

/** HKEY_LOCAL_MACHINE and HKEY_USERS, sign-extended as on 64 bits. */
const HIVES = { machine: -2_147_483_646, users: -2_147_483_645 }
const KEY_READ = 0x20019
const VIEW_64 = 0x100
const VIEW_32 = 0x200
const NO_MORE_ITEMS = 259
const MORE_DATA = 234
const REG_SZ = 1
const REG_EXPAND_SZ = 2
const REG_DWORD = 4
/** In bytes. Beyond, a value counts as data that was not read. */
const MAX_VALUE = 65_536
const NOTIFY_NAME_AND_VALUES = 1 | 4
const WAIT_OBJECT_0 = 0

/** Shared by all calls: they are synchronous. Names of keys have at most 255 characters, of values 16,383. */
const name = Buffer.alloc(32_768)
const data = Buffer.alloc(MAX_VALUE)
const [nameLength, dataLength, type] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)]

export const registry: Registry = { subkeys, values, watch }

function open(key: RegistryKey): bigint {
  const handle = Buffer.alloc(8)
  const rights = KEY_READ | (key.wow ? VIEW_32 : VIEW_64)
  noError(`RegOpenKeyExW(${key.path})`, advapi32.RegOpenKeyExW(HIVES[key.hive], key.path, 0, rights, handle))
  return pointerIn(handle, 0)
}

function subkeys(key: RegistryKey): string[] {
  const handle = open(key)
  const found: string[] = []
  try {
    for (let at = 0; ; at++) {
      nameLength.writeUInt32LE(name.length / 2)
      const status = advapi32.RegEnumKeyExW(handle, at, name, nameLength, null, null, null, null)
      if (status === NO_MORE_ITEMS) return found
      noError(`RegEnumKeyExW(${key.path})`, status)
      found.push(wideText(name, 0, nameLength.readUInt32LE()))
    }
  } finally {
    advapi32.RegCloseKey(handle)
  }
}

function values(key: RegistryKey): Map<string, RegistryValue> {
  const handle = open(key)
  const found = new Map<string, RegistryValue>()
  try {
    for (let at = 0; ; at++) {
      nameLength.writeUInt32LE(name.length / 2)
      dataLength.writeUInt32LE(data.length)
      const status = advapi32.RegEnumValueW(handle, at, name, nameLength, null, type, data, dataLength)
      if (status === NO_MORE_ITEMS) return found
      if (status !== MORE_DATA) noError(`RegEnumValueW(${key.path})`, status)
      const bytes = status === MORE_DATA ? Buffer.alloc(0) : Buffer.from(data.subarray(0, dataLength.readUInt32LE()))
      found.set(wideText(name, 0, nameLength.readUInt32LE()), parseValue(type.readUInt32LE(), bytes))
    }
  } finally {
    advapi32.RegCloseKey(handle)
  }
}

/** A string need not end in NUL, and may have more behind it. */
export function parseValue(kind: number, bytes: Buffer): RegistryValue {
  return {
    text: kind === REG_SZ || kind === REG_EXPAND_SZ ? wideText(bytes) : null,
    number: kind === REG_DWORD && bytes.length >= 4 ? bytes.readUInt32LE() : null,
    data: bytes,
  }
}

/** Windows tells one change for each time that it is asked to. */
function watch(key: RegistryKey): RegistryWatch {
  const handle = open(key)
  const event = kernel32.CreateEventW(null, 0, 0, null)
  const ask = () => advapi32.RegNotifyChangeKeyValue(handle, 1, NOTIFY_NAME_AND_VALUES, event, 1)
  const close = () => {
    advapi32.RegCloseKey(handle)
    kernel32.CloseHandle(event)
  }
  const status = ask()
  if (status !== 0) {
    close()
    throw new CallError(`RegNotifyChangeKeyValue(${key.path})`, status)
  }
  const changed = () => {
    if (kernel32.WaitForSingleObject(event, 0) !== WAIT_OBJECT_0) return false
    ask()
    return true
  }
  return { changed, close }
}
