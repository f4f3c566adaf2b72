import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inspectWal, type WalState } from '../../../../server/store/sqlite/wal.ts'
import { temporaryFolder } from '../folder.ts'

const FRAME = 4_096 + 24

describe('the state of a WAL', () => {
  const { folder, remove } = temporaryFolder()
  const file = join(folder, 'wal')
  let whole: Buffer
  /** The second pass over the file, shorter than the first. */
  let again: Buffer
  before(() => {
    const db = new DatabaseSync(join(folder, 'db'))
    db.exec('pragma journal_mode = wal; pragma wal_autocheckpoint = 0; create table t (x)')
    const wal = () => {
      copyFileSync(join(folder, 'db-wal'), file)
      return readFileSync(file)
    }
    for (let n = 0; n < 20; n++) db.exec(`insert into t values (zeroblob(3000))`)
    whole = wal()
    db.exec('pragma wal_checkpoint(restart)')
    for (let n = 0; n < 3; n++) db.exec(`insert into t values (zeroblob(3000))`)
    again = wal()
    db.close()
  })
  after(() => remove())

  const flipped = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = copy[at]! ^ 1
    return copy
  }
  const cases: { name: string; bytes: () => Buffer | null; state: WalState }[] = [
    { name: 'as its writer left it', bytes: () => whole, state: 'whole' },
    { name: 'with frames of an older pass at the end', bytes: () => again, state: 'whole' },
    { name: 'gone', bytes: () => null, state: 'absent' },
    { name: 'empty', bytes: () => Buffer.alloc(0), state: 'empty' },
    { name: 'cut in a frame', bytes: () => whole.subarray(0, 32 + 3 * FRAME + 100), state: 'torn' },
    { name: 'cut between frames', bytes: () => whole.subarray(0, 32 + 3 * FRAME), state: 'whole' },
    { name: 'a byte of a page', bytes: () => flipped(whole, 32 + 3 * FRAME + 900), state: 'broken' },
    { name: "a byte of a frame's salt", bytes: () => flipped(whole, 32 + 3 * FRAME + 9), state: 'broken' },
    { name: "a byte of a frame's checksum", bytes: () => flipped(whole, 32 + 3 * FRAME + 17), state: 'broken' },
    { name: 'a byte of the last frame', bytes: () => flipped(whole, whole.length - 5), state: 'torn' },
    { name: 'a byte of the magic', bytes: () => flipped(whole, 1), state: 'broken' },
    { name: 'a byte of the header', bytes: () => flipped(whole, 17), state: 'broken' },
    { name: 'less than a header', bytes: () => whole.subarray(0, 20), state: 'broken' },
    { name: 'zeros', bytes: () => Buffer.alloc(whole.length), state: 'broken' },
  ]
  for (const { name, bytes, state } of cases) {
    it(`${name}: ${state}`, () => {
      const content = bytes()
      if (content) writeFileSync(file, content)
      else rmSync(file)
      assert.equal(inspectWal(file), state)
    })
  }
})
