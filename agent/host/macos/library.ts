/**
 * macOS' libraries, loaded when they are first called.
 *
 * Shape   a pointer and a handle are uint64; 0 is none. Structures are buffers (layouts.ts).
 * Errors  a library or function that this system does not have gives a CallError with ENOENT.
 * Source  the declarations in libproc.h, sys/sysctl.h, sys/mount.h, IOKitLib.h and CoreFoundation's CFPropertyList.h,
 *         CFString.h and CFData.h. None of these calls has been made yet: nothing here has run on a Mac.
 */
import { koffi } from '../koffi.ts'
import { CallError, ENOSYS } from './calls.ts'

export type Pointer = number | bigint
export type Call = (...args: unknown[]) => Pointer

/** `calls`: result and arguments of each function, as in C. */
function library<N extends string>(file: string, calls: Record<N, string>): Record<N, Call> {
  const bound = {} as Record<N, Call>
  for (const [name, signature] of Object.entries<string>(calls)) {
    let call: Call | null = null
    const symbol = SYMBOLS[`${name} ${process.arch}`] ?? name
    bound[name as N] = (...args) => {
      try {
        call ??= koffi()
          .load(file)
          .func(signature.replace('(', `${symbol}(`)) as Call
      } catch {
        throw new CallError(name, ENOSYS)
      }
      return call(...args)
    }
  }
  return bound
}

/** On Intel, calls whose structures grew with 64-bit inodes have kept their old names for the old structures. */
const SYMBOLS: Readonly<Record<string, string>> = { 'getfsstat x64': 'getfsstat$INODE64' }

/** Checked as declarations on every system: `test/agent/host/macos/signatures.test.ts`. */
export const SIGNATURES = {
  system: {
    csops: 'int (int, uint32_t, void *, size_t)',
    getfsstat: 'int (void *, int, int)',
    proc_listallpids: 'int (void *, int)',
    proc_pidfdinfo: 'int (int, int, int, void *, int)',
    proc_pidinfo: 'int (int, int, uint64_t, void *, int)',
    proc_pidpath: 'int (int, void *, uint32_t)',
    sysctl: 'int (void *, uint32_t, void *, void *, void *, size_t)',
  },
  ioKit: {
    IOIteratorNext: 'uint32_t (uint32_t)',
    IOObjectRelease: 'int (uint32_t)',
    IORegistryEntryCreateCFProperties: 'int (uint32_t, void *, uint64_t, uint32_t)',
    IORegistryEntryGetRegistryEntryID: 'int (uint32_t, void *)',
    IORegistryEntrySearchCFProperty: 'uint64_t (uint32_t, str, uint64_t, uint64_t, uint32_t)',
    IOServiceGetMatchingServices: 'int (uint32_t, uint64_t, void *)',
    IOServiceMatching: 'uint64_t (str)',
  },
  coreFoundation: {
    CFDataGetBytePtr: 'uint64_t (uint64_t)',
    CFDataGetLength: 'int64_t (uint64_t)',
    CFPropertyListCreateData: 'uint64_t (uint64_t, uint64_t, int64_t, uint64_t, void *)',
    CFRelease: 'void (uint64_t)',
    CFStringCreateWithCString: 'uint64_t (uint64_t, str, uint32_t)',
  },
} as const

export const system = library('/usr/lib/libSystem.B.dylib', SIGNATURES.system)
export const ioKit = library('/System/Library/Frameworks/IOKit.framework/IOKit', SIGNATURES.ioKit)
export const coreFoundation = library(
  '/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation',
  SIGNATURES.coreFoundation,
)

/** For calls that say -1 and leave the reason in errno. */
export function succeeded(call: string, result: Pointer): void {
  if (Number(result) < 0) throw new CallError(call, koffi().errno())
}

export function lastError(): number {
  return koffi().errno()
}

/** Memory of the system's own, copied. */
export function memory(pointer: Pointer, bytes: number): Buffer {
  return Buffer.from(Buffer.from(koffi().view(BigInt(pointer), bytes)))
}

/** Up to the first NUL, at most `max` bytes. */
export function textAt(bytes: Buffer, at: number, max = bytes.length - at): string {
  const part = bytes.subarray(at, at + max)
  const end = part.indexOf(0)
  return part.toString('utf8', 0, end === -1 ? part.length : end)
}

const ENOMEM = 12
const MAX_BYTES = 16 * 1_048_576

/** What `name` has, of any length. */
export function sysctl(name: readonly number[]): Buffer {
  const path = Buffer.alloc(name.length * 4)
  for (const [n, it] of name.entries()) path.writeInt32LE(it, n * 4)
  const length = Buffer.alloc(8)
  for (let tries = 0; ; tries++) {
    succeeded('sysctl', system.sysctl(path, name.length, null, length, null, 0))
    // Room for what is added meanwhile.
    const room = Math.min(MAX_BYTES, Math.ceil(Number(length.readBigUInt64LE()) * 1.25) + 4_096)
    const bytes = Buffer.alloc(room)
    length.writeBigUInt64LE(BigInt(room))
    if (Number(system.sysctl(path, name.length, bytes, length, null, 0)) === 0)
      return bytes.subarray(0, Number(length.readBigUInt64LE()))
    if (lastError() !== ENOMEM || tries === 3) throw new CallError('sysctl', lastError())
  }
}
