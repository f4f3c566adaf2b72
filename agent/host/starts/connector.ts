/**
 * Program starts from the kernel's process connector: the way where tracefs is not offered, as under a lockdown.
 *
 * Shape   one start per exec. A thread of libuv's pool waits for the socket, so that a program is looked at the moment
 *         it starts: of 5 ms programs, nearly all are still there with their command line.
 * Units   one thread of the pool waits for up to a second at a time; the socket holds 4 MB.
 * Errors  throws where koffi, the connector or the right (CAP_NET_ADMIN in the first pid namespace) is missing. The
 *         kernel does not say how many messages it dropped: each time counts as one, at least.
 * Source  Linux include/uapi/linux/cn_proc.h, connector.h and netlink.h, drivers/connector/cn_proc.c. The filter for
 *         forks and execs exists since 6.6; an older kernel sends exits, too.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { release } from 'node:os'
import { imageOf, parseArguments } from '../../collectors/shared/programs.ts'
import type { Caught, Start, StartSource, StartSourceKind } from '../host.ts'
import { koffi } from '../koffi.ts'
import { Forks, needsFirstPidNamespace } from './forks.ts'

const AF_NETLINK = 16
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x8_0000
const NETLINK_CONNECTOR = 11
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const RECEIVE_BYTES = 4 * 1_048_576
const NLMSG_DONE = 3
/** Both the index and the value that name the process connector. */
const CN_PROC = 1
const LISTEN = 1
const FORK = 1
const EXEC = 2
const ENOBUFS = 105
const POLLIN = 1
const WAIT_MS = 1_000
/** Offsets in a message: 16 bytes of netlink's head, 20 of the connector's, then the event. */
const WHAT = 36
const DATA = 52
const MAX_WAITING = 10_000
const MAX_ARGUMENTS = 65_536

interface Libc {
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: Buffer, bytes: number): number
  setsockopt(fd: number, level: number, name: number, value: Buffer, bytes: number): number
  send(fd: number, data: Buffer, bytes: number, flags: number): number
  recv(fd: number, data: Buffer, bytes: number, flags: number): number
  close(fd: number): number
  wait(fd: number): Promise<number>
  errno(): number
}

export function connector(): StartSourceKind {
  return { name: 'connector', open }
}

function open(): StartSource {
  needsFirstPidNamespace('the kernel serves only its first pid namespace')
  const libc = load()
  const fd = libc.socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_CONNECTOR)
  if (fd < 0) throw failure('socket', libc.errno())
  try {
    const size = Buffer.alloc(4)
    size.writeInt32LE(RECEIVE_BYTES)
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length)
    const address = Buffer.alloc(12)
    address.writeUInt16LE(AF_NETLINK, 0)
    address.writeUInt32LE(CN_PROC, 8)
    if (libc.bind(fd, address, address.length) < 0) throw failure('bind', libc.errno())
    const request = listenMessage(hasFilter(release()))
    if (libc.send(fd, request, request.length, 0) < 0) throw failure('send', libc.errno())
    const answer = Buffer.alloc(4_096)
    const bytes = Number(libc.recv(fd, answer, answer.length, 0))
    // An older kernel answers at once: 0, or why not. A newer one says nothing to whom its filter applies.
    const refused = bytes >= DATA + 4 && answer.readUInt32LE(WHAT) === 0 ? answer.readUInt32LE(DATA) : 0
    if (refused !== 0) throw failure('listen', refused)
    return source(libc, fd)
  } catch (cause) {
    libc.close(fd)
    throw cause
  }
}

function source(libc: Libc, fd: number): StartSource {
  const forks = new Forks()
  const message = Buffer.alloc(4_096)
  let starts: Start[] = []
  let lost = 0
  let broken: Error | null = null
  let isClosed = false
  void listen()
  return {
    name: 'connector',
    read: () => {
      if (broken !== null) throw broken
      drain()
      const found = { starts, lost }
      starts = []
      lost = 0
      return found
    },
    close: () => {
      isClosed = true
    },
  }

  /** Waits for messages until it is closed; only then may the number of the socket be used again. */
  async function listen(): Promise<void> {
    try {
      while (!isClosed && broken === null) {
        const ready = await libc.wait(fd)
        if (ready > 0 && !isClosed) drain()
      }
    } catch (cause) {
      broken = cause instanceof Error ? cause : new Error(String(cause))
    } finally {
      libc.close(fd)
    }
  }

  function drain(): void {
    for (;;) {
      const bytes = Number(libc.recv(fd, message, message.length, 0))
      if (bytes < 0) {
        if (libc.errno() !== ENOBUFS) return
        lost++
        continue
      }
      const event = parseProcessEvent(message.subarray(0, bytes))
      if (event?.kind === 'fork') forks.add(event)
      else if (event?.kind === 'exec') {
        if (starts.length >= MAX_WAITING) lost++
        else starts.push({ pid: event.pid, file: null, parents: forks.parentsOf(event.pid), caught: caught(event.pid) })
      }
    }
  }
}

export type ProcessEvent = { kind: 'exec'; pid: number } | { kind: 'fork'; parent: number; child: number }

/** Processes, not threads. Null: anything else. */
export function parseProcessEvent(message: Buffer): ProcessEvent | null {
  if (message.length < DATA + 8 || message.readUInt32LE(16) !== CN_PROC || message.readUInt32LE(20) !== CN_PROC)
    return null
  const what = message.readUInt32LE(WHAT)
  if (what === EXEC) return { kind: 'exec', pid: message.readUInt32LE(DATA + 4) }
  if (what !== FORK || message.length < DATA + 16) return null
  const [parent, child, group] = [4, 8, 12].map((it) => message.readUInt32LE(DATA + it)) as [number, number, number]
  return child === group ? { kind: 'fork', parent, child } : null
}

/** `isFiltered`: only forks and execs. */
export function listenMessage(isFiltered: boolean): Buffer {
  const body = isFiltered ? 8 : 4
  const message = Buffer.alloc(36 + body)
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE(NLMSG_DONE, 4)
  message.writeUInt32LE(CN_PROC, 16)
  message.writeUInt32LE(CN_PROC, 20)
  message.writeUInt16LE(body, 32)
  message.writeUInt32LE(LISTEN, 36)
  if (isFiltered) message.writeUInt32LE(FORK | EXEC, 40)
  return message
}

/** `6.18.44-fc-v782`. */
export function hasFilter(kernel: string): boolean {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})/.exec(kernel) ?? []
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 6)
}

/** Null: it has ended already. */
function caught(pid: number): Caught | null {
  try {
    const args = parseArguments(readFileSync(`/proc/${pid}/cmdline`, 'utf8').slice(0, MAX_ARGUMENTS))
    const image = imageOf(readlinkSync(`/proc/${pid}/exe`))
    return { args, image, folder: readlinkSync(`/proc/${pid}/cwd`) }
  } catch {
    return null
  }
}

function failure(call: string, errno: number): Error {
  const code = errno === 1 || errno === 13 ? 'EACCES' : errno === 93 ? 'ENOENT' : 'EIO'
  return Object.assign(new Error(`${code}: ${call} for the process connector, errno ${errno}`), { code })
}

/** Errors  throws where koffi or its binary for this system is not installed. */
function load(): Libc {
  const native = koffi()
  const lib = native.load('libc.so.6')
  const poll = lib.func('int poll(void *, unsigned long, int)')
  return {
    socket: lib.func('int socket(int, int, int)'),
    bind: lib.func('int bind(int, void *, int)'),
    setsockopt: lib.func('int setsockopt(int, int, int, void *, int)'),
    send: lib.func('long send(int, void *, size_t, int)'),
    recv: lib.func('long recv(int, void *, size_t, int)'),
    close: lib.func('int close(int)'),
    errno: () => native.errno(),
    wait: (fd) => {
      const wanted = Buffer.alloc(8)
      wanted.writeInt32LE(fd, 0)
      wanted.writeInt16LE(POLLIN, 4)
      return new Promise((resolve, reject) =>
        poll.async(wanted, 1, WAIT_MS, (error: Error | null, ready: number) =>
          error ? reject(error) : resolve(ready),
        ),
      )
    },
  }
}
