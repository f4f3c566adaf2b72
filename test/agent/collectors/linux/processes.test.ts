import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  parseForks,
  parseLastPid,
  parseStat,
  parseUid,
  processes,
} from '../../../../agent/collectors/linux/processes.ts'
import { parseArguments } from '../../../../agent/collectors/shared/programs.ts'
import type { Start, StartSourceKind } from '../../../../agent/host/host.ts'
import { linux } from '../../../../agent/host/linux.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { checked, denied, type FakeHost, fakeHost, link, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

const stat = (pid: number, comm: string, parent: number, ticks: number, flags = 4_194_304) =>
  `${pid} (${comm}) S ${parent} 1 1 0 -1 ${flags} 1 2 3 4 5 6 7 8 20 0 1 0 ${ticks} 1000 10\n`

describe('agent/collectors/linux/processes', () => {
  const stats: [name: string, text: string, expected: ReturnType<typeof parseStat>][] = [
    ['plain', stat(7, 'bash', 1, 55), { comm: 'bash', parent: 1, flags: 4_194_304, ticks: 55 }],
    [
      'blanks and brackets in the name',
      stat(7, 'a) S 9 (b', 1, 55),
      { comm: 'a) S 9 (b', parent: 1, flags: 4_194_304, ticks: 55 },
    ],
    ['a newline in the name', stat(7, 'a\nb', 1, 55), { comm: 'a\nb', parent: 1, flags: 4_194_304, ticks: 55 }],
    ['incomplete', '7 (bash) S 1 1', null],
    ['no brackets', '7 bash S', null],
    ['nothing', '', null],
  ]
  for (const [name, text, expected] of stats) it(`stat: ${name}`, () => assert.deepEqual(parseStat(text), expected))

  it('reads the small tables', () => {
    assert.deepEqual(parseArguments('a\0b c\0\0d\0'), ['a', 'b c', '', 'd'])
    assert.deepEqual(parseArguments(''), [])
    assert.equal(parseUid('Name:\tx\nUid:\t1000\t1001\t0\t0\n'), 1000)
    assert.equal(parseUid('Name:\tx\n'), null)
    assert.equal(parseForks('cpu 1 2\nprocesses 4711\nprocs_running 2\n'), 4711)
    assert.equal(parseLastPid('0.1 0.2 0.3 1/200 4711\n'), '4711')
    assert.equal(parseLastPid('nonsense'), null)
  })

  it('reports running processes as started before, then only new ones', async () => {
    const host = laptop()
    const forks = { seen: 0, total: 0 }
    const [first, quiet, second] = await watchPolls(processes(forks), host, [
      () => {},
      () => {
        fork(host, 300, 'anydesk', 200, 900, ['/opt/anydesk', '--password', 'hunter2', 'x\x01y'])
        moved(host, 300, 1_004)
      },
    ])
    assert.deepEqual(images(first), ['/sbin/init', '/usr/bin/bash'])
    assert.ok(first!.every((it) => it.category === 'process_creation' && it.StartedBeforeAgent))
    assert.deepEqual(quiet, [])
    assert.equal(host.reads.filter((it) => it === '/proc/stat').length, 2, 'a quiet poll reads one small file')
    assert.deepEqual(second, [
      {
        category: 'process_creation',
        time: host.clock,
        collector: 'processes',
        Image: '/opt/anydesk',
        CommandLine: '/opt/anydesk --password *** x\x01y',
        ParentImage: '/usr/bin/bash',
        ParentCommandLine: 'bash -l',
        User: 'ann',
        ProcessId: 300,
        ParentProcessId: 200,
        CurrentDirectory: '/home/ann',
        OriginalFileName: null,
        Product: null,
        Company: null,
        Signer: null,
        StartedBeforeAgent: false,
      },
    ])
    assert.deepEqual(forks, { seen: 1, total: 4, by: 'poll' })
  })

  it('reports what a source tells: what still runs in full, what has ended by its path', async () => {
    const host = laptop()
    const counters = { seen: 0, total: 0 }
    const reads: Start[][] = [
      [],
      [],
      [start(300, './deploy.sh', [200]), start(301, '/usr/bin/env', [299, 200]), start(301, '/opt/rclone', [299, 200])],
    ]
    const [first, second] = await watchPolls(processes(counters, [], [source(reads)]), host, [
      () => fork(host, 301, 'rclone', 299, 900, ['rclone', 'copy', '--password', 'hunter2'], '/opt/rclone'),
    ])
    assert.equal(first!.length, 2)
    assert.deepEqual(
      second!.map(
        (it) =>
          it.category === 'process_creation' && [
            ...[it.Image, it.CommandLine, it.ProcessId, it.ParentProcessId],
            ...[it.ParentImage, it.User, it.StartedBeforeAgent],
          ],
      ),
      [
        ['./deploy.sh', null, 300, 200, '/usr/bin/bash', null, false],
        ['/usr/bin/env', null, 301, 299, '/usr/bin/bash', null, false],
        ['/opt/rclone', 'rclone copy --password ***', 301, 299, '/usr/bin/bash', 'ann', false],
      ],
    )
    assert.deepEqual(counters, { seen: 3, total: 3, by: 'tracefs' })
  })

  it('a program that is replaced while it is looked at keeps its own path', async () => {
    const host = laptop()
    const reads: Start[][] = [[], [], [start(300, '/usr/bin/env', [200])], [start(300, '/opt/anydesk', [200])], []]
    const [, second, third] = await watchPolls(processes({ seen: 0, total: 0 }, [], [source(reads)]), host, [
      () => fork(host, 300, 'anydesk', 200, 900, ['/opt/anydesk']),
      () => {},
    ])
    assert.deepEqual([images(second), images(third)], [['/usr/bin/env'], ['/opt/anydesk']])
  })

  it('a zombie is told by the path that was executed', async () => {
    const host = laptop()
    const reads: Start[][] = [[], [], [start(300, '/opt/anydesk', [])]]
    const [, second] = await watchPolls(processes({ seen: 0, total: 0 }, [], [source(reads)]), host, [
      () => {
        fork(host, 300, 'anydesk', 200, 900, [''])
        put(host.tree, '/proc/300/exe', undefined)
        put(host.tree, '/proc/300/cmdline', '')
      },
    ])
    assert.deepEqual(
      second!.map((it) => it.category === 'process_creation' && [it.Image, it.CommandLine, it.ParentImage]),
      [['/opt/anydesk', null, '/usr/bin/bash']],
    )
  })

  it('each minute tells what no source told, except forks', async () => {
    const host = laptop()
    const [, quiet, swept] = await watchPolls(processes({ seen: 0, total: 0 }, [], [source([])]), host, [
      () => {
        fork(host, 300, 'bash', 200, 900, ['bash', '-l'], '/usr/bin/bash')
        fork(host, 301, 'anydesk', 200, 901, ['/opt/anydesk'])
      },
      () => {
        host.clock += 60_000
      },
    ])
    assert.deepEqual([quiet, images(swept)], [[], ['/opt/anydesk']])
  })

  it('what the kernel could not keep, and a flood, are counted as losses', async () => {
    const counters = { seen: 0, total: 0 }
    const flood = Array.from({ length: 2_500 }, (_, n) => start(1_000 + n, '/bin/x', []))
    const [, second] = await watchPolls(processes(counters, [], [source([[], [], flood], 40)]), laptop(), [() => {}])
    const loss = second!.find((it) => it.category === 'collection_gap')
    assert.deepEqual([loss?.Reason, loss?.Count, loss?.Categories], ['overflow', 540, ['process_creation']])
    assert.deepEqual(counters, { seen: 2_000, total: 2_540, by: 'tracefs' })
  })

  it('detects a reused pid, and a program that replaced another', async () => {
    const host = laptop()
    const [, reused, execed] = await watchPolls(processes({ seen: 0, total: 0 }), host, [
      () => {
        host.clock += 60_000
        fork(host, 200, 'bash', 1, 999, ['bash', '-i'])
      },
      () => fork(host, 200, 'anydesk', 1, 999, ['/opt/anydesk'], '/opt/anydesk'),
    ])
    assert.deepEqual(commands(reused), ['bash -i'])
    assert.deepEqual(commands(execed), ['/opt/anydesk'])
  })

  it('reports null, or argv[0], for what it cannot read', async () => {
    const host = laptop()
    put(host.tree, '/proc/200/exe', denied)
    put(host.tree, '/proc/200/cwd', denied)
    put(host.tree, '/proc/1/exe', denied)
    put(host.tree, '/proc/1/cmdline', denied)
    put(host.tree, '/proc/1/status', denied)
    const [first] = await watchPolls(processes({ seen: 0, total: 0 }), host)
    assert.deepEqual(
      first!.map(
        (it) => it.category === 'process_creation' && [it.Image, it.CommandLine, it.User, it.CurrentDirectory],
      ),
      [
        [null, null, null, '/'],
        ['bash', 'bash -l', 'ann', null],
      ],
    )
  })

  it('reports a gap without /proc, and continues', async () => {
    const host = laptop()
    const { proc } = host.tree
    const [, gone, back] = await watchPolls(processes({ seen: 0, total: 0 }), host, [
      () => put(host.tree, '/proc', undefined),
      () => {
        host.tree.proc = proc!
        fork(host, 300, 'x', 200, 900, ['x'])
        moved(host, 300, 1_001)
      },
    ])
    assert.deepEqual(
      gone!.map((it) => it.category === 'collection_gap' && it.Reason),
      ['unsupported'],
    )
    assert.deepEqual(commands(back), ['x'])
  })

  it("reports a gap if /proc hides other users' processes", async () => {
    const host = laptop()
    put(host.tree, '/proc/1', undefined)
    const [first] = await watchPolls(processes({ seen: 0, total: 0 }), host)
    assert.deepEqual(
      first!.map((it) => (it.category === 'collection_gap' ? it.Reason : it.category)),
      ['denied', 'process_creation'],
    )
  })

  it('limits the length of what a process can set', async () => {
    const host = laptop()
    fork(host, 300, 'x', 200, 900, ['😀'.repeat(9_000), 'y'.repeat(90_000)], `/${'z'.repeat(9_000)}`)
    const [first] = await watchPolls(processes({ seen: 0, total: 0 }), host)
    const long = first!.at(-1) as ObservationOf<'process_creation'>
    assert.equal(long.CommandLine!.length, 8_192)
    assert.equal(long.Image!.length, 4_096)
  })

  it('reports a real program with the name of a remote-control tool', async function () {
    needsLinux(this)
    const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
    const stop = new AbortController()
    let child: ChildProcess | null = null
    try {
      const program = join(folder, 'anydesk')
      await copyFile('/bin/sleep', program)
      const host = linux.host({ hmac: (it) => it, stateFolder: join(folder, 'memory') })
      let baseline = 0
      for await (const it of processes({ seen: 0, total: 0 }).run(
        host,
        policy,
        stop.signal,
      ) as AsyncIterable<Observation>) {
        checked(it)
        if (it.category !== 'process_creation') continue
        if (it.StartedBeforeAgent) baseline++
        child ??= spawn(program, ['60'], { stdio: 'ignore' })
        if (it.StartedBeforeAgent || it.Image !== program) continue
        assert.equal(it.CommandLine, `${program} 60`)
        assert.equal(it.ProcessId, child.pid)
        assert.equal(it.ParentProcessId, process.pid)
        stop.abort()
      }
      assert.ok(baseline > 1)
      assert.ok(stop.signal.aborted)
    } finally {
      child?.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  })
})

function start(pid: number, file: string, parents: number[]): Start {
  return { pid, file, parents, caught: null }
}

/** A source that tells `reads` one after another; `lost` with the third. */
function source(reads: Start[][], lost = 0): StartSourceKind {
  let at = 0
  const read = () => ({ starts: reads[at++] ?? [], lost: at === 3 ? lost : 0 })
  return { name: 'tracefs', open: () => ({ name: 'tracefs', read, close: () => {} }) }
}

function laptop(): FakeHost {
  const host = fakeHost({
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n',
    '/proc/self': {},
  })
  fork(host, 1, 'init', 0, 1, ['/sbin/init'], '/sbin/init', 0)
  fork(host, 2, 'kthreadd', 0, 2, [], '', 0)
  put(host.tree, '/proc/2/stat', stat(2, 'kthreadd', 0, 2, 0x0020_8040))
  fork(host, 200, 'bash', 1, 100, ['bash', '-l'], '/usr/bin/bash')
  moved(host, 200, 1_000)
  return host
}

function moved(host: FakeHost, lastPid: number, forks: number): void {
  put(host.tree, '/proc/loadavg', `0.00 0.00 0.00 1/100 ${lastPid}\n`)
  put(host.tree, '/proc/stat', `cpu 1 2 3\nprocesses ${forks}\n`)
}

function fork(
  host: FakeHost,
  pid: number,
  comm: string,
  parent: number,
  ticks: number,
  args: string[],
  exe = args[0]!,
  uid = 1000,
) {
  put(host.tree, `/proc/${pid}`, {
    stat: stat(pid, comm, parent, ticks),
    status: `Name:\t${comm}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`,
    cmdline: args.map((it) => `${it}\0`).join(''),
    exe: link(exe),
    cwd: link(uid === 0 ? '/' : '/home/ann'),
  })
}

function images(found: Observation[] | undefined) {
  return found!.map((it) => it.category === 'process_creation' && it.Image)
}
function commands(found: Observation[] | undefined) {
  return found!.map((it) => it.category === 'process_creation' && it.CommandLine)
}
