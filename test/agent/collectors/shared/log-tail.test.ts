import assert from 'node:assert/strict'
import { MAX_READ, type Position, tail } from '../../../../agent/collectors/shared/log-tail.ts'
import { fakeHost, put } from '../../fake-host.ts'

const LOG = '/var/log/x'
const file = (data: string | Buffer, inode = 1) => ({ data, inode })

describe('agent/collectors/shared/log-tail', () => {
  async function follow(
    ...contents: ({ data: string | Buffer; inode: number } | Record<string, { data: string; inode: number }>)[]
  ) {
    const host = fakeHost({})
    let position: Position | null = null
    const reads: string[][] = []
    let lostBytes = 0
    for (const content of contents) {
      if ('inode' in content && typeof content.inode === 'number')
        put(host.tree, LOG, content as ReturnType<typeof file>)
      else for (const [path, node] of Object.entries(content)) put(host.tree, path, node as ReturnType<typeof file>)
      const found = await tail(host, LOG, position)
      position = found.position
      lostBytes += found.lostBytes
      reads.push(found.lines)
    }
    return { reads, lostBytes }
  }

  it('returns new complete lines only', async () =>
    assert.deepEqual(await follow(file('a\nb\n'), file('a\nb\n'), file('a\nb\nc\nto'), file('a\nb\nc\ntorn\r\n')), {
      reads: [['a', 'b'], [], ['c'], ['torn']],
      lostBytes: 0,
    }))

  it('a log that replaced another is read from the beginning, after the rest of the old one', async () =>
    assert.deepEqual(
      await follow(file('a\n'), {
        '/var/log/x.1': file('a\nb\n', 1) as { data: string; inode: number },
        [LOG]: { data: 'c\n', inode: 2 },
      }),
      { reads: [['a'], ['b', 'c']], lostBytes: 0 },
    ))

  it('counts what was not read before the rotation', async () => {
    const { lostBytes } = await follow(file('a\n'), {
      '/var/log/x.1': file(`a\n${'y'.repeat(2 * MAX_READ)}\n`, 1) as { data: string; inode: number },
      [LOG]: { data: 'c\n', inode: 2 },
    })
    assert.ok(lostBytes >= 2 * MAX_READ - 1, `${lostBytes} bytes`)
  })

  it('a truncated log is read from the beginning', async () =>
    assert.deepEqual((await follow(file('a\nb\nc\n'), file('d\n'))).reads, [['a', 'b', 'c'], ['d']]))

  it('reads only the end of a large new log', async () => {
    const { reads, lostBytes } = await follow(file(`${'x'.repeat(99)}\n`.repeat(10_000)))
    assert.ok(reads[0]!.length > 2_000 && reads[0]!.length * 100 <= MAX_READ)
    assert.ok(reads[0]!.every((line) => line.length === 99))
    assert.equal(lostBytes, 0)
  })

  it('counts what it does not read, and lines that are too long', async () => {
    const { reads, lostBytes } = await follow(
      file('a\n'),
      file(`a\n${'y'.repeat(2 * MAX_READ)}`),
      file(`a\n${'y'.repeat(2 * MAX_READ)}\nb\n`),
    )
    assert.deepEqual(
      reads.at(-1)!.filter((it) => it.length > 0),
      ['b'],
    )
    assert.ok(lostBytes >= MAX_READ)
    assert.deepEqual(await follow(file(`${'z'.repeat(20_000)}\nb\n`)), { reads: [['b']], lostBytes: 20_000 })
  })

  it('reads UTF-16, even if it is truncated within a character', async () => {
    const whole = Buffer.from('\ufeffIncoming\r\nÄnother\r\n', 'utf16le')
    assert.deepEqual((await follow(file(whole.subarray(0, 23)), file(whole))).reads, [['Incoming'], ['Änother']])
  })

  it('rejects for an unreadable log', () => assert.rejects(tail(fakeHost({}), LOG, null), { code: 'ENOENT' }))
})
