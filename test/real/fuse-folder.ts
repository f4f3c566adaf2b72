/**
 * A FUSE file system with one empty folder, as a program of its own: stopped with SIGSTOP, it answers nobody any more.
 *
 *   node test/real/fuse-folder.ts FOLDER      mounts itself there, and prints 'mounted'
 *
 * Source  linux/fuse.h, version 7.31.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import koffi from 'koffi'

const [LOOKUP, GETATTR, OPENDIR, READDIR, RELEASEDIR, INIT, ACCESS] = [1, 3, 27, 28, 29, 26, 34]
const [ENOENT, ENOSYS] = [2, 38]
const FOLDER_MODE = 0o40755

const folder = process.argv[2]!
const device = openSync('/dev/fuse', 'r+')
const mount = koffi.load('libc.so.6').func('int mount(str source, str target, str type, ulong flags, str data)')
const options = `fd=${device},rootmode=40000,user_id=0,group_id=0,allow_other`
if (mount('nobody', folder, 'fuse', 0, options) !== 0) {
  closeSync(device)
  console.log(`mount: error ${koffi.errno()}`)
  process.exit(1)
}
console.log('mounted')

const request = Buffer.alloc(1_048_576)
for (;;) {
  readSync(device, request)
  const opcode = request.readUInt32LE(4)
  const unique = request.readBigUInt64LE(8)
  if (opcode === INIT) reply(unique, init(request.readUInt32LE(40), request.readUInt32LE(44)))
  else if (opcode === GETATTR) reply(unique, attributes())
  else if (opcode === OPENDIR) reply(unique, Buffer.alloc(16))
  else if (opcode === READDIR || opcode === RELEASEDIR || opcode === ACCESS) reply(unique, Buffer.alloc(0))
  else if (opcode !== 2 && opcode !== 42) reply(unique, Buffer.alloc(0), opcode === LOOKUP ? ENOENT : ENOSYS)
}

function reply(unique: bigint, body: Buffer, error = 0): void {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeInt32LE(-error, 4)
  header.writeBigUInt64LE(unique, 8)
  try {
    writeSync(device, Buffer.concat([header, body]))
  } catch {
    // Whoever asked has been killed.
  }
}

function init(major: number, minor: number): Buffer {
  const body = Buffer.alloc(64)
  body.writeUInt32LE(major, 0)
  body.writeUInt32LE(Math.min(minor, 31), 4)
  body.writeUInt32LE(131_072, 20)
  return body
}

/** Not kept by the kernel: it asks each time. */
function attributes(): Buffer {
  const body = Buffer.alloc(104)
  body.writeBigUInt64LE(1n, 16)
  body.writeUInt32LE(FOLDER_MODE, 76)
  body.writeUInt32LE(2, 80)
  return body
}
