import assert from 'node:assert/strict'
import {
  hasFilter,
  listenMessage,
  type ProcessEvent,
  parseProcessEvent,
} from '../../../../agent/host/starts/connector.ts'

/** A message of the process connector: its heads, then what happened, and the numbers that follow. */
function message(what: number, numbers: number[], index = 1): Buffer {
  const it = Buffer.alloc(52 + numbers.length * 4)
  it.writeUInt32LE(it.length, 0)
  it.writeUInt32LE(index, 16)
  it.writeUInt32LE(1, 20)
  it.writeUInt32LE(what, 36)
  for (const [at, number] of numbers.entries()) it.writeUInt32LE(number, 52 + at * 4)
  return it
}

describe('agent/host/starts/connector', () => {
  const rows: [name: string, message: Buffer, expected: ProcessEvent | null][] = [
    ['an exec', message(2, [71, 70]), { kind: 'exec', pid: 70 }],
    ['a fork by a thread', message(1, [12, 10, 80, 80]), { kind: 'fork', parent: 10, child: 80 }],
    ['a new thread is no fork', message(1, [10, 10, 81, 80]), null],
    ['an exit', message(0x8000_0000, [70, 70, 0, 0]), null],
    ['an answer', message(0, [0, 0]), null],
    ['of another part of the kernel', message(2, [71, 70], 9), null],
    ['a cut fork', message(1, [10, 10]), null],
    ['a cut exec', message(2, [71]), null],
    ['nothing', Buffer.alloc(0), null],
  ]
  for (const [name, bytes, expected] of rows)
    it(`a message: ${name}`, () => assert.deepEqual(parseProcessEvent(bytes), expected))

  it('asks for forks and execs only, where the kernel can filter', () => {
    assert.deepEqual(['6.18.44-fc', '6.6.0', '7.0.1', '6.5.13', '5.15.0-generic', 'rubbish'].map(hasFilter), [
      true,
      true,
      true,
      false,
      false,
      false,
    ])
    assert.equal(listenMessage(true).toString('hex', 32), '0800000001000000' + '03000000')
    assert.equal(listenMessage(false).toString('hex', 32), '0400000001000000')
  })
})
