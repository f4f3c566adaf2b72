/** The inbox in which a command leaves recordings for the running server. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answerTo, takeRecordings } from '../../../server/recordings/inbox.ts'
import { notTested } from '../../not-tested.ts'

const MODULE = new URL('../../../server/recordings/inbox.ts', import.meta.url)
const SIGNAL = new AbortController().signal

describe('server/recordings: the inbox', () => {
  let inbox = ''
  beforeEach(() => {
    inbox = mkdtempSync(join(tmpdir(), 'tellwire-inbox-'))
  })
  afterEach(() => rmSync(inbox, { recursive: true, force: true }))

  /** The lines that were taken. */
  async function taken(): Promise<(string | null)[]> {
    const all: (string | null)[] = []
    await takeRecordings(
      {
        inbox,
        async take(lines) {
          for await (const block of lines) all.push(...block)
          return { lines: 1, stored: 1, known: 0, labels: 0, rejected: 0, laptops: 0, last: 1 }
        },
        judged: () => 1,
        wait: async () => {},
      },
      SIGNAL,
    )
    return all
  }

  it('what is no file is ignored, and keeps no recording back', async function () {
    mkdirSync(join(inbox, 'recording-1-folder.ndjson'))
    // Reading a pipe that nobody writes would never end.
    if (spawnSync('mkfifo', [join(inbox, 'recording-2-pipe.ndjson')]).status !== 0)
      notTested(this, 'mkfifo is not installed')
    writeFileSync(join(inbox, 'recording-3-file.ndjson'), 'line')
    assert.deepEqual(await taken(), ['line'])
    assert.deepEqual(await answerTo(inbox, 'recording-3-file.ndjson'), {
      ...{ state: 'done', stored: 1, known: 0, laptops: 0 },
    })
    assert.deepEqual(readdirSync(inbox), ['answers', 'recording-1-folder.ndjson', 'recording-2-pipe.ndjson'])
  })

  it('a recording that does not fit on the disk is not delivered in part', function () {
    // A short write, as on a nearly full disk.
    if (process.platform !== 'linux') notTested(this, 'this needs Linux')
    const script = `
      import { deliverRecording } from '${MODULE}'
      async function* lines() { yield 'x'.repeat(100_000) }
      await deliverRecording(process.argv[1], lines(), 0).then(console.log, ({ code }) => console.log(code))`
    const args = ['-c', 'ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, script, inbox]
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' })
    assert.equal(`${stdout}${stderr}`, 'EFBIG\n')
    assert.deepEqual(readdirSync(inbox), [])
  })
})
