/**
 * A wall clock that a test moves: import it before everything that reads the time.
 *
 * Shape   `clock` in the folder of the second argument has the ms by which it is off; read every 50 ms.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const real = Date.now
const path = join(process.argv[3]!, 'clock')
let offset = 0

function look(): void {
  try {
    offset = Number(readFileSync(path, 'utf8'))
  } catch {
    // Not moved yet.
  }
}

look()
setInterval(look, 50).unref()
Date.now = () => real() + offset
