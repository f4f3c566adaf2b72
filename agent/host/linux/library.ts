/**
 * The calls of the C library that Node has not, loaded when the first one is made.
 *
 * Errors  CallError with ENOENT where the native module or the C library is not installed.
 * Source  socket(2), bind(2), send(2), recv(2), getsockopt(2), setsockopt(2), getpeername(2),
 *         close(2).
 */
import { koffi } from '../koffi.ts'
import { CallError, ENOSYS } from './calls.ts'

export interface Libc {
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: Buffer, bytes: number): number
  send(fd: number, data: Buffer, bytes: number, flags: number): number | bigint
  recv(fd: number, data: Buffer, bytes: number, flags: number): number | bigint
  getsockopt(fd: number, level: number, name: number, value: Buffer, bytes: Buffer): number
  setsockopt(fd: number, level: number, name: number, value: Buffer, bytes: number): number
  getpeername(fd: number, address: Buffer, bytes: Buffer): number
  close(fd: number): number
  errno(): number
}

let loaded: Libc | null = null

export function libc(): Libc {
  try {
    loaded ??= load()
  } catch {
    throw new CallError('loading libc.so.6', ENOSYS)
  }
  return loaded
}

function load(): Libc {
  const native = koffi()
  const lib = native.load('libc.so.6')
  return {
    socket: lib.func('int socket(int, int, int)'),
    bind: lib.func('int bind(int, void *, int)'),
    send: lib.func('long send(int, void *, size_t, int)'),
    recv: lib.func('long recv(int, void *, size_t, int)'),
    getsockopt: lib.func('int getsockopt(int, int, int, void *, void *)'),
    setsockopt: lib.func('int setsockopt(int, int, int, void *, int)'),
    getpeername: lib.func('int getpeername(int, void *, void *)'),
    close: lib.func('int close(int)'),
    errno: () => native.errno(),
  }
}
