/** The log of the audit daemon: lines as in published logs, with other names. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StartSource } from '../../../../agent/host/host.ts'
import { AuditEvents, audit } from '../../../../agent/host/starts/audit.ts'
import { needsLinux } from '../../needs-linux.ts'

const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
let serial = 100

interface Exec {
  pid?: number
  exe?: string
  args?: string
  success?: 'yes' | 'no'
  end?: boolean
}
/** The lines of an exec. */
function exec({
  pid = 71,
  exe = '"/usr/bin/ls"',
  args = 'argc=2 a0="ls" a1="-l"',
  success = 'yes',
  end = true,
}: Exec = {}) {
  const head = (type: string) => `type=${type} msg=audit(1793610000.123:${serial}): `
  serial++
  return [
    `${head('SYSCALL')}arch=c000003e syscall=59 success=${success} exit=0 a0=55d a1=55e a2=55f a3=8 items=2 ppid=70 pid=${pid} auid=1000 uid=1000 tty=pts0 ses=3 comm="ls" exe=${exe} key="exec"\x1dARCH=x86_64 SYSCALL=execve`,
    `${head('EXECVE')}${args}`,
    `${head('CWD')}cwd="/home/ann"`,
    `${head('PATH')}item=0 name="/usr/bin/ls" inode=9 dev=08:01 mode=0100755 ouid=0 ogid=0 nametype=NORMAL`,
    ...(end ? [`${head('PROCTITLE')}proctitle=${hex('ls\0-l')}`] : []),
  ]
}
const LS = { args: ['ls', '-l'], image: '/usr/bin/ls', folder: '/home/ann' }

describe('agent/host/starts/audit', () => {
  const read = (lines: string[]) => {
    const events = new AuditEvents()
    return [...lines.flatMap((it) => events.take(it)), ...events.older(), ...events.older()]
  }

  const rows: [name: string, lines: () => string[], expected: unknown[]][] = [
    ['a program', () => exec(), [{ pid: 71, file: '/usr/bin/ls', parents: [70], caught: LS }]],
    [
      'without its last line',
      () => exec({ end: false }),
      [{ pid: 71, file: '/usr/bin/ls', parents: [70], caught: LS }],
    ],
    ['one that failed', () => exec({ success: 'no' }), []],
    ['another call', () => exec().filter((it) => !it.startsWith('type=EXECVE')), []],
    ['only the end of an event', () => exec().slice(1), []],
  ]
  for (const [name, lines, expected] of rows) it(`an event: ${name}`, () => assert.deepEqual(read(lines()), expected))

  const forms: [name: string, args: string, expected: string[]][] = [
    ['blanks, quotes and letters in hex', `argc=2 a0="sh" a1=${hex('-c "echo é"')}`, ['sh', '-c "echo é"']],
    ['a long one, in pieces', `argc=2 a0="x" a1_len=6 a1[0]="abc" a1[1]=${hex('d"f')}`, ['x', 'abcd"f']],
    ['an empty one', 'argc=2 a0="x" a1=""', ['x', '']],
    ['one with a number that cannot be', 'argc=2 a0="x" a9="y"', ['x']],
  ]
  for (const [name, args, expected] of forms)
    it(`arguments: ${name}`, () => assert.deepEqual(read(exec({ args }))[0]?.caught?.args, expected))

  it('lines of several events, mixed, and a program whose path has a blank', () => {
    const [a, b] = [exec({ pid: 1 }), exec({ pid: 2, exe: hex('/opt/my tool') })]
    const found = read(a.flatMap((it, at) => [it, b[at]!]))
    assert.deepEqual(
      found.map((it) => [it.pid, it.file]),
      [
        [1, '/usr/bin/ls'],
        [2, '/opt/my tool'],
      ],
    )
  })

  it('keeps a bounded number of arguments and of events without an end', () => {
    const many = Array.from({ length: 5_000 }, (_, at) => `a${at}="${'x'.repeat(100)}"`).join(' ')
    assert.ok(read(exec({ args: many }))[0]!.caught!.args.length < 1_024)
    const events = new AuditEvents()
    for (let at = 0; at < 3_000; at++) for (const line of exec({ end: false })) events.take(line)
    events.older()
    assert.equal(events.older().length, 1_024)
  })

  it('hostile lines give nothing, in linear time', () => {
    for (const text of ['type=', 'type=EXECVE msg=audit(1.1:1): ', 'type=SYSCALL msg=audit(1.1:1): success=yes ', 'x'])
      for (const fill of [' a0=', 'a', '"', ' exe="', ' success=yes'])
        assert.deepEqual(read([text + fill.repeat(100_000)]), [])
  })

  describe('follows the log', () => {
    let folder: string
    let source: StartSource | null = null
    const [log, daemon] = [() => join(folder, 'audit.log'), () => join(folder, 'auditd.pid')]
    const append = (...lines: string[]) => appendFileSync(log(), lines.map((it) => `${it}\n`).join(''))
    const open = () => {
      source = audit(log(), daemon()).open()
      return source
    }
    const pids = () => source!.read().starts.map((it) => it.pid)

    beforeEach(function () {
      needsLinux(this)
      folder = mkdtempSync(join(tmpdir(), 'tellwire-audit-'))
      writeFileSync(daemon(), `${process.pid}\n`)
      writeFileSync(log(), '')
      append(...exec({ pid: 1 }))
    })
    afterEach(() => {
      source?.close()
      source = null
      rmSync(folder, { recursive: true, force: true })
    })

    it('from its end on, also through a rotation and a cut', () => {
      open()
      assert.deepEqual(pids(), [])
      append(...exec({ pid: 2 }))
      assert.deepEqual(pids(), [2])
      const [first, ...others] = exec({ pid: 3 })
      appendFileSync(log(), first!.slice(0, 40))
      assert.deepEqual(pids(), [])
      appendFileSync(log(), `${first!.slice(40)}\n`)
      append(...others, ...exec({ pid: 4 }))
      renameSync(log(), `${log()}.1`)
      writeFileSync(log(), '')
      append(...exec({ pid: 5 }))
      assert.deepEqual(pids(), [3, 4, 5])
      truncateSync(log(), 0)
      append(...exec({ pid: 6, args: 'argc=1 a0="x"' }).slice(0, 5))
      assert.deepEqual(pids(), [6])
    })

    it('an event without its last line is told at the second read', () => {
      open()
      append(...exec({ pid: 7, end: false }))
      assert.deepEqual([pids(), pids(), pids()], [[], [7], []])
    })

    it('says that it left out a part of a log that grows too fast, and goes on', () => {
      open()
      const line = 'type=PATH msg=audit(1.1:1): item=0'
      for (let at = 0; at < 5; at++) append(...Array.from({ length: 30_000 }, () => line))
      append('y'.repeat(3_000_000), ...exec({ pid: 8 }))
      const { starts, lost } = source!.read()
      assert.deepEqual([starts.map((it) => it.pid), lost], [[8], 1])
    })

    it('is no source without the daemon, without program starts in the log, and without the log', () => {
      writeFileSync(daemon(), '999999999\n')
      assert.throws(open, /the audit daemon does not run/)
      writeFileSync(daemon(), `${process.pid}\n`)
      writeFileSync(log(), 'type=USER_LOGIN msg=audit(1.1:1): x\n')
      assert.throws(open, { code: 'ENOENT' })
      rmSync(log())
      assert.throws(open, { code: 'ENOENT' })
    })

    it('fails when the daemon has ended, so that another source is used', () => {
      open()
      rmSync(daemon())
      assert.throws(() => {
        for (let at = 0; at < 300; at++) source!.read()
      }, /the audit daemon does not run/)
    })
  })
})
