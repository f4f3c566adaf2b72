/**
 * Windows' libraries, loaded when they are first called, and how their results are read.
 *
 * Shape   a handle and a pointer are numbers; 0 is none. Structures are buffers (layouts.ts).
 * Errors  a library or function that this system does not have gives a CallError with ENOENT.
 */
import { addressText } from '../../collectors/shared/address-text.ts'
import { koffi } from '../koffi.ts'
import { CallError } from './calls.ts'
import { SOCKADDR_INET } from './layouts.ts'

export interface Call {
  (...args: unknown[]): number
  /** In a thread of its own. The last argument is called with (error, result). */
  async(...args: unknown[]): void
}

const PROC_NOT_FOUND = 127

/** `calls`: result and arguments of each function, as in C: `{ CloseHandle: 'int (intptr_t)' }`. */
export function library<N extends string>(file: string, calls: Record<N, string>): Record<N, Call> {
  const bound = {} as Record<N, Call>
  for (const [name, signature] of Object.entries<string>(calls)) {
    let call: Call | null = null
    const bind = (): Call => {
      try {
        call ??= koffi()
          .load(file)
          .func(signature.replace('(', `${name}(`)) as Call
      } catch {
        throw new CallError(`${file}: ${name}`, PROC_NOT_FOUND)
      }
      return call
    }
    const run = (...args: unknown[]) => bind()(...args)
    bound[name as N] = Object.assign(run, { async: (...args: unknown[]) => bind().async(...args) })
  }
  return bound
}

export const kernel32 = library('kernel32.dll', {
  CloseHandle: 'int (intptr_t)',
  CreateEventW: 'intptr_t (void *, int, int, void *)',
  CreateFileW: 'intptr_t (str16, uint32_t, uint32_t, void *, uint32_t, uint32_t, intptr_t)',
  DeviceIoControl: 'int (intptr_t, uint32_t, void *, uint32_t, void *, uint32_t, void *, void *)',
  GetDiskFreeSpaceExW: 'int (str16, void *, void *, void *)',
  GetDriveTypeW: 'uint32_t (str16)',
  GetDynamicTimeZoneInformation: 'uint32_t (void *)',
  GetLastError: 'uint32_t ()',
  GetLogicalDrives: 'uint32_t ()',
  GetProcessTimes: 'int (intptr_t, void *, void *, void *, void *)',
  GetSystemFirmwareTable: 'uint32_t (uint32_t, uint32_t, void *, uint32_t)',
  GetSystemPowerStatus: 'int (void *)',
  GetVolumeInformationW: 'int (str16, void *, uint32_t, void *, void *, void *, void *, uint32_t)',
  LocalFree: 'intptr_t (intptr_t)',
  OpenProcess: 'intptr_t (uint32_t, int, uint32_t)',
  QueryFullProcessImageNameW: 'int (intptr_t, uint32_t, void *, void *)',
  ReadProcessMemory: 'int (intptr_t, uint64_t, void *, size_t, void *)',
  TerminateProcess: 'int (intptr_t, uint32_t)',
  WaitForSingleObject: 'uint32_t (intptr_t, uint32_t)',
})

/** Errors  CallError with Windows' last error, unless `result` is true or a number other than 0. */
export function succeeded(call: string, result: number | boolean): void {
  if (!result) throw new CallError(call, kernel32.GetLastError())
}

/** For calls that return their error, where 0 is success. */
export function noError(call: string, status: number): void {
  if (status !== 0) throw new CallError(call, status)
}

/** Up to the first NUL. */
export function wideText(buffer: Buffer, from = 0, characters = (buffer.length - from) >> 1): string {
  const text = buffer.toString('utf16le', from, from + characters * 2)
  const end = text.indexOf('\0')
  return end === -1 ? text : text.slice(0, end)
}

/** Each ends in NUL, and an empty one ends the list. */
export function wideTexts(buffer: Buffer): string[] {
  const text = buffer.toString('utf16le')
  return text.split('\0').filter((it) => it !== '')
}

/** Memory of Windows' own, copied. */
export function memory(pointer: number | bigint, bytes: number): Buffer {
  return Buffer.from(Buffer.from(koffi().view(BigInt(pointer), bytes)))
}

export function pointerIn(buffer: Buffer, at: number): bigint {
  return buffer.readBigUInt64LE(at)
}

/** Where a pointer into a buffer leads, or null: it is none, or leads elsewhere. `base`: the buffer's own address. */
export function offsetIn(buffer: Buffer, base: bigint, pointer: bigint): number | null {
  const at = Number(pointer - base)
  return pointer !== 0n && at >= 0 && at < buffer.length ? at : null
}

export function addressOf(buffer: Buffer): bigint {
  return koffi().address(buffer)
}

const AF_INET = 2
const AF_INET6 = 23

/** Of a SOCKADDR_INET, sockaddr_in or sockaddr_in6; null for another family. */
export function socketAddress(buffer: Buffer, at: number): string | null {
  const family = buffer.readUInt16LE(at)
  const { in4, in6 } = SOCKADDR_INET.at
  if (family === AF_INET) return addressText([...buffer.subarray(at + in4, at + in4 + 4)])
  return family === AF_INET6 ? addressText([...buffer.subarray(at + in6, at + in6 + 16)]) : null
}

/** Text that Windows allocated with LocalAlloc, which is freed. */
export function takeWideText(pointer: bigint, characters: number): string {
  let text = ''
  // Read in steps, because nothing says that more memory follows the text.
  while (text.length < characters) {
    const unit = memory(pointer + BigInt(text.length * 2), 2).readUInt16LE()
    if (unit === 0) break
    text += String.fromCharCode(unit)
  }
  kernel32.LocalFree(pointer)
  return text
}
