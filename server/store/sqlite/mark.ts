/**
 * The last known state of telemetry.db, stored beside it in `telemetry.mark`. A database that lost its newest commits
 * is still consistent, so only a file outside it can show the loss.
 *
 * Shape   one line with a checksum, twice, rewritten in place after each commit and before anyone learns of the commit.
 *         Not synced: it survives the process, but after a power cut it may be older than the database, which is
 *         no error. When it is missing, or neither line matches its checksum, a loss cannot be detected.
 */
import { closeSync, constants, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

export interface Mark {
  /** The stream's id. */
  stream: string
  last: number
  /** The hash of the record at `last`; null: no record. */
  digest: string | null
  /** Commits without a record. */
  edits: number
  /** The WAL had been moved into the database. */
  isWalEmpty: boolean
}

/** A line with its checksum and padding; a mark has 170 characters. */
const LINE = 256

export const MARK_FILE = 'telemetry.mark'

/** Null when no line can be trusted. */
export function readMark(folder: string): Mark | null {
  let text: string
  try {
    text = readFileSync(join(folder, MARK_FILE), 'latin1')
  } catch {
    return null
  }
  const marks = [text.slice(0, LINE), text.slice(LINE, 2 * LINE)].flatMap((it) => parsed(it) ?? [])
  return marks.reduce<Mark | null>((newest, it) => (newest && newest.last >= it.last ? newest : it), null)
}

function parsed(line: string): Mark | null {
  const [, sum = '', json = ''] = /^([0-9a-f]{8}) (\{.*\}) *\n$/.exec(line) ?? []
  return sum === checksum(json) ? (JSON.parse(json) as Mark) : null
}

export class MarkFile {
  readonly #file: number

  constructor(folder: string) {
    this.#file = openSync(join(folder, MARK_FILE), constants.O_RDWR | constants.O_CREAT, 0o600)
  }

  write(mark: Mark): void {
    const json = JSON.stringify(mark)
    const line = `${checksum(json)} ${json}`.padEnd(LINE - 1)
    writeSync(this.#file, `${line}\n${line}\n`, 0, 'latin1')
  }

  close(): void {
    fsyncSync(this.#file)
    closeSync(this.#file)
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
