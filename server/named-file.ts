/**
 * A file that the configuration names, such as a certificate or a token.
 *
 * Shape   a regular file of at most 64 KiB, also behind a link: a device never ends, and a pipe may never begin.
 * Errors  Fault 'config.invalid' at `where`.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { Fault } from '../wire/fault.ts'

const MAX_BYTES = 65_536

/** `key`: what names it in the configuration. */
export function namedFile(file: string, key: string): Buffer {
  const where = `${key} ${file}`
  let handle: number
  try {
    // Without O_NONBLOCK, opening a pipe waits for its writer.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw unreadable(where, cause)
  }
  try {
    if (!fstatSync(handle).isFile())
      throw new Fault('config.invalid', { where, why: 'It is not a regular file.', todo: 'Name a regular file.' })
    const bytes = Buffer.alloc(MAX_BYTES + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(handle, bytes, length, bytes.length - length, null)
    if (length <= MAX_BYTES) return bytes.subarray(0, length)
    throw new Fault('config.invalid', {
      where,
      why: `It is longer than ${MAX_BYTES / 1_024} KiB.`,
      todo: 'Name another file.',
    })
  } catch (cause) {
    throw cause instanceof Fault ? cause : unreadable(where, cause)
  } finally {
    closeSync(handle)
  }
}

function unreadable(where: string, cause: unknown): Fault {
  const why = `The file cannot be read: ${(cause as NodeJS.ErrnoException).code}.`
  return new Fault('config.invalid', { where, why, todo: 'Check its path and permissions.', cause })
}
