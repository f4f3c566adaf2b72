import assert from 'node:assert/strict'
import {
  type Formats,
  type PageHeader,
  parseFormats,
  parseLost,
  parsePage,
  parsePageHeader,
  type Traced,
} from '../../../../agent/host/starts/tracefs.ts'

const HEADER: PageHeader = { commit: 8, commitBytes: 8, data: 16, bytes: 4_096 }
const FORMATS: Formats = { exec: { id: 365, file: 8, pid: 12 }, fork: { id: 366, parent: 12, child: 20 } }

/** Recorded from Linux 6.18: a shell starts a program whose name has a byte that is not UTF-8, and a newline. */
const RECORDED =
  'eYxQcgIDAADMAAAAAAAAAAoAAABtAQAAexUAABQAEQB7FQAAexUAAC91c3IvYmluL3Rhc2tzZXQAAAAA6JN6Om0BAAB7FQAAFAAMAHsVAAB7FQAA' +
  'L3Vzci9iaW4vc2gACHZoAW4BAAB7FQAAGAADAHsVAAAbAAMAfBUAAHNoAHNoAAAArJs+AG0BAAB8FQAAFAAcAHwVAAB8FQAAL3RtcC9ycv8KIDEg' +
  'cGlkPTEgb2xkX3BpZD0xAAhj3gxtAQAAexUAABQACgB7FQAAexUAAC9iaW4vdHJ1ZQAAAA=='

const EXEC = `name: sched_process_exec
ID: 365
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:__data_loc char[] filename;	offset:8;	size:4;	signed:0;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:pid_t old_pid;	offset:16;	size:4;	signed:1;
`
const FORK = `name: sched_process_fork
ID: 366
format:
	field:__data_loc char[] parent_comm;	offset:8;	size:4;	signed:0;
	field:pid_t parent_pid;	offset:12;	size:4;	signed:1;
	field:__data_loc char[] child_comm;	offset:16;	size:4;	signed:0;
	field:pid_t child_pid;	offset:20;	size:4;	signed:1;
`

describe('agent/host/starts/tracefs', () => {
  it('reads where the kernel puts the fields', () => {
    assert.deepEqual(parseFormats(EXEC, FORK), FORMATS)
    assert.equal(parseFormats(EXEC, FORK.replace('child_pid', 'other')), null)
    assert.equal(parseFormats('', ''), null)
    const page =
      '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n' +
      '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n'
    assert.deepEqual(parsePageHeader(page), HEADER)
    assert.equal(parsePageHeader('nonsense'), null)
  })

  it('reads a recorded page, and no hostile name makes a second start of one', () => {
    const { records, missed, filled } = parsePage(Buffer.from(RECORDED, 'base64'), HEADER, FORMATS)
    assert.deepEqual(
      records.map(({ at: _, ...it }) => it),
      [
        { kind: 'exec', pid: 5499, file: '/usr/bin/taskset' },
        { kind: 'exec', pid: 5499, file: '/usr/bin/sh' },
        { kind: 'fork', parent: 5499, child: 5500 },
        { kind: 'exec', pid: 5500, file: '/tmp/rr\ufffd\n 1 pid=1 old_pid=1' },
        { kind: 'exec', pid: 5499, file: '/bin/true' },
      ],
    )
    assert.deepEqual([missed, filled], [false, 204])
    const times = records.map((it) => it.at)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => (a < b ? -1 : 1)),
    )
  })

  const long = `/${'x'.repeat(4_000)}`
  const pages: [name: string, page: Buffer, expected: ReturnType<typeof summary>][] = [
    ['nothing', page([]), { files: [], missed: false }],
    ['a path of 4 KB', page([large(exec(7, long))]), { files: [long], missed: false }],
    ['records were lost before it', page([small(exec(7, '/a'))], 0xc000_0000), { files: ['/a'], missed: true }],
    ['another event between', page([small(Buffer.alloc(24)), small(exec(7, '/a'))]), { files: ['/a'], missed: false }],
    ['more time than 27 bits', page([time(30, 9), small(exec(7, '/a'))]), { files: ['/a'], missed: false }],
    ['an absolute time', page([time(31, 9), small(exec(7, '/a'))]), { files: ['/a'], missed: false }],
    ['a removed record', page([removed(24), small(exec(7, '/a'))]), { files: ['/a'], missed: false }],
    [
      'the rest is padding',
      page([small(exec(7, '/a')), head(29, 0), small(exec(8, '/b'))]),
      { files: ['/a'], missed: false },
    ],
    ['a record longer than the page', page([small(exec(7, '/a')), head(28, 1)]), { files: ['/a'], missed: false }],
    [
      'a length of 0 does not stand still',
      page([head(0, 1), word(0), small(exec(7, '/a'))]),
      { files: ['/a'], missed: false },
    ],
    ['a text that is said to lie outside', page([small(exec(7, '/a', 0xffff_ffff))]), { files: [null], missed: false }],
    ['more bytes than the page has', page([small(exec(7, '/a'))], 0x0fff_0000), { files: ['/a'], missed: false }],
  ]
  for (const [name, bytes, expected] of pages)
    it(`a page: ${name}`, () => assert.deepEqual(summary(parsePage(bytes, HEADER, FORMATS)), expected))

  it('any bytes end, and give starts that are in them', () => {
    let seed = 1
    for (let run = 0; run < 2_000; run++) {
      const bytes = Buffer.from(RECORDED, 'base64')
      for (let n = 0; n < 8; n++) {
        seed = (seed * 48_271) % 2_147_483_647
        bytes[8 + (seed % (bytes.length - 8))] = seed >>> 8
      }
      const { records } = parsePage(bytes, HEADER, FORMATS)
      assert.ok(records.length <= bytes.length / 4)
    }
  })

  it('adds what the kernel overwrote and could not write', () => {
    const stats = 'entries: 4\noverrun: 17\ncommit overrun: 2\nbytes: 300\noldest event ts:  1.0\ndropped events: 3\n'
    assert.equal(parseLost(stats), 22)
    assert.equal(parseLost('nonsense'), 0)
  })
})

function summary({ records, missed }: { records: Traced[]; missed: boolean }) {
  return { files: records.map((it) => (it.kind === 'exec' ? it.file : it.child)), missed }
}

function page(records: readonly Buffer[], flags = 0): Buffer {
  const data = Buffer.concat(records)
  const start = Buffer.alloc(16)
  start.writeUInt32LE((data.length | flags) >>> 0, 8)
  return Buffer.concat([start, data])
}
function word(value: number): Buffer {
  const it = Buffer.alloc(4)
  it.writeUInt32LE(value >>> 0)
  return it
}
function head(type: number, delta: number): Buffer {
  return word(type | (delta << 5))
}
function small(data: Buffer): Buffer {
  return Buffer.concat([head(data.length / 4, 1), data])
}
function large(data: Buffer): Buffer {
  return Buffer.concat([head(0, 1), word(data.length + 4), data])
}
function time(type: 30 | 31, value: number): Buffer {
  return Buffer.concat([head(type, 0), word(value)])
}
function removed(bytes: number): Buffer {
  return Buffer.concat([head(29, 1), word(bytes + 4), exec(1, '/gone').subarray(0, bytes)])
}
function exec(pid: number, path: string, place = (Buffer.byteLength(path) + 1) * 65_536 + 20): Buffer {
  const text = Buffer.from(`${path}\0`)
  const it = Buffer.alloc(Math.ceil((20 + text.length) / 4) * 4)
  it.writeUInt16LE(365, 0)
  it.writeUInt32LE(place, 8)
  it.writeInt32LE(pid, 12)
  text.copy(it, 20)
  return it
}
