/**
 * The I/O registry: devices and their drivers, with their properties, as `ioreg -a` prints them. Nothing here has run on a
 * Mac: the calls are written from their documentation.
 *
 * Shape   Core Foundation writes each dictionary as a binary property list, which is then read like any other.
 * Errors  an entry that ends meanwhile, or whose properties are no property list, is left out.
 * Source  IOKitLib.h: IOServiceGetMatchingServices takes over the matching dictionary; 'Create' and 'Search' give what
 *         must be released.
 */
import { type Plist, type PlistRecord, parsePlist, record } from '../../collectors/shared/plist.ts'
import type { RegistryEntry } from './calls.ts'
import { CallError } from './calls.ts'
import { coreFoundation, ioKit, memory, type Pointer } from './library.ts'

const PLANE = 'IOService'
/** kIORegistryIterateRecursively, kIORegistryIterateParents. */
const UPWARDS = 1 | 2
const BINARY = 200
const UTF8 = 0x08000100
const MAX_ENTRIES = 2_048

/** Errors  CallError when the registry does not answer. */
export function registry(of: string, above: readonly string[] = []): RegistryEntry[] {
  const iterator = Buffer.alloc(4)
  const status = Number(ioKit.IOServiceGetMatchingServices(0, ioKit.IOServiceMatching(of), iterator))
  if (status !== 0) throw new CallError('IOServiceGetMatchingServices', status >>> 0)
  const found: RegistryEntry[] = []
  const all = iterator.readUInt32LE()
  if (all === 0) return found
  try {
    for (let it = ioKit.IOIteratorNext(all); Number(it) !== 0; it = ioKit.IOIteratorNext(all)) {
      const entry = found.length < MAX_ENTRIES ? read(it, above) : null
      if (entry !== null) found.push(entry)
      ioKit.IOObjectRelease(it)
    }
  } finally {
    ioKit.IOObjectRelease(all)
  }
  return found
}

function read(entry: Pointer, above: readonly string[]): RegistryEntry | null {
  const [id, properties] = [Buffer.alloc(8), Buffer.alloc(8)]
  if (Number(ioKit.IORegistryEntryGetRegistryEntryID(entry, id)) !== 0) return null
  if (Number(ioKit.IORegistryEntryCreateCFProperties(entry, properties, 0, 0)) !== 0) return null
  const own = record(taken(properties.readBigUInt64LE()) ?? undefined)
  if (own === null) return null
  const found = Object.create(null) as PlistRecord
  for (const name of above) {
    const key = coreFoundation.CFStringCreateWithCString(0, name, UTF8)
    if (Number(key) === 0) continue
    const value = taken(ioKit.IORegistryEntrySearchCFProperty(entry, PLANE, key, 0, UPWARDS))
    coreFoundation.CFRelease(key)
    if (value !== null) found[name] = value
  }
  return { id: id.readBigUInt64LE().toString(16), properties: own, above: found }
}

/** A Core Foundation object as plain data, and released. Null: there is none, or it is no property list. */
function taken(object: Pointer): Plist | null {
  if (BigInt(object) === 0n) return null
  const data = coreFoundation.CFPropertyListCreateData(0, object, BINARY, 0, null)
  coreFoundation.CFRelease(object)
  if (BigInt(data) === 0n) return null
  try {
    return parsePlist(memory(coreFoundation.CFDataGetBytePtr(data), Number(coreFoundation.CFDataGetLength(data))))
  } catch {
    return null
  } finally {
    coreFoundation.CFRelease(data)
  }
}
