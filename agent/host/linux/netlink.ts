/**
 * Messages to and from the kernel over netlink.
 *
 * Shape   a message is 16 bytes of head and a body; a body ends with attributes: length, type, value, padded to 4 bytes.
 *         The kernel answers while it is asked, so nothing here waits.
 * Units   numbers in the machine's order, which is little-endian on x86 and arm64.
 * Errors  CallError with the kernel's own errno. What is cut or longer than its message ends the reading of it.
 * Source  Linux include/uapi/linux/netlink.h; netlink(7).
 */
import { CallError } from './calls.ts'
import { type Libc, libc } from './library.ts'

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x8_0000
const MSG_TRUNC = 0x20
const HEAD_BYTES = 16
const NLM_F_REQUEST = 1
const NLM_F_DUMP = 0x300
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const EAGAIN = 11
/** The kernel fills at most 32 KiB of it at a time. */
const BUFFER_BYTES = 65_536
/** A kernel that never ends its answer must not hold the agent. */
const MAX_READS = 4_096

/** One for all answers: the collector of garbage comes late to memory outside of its heap. */
let scratch: Buffer | null = null

export interface Message {
  type: number
  body: Buffer
}

/** Errors  CallError. `groups`: a bit for each group of messages that the kernel sends unasked. */
export function openNetlink(protocol: number, groups = 0): number {
  const { socket, bind, close, errno } = libc()
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)
  if (fd < 0) throw new CallError('socket', errno())
  const address = Buffer.alloc(12)
  address.writeUInt16LE(AF_NETLINK, 0)
  address.writeUInt32LE(groups, 8)
  if (bind(fd, address, address.length) >= 0) return fd
  const failed = errno()
  close(fd)
  throw new CallError('bind', failed)
}

/**
 * Asks, and gives every message of the answer to `take`, whose body is only valid during the call.
 * `isDump`: the answer is a list.
 */
export function ask(
  protocol: number,
  request: { type: number; body: Buffer; isDump: boolean },
  take: (message: Message) => void,
): void {
  const calls = libc()
  const fd = openNetlink(protocol)
  try {
    const message = requestMessage(request)
    if (Number(calls.send(fd, message, message.length, 0)) < 0) throw new CallError('send', calls.errno())
    const buffer = (scratch ??= Buffer.alloc(BUFFER_BYTES))
    for (let reads = 0; reads < MAX_READS; reads++) {
      const bytes = receive(calls, fd, buffer)
      if (bytes === null) return
      for (const it of messagesIn(buffer.subarray(0, bytes))) {
        if (it.type !== NLMSG_DONE && it.type !== NLMSG_ERROR) take(it)
        else {
          failOn(it.body)
          return
        }
      }
    }
    throw new CallError('an answer without an end', 0)
  } finally {
    calls.close(fd)
  }
}

/** Null: nothing is there now. */
export function receive(calls: Libc, fd: number, buffer: Buffer): number | null {
  const bytes = Number(calls.recv(fd, buffer, buffer.length, MSG_TRUNC))
  if (bytes >= 0) return Math.min(bytes, buffer.length)
  const failed = calls.errno()
  if (failed === EAGAIN) return null
  throw new ReceiveError(failed)
}

export class ReceiveError extends CallError {
  readonly errno: number

  constructor(errno: number) {
    super('recv', errno)
    this.errno = errno
  }
}

/** The end of a list, and a refusal, begin with 0 or an errno below zero. */
function failOn(body: Buffer): void {
  const status = body.length >= 4 ? body.readInt32LE(0) : 0
  if (status < 0) throw new CallError('the kernel', -status)
}

export function requestMessage({ type, body, isDump }: { type: number; body: Buffer; isDump: boolean }): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(HEAD_BYTES + body.length, 0)
  head.writeUInt16LE(type, 4)
  head.writeUInt16LE(NLM_F_REQUEST | (isDump ? NLM_F_DUMP : 0), 6)
  head.writeUInt32LE(1, 8)
  return Buffer.concat([head, body])
}

export function messagesIn(bytes: Buffer): Message[] {
  const found: Message[] = []
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    if (length < HEAD_BYTES || at + length > bytes.length) break
    found.push({ type: bytes.readUInt16LE(at + 4), body: bytes.subarray(at + HEAD_BYTES, at + length) })
    at += padded(length)
  }
  return found
}

/** The attributes of a body from byte `from` on; of several of one type, the last. */
export function attributesIn(body: Buffer, from: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = from; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at)
    if (length < 4 || at + length > body.length) break
    // The two highest bits say how the value is written.
    found.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length))
    at += padded(length)
  }
  return found
}

export function attribute(type: number, value: Buffer): Buffer {
  const it = Buffer.alloc(padded(4 + value.length))
  it.writeUInt16LE(4 + value.length, 0)
  it.writeUInt16LE(type, 2)
  value.copy(it, 4)
  return it
}

function padded(length: number): number {
  return (length + 3) & ~3
}
