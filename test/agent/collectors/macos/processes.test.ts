import assert from 'node:assert/strict'
import type { StartCounters } from '../../../../agent/collect.ts'
import { parseExec } from '../../../../agent/collectors/macos/kit/execs.ts'
import { processes } from '../../../../agent/collectors/macos/processes.ts'
import { CallError } from '../../../../agent/host/macos/calls.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { fakeHost, policy, watchPolls } from '../../fake-host.ts'
import { type FakeMac, fakeMac, program } from './fake-mac.ts'

const HOMES = { '/Users/ann/.zshrc': { data: '', uid: 501 }, '/Users/Shared/x': '' }

async function watched(mac: FakeMac, polls: (() => void)[], starts: StartCounters = { seen: 0, total: 0 }) {
  const host = fakeHost(HOMES)
  const { entries } = host
  host.entries = async (path) => (await entries(path)).map((it) => (it.name === 'ann' ? { ...it, uid: 501 } : it))
  return await watchPolls(processes(mac, starts), host, polls, policy, 'macos')
}
const creations = (found: Observation[]) =>
  found.filter((it): it is ObservationOf<'process_creation'> => it.category === 'process_creation')
const images = (found: Observation[]) => creations(found).map((it) => it.Image)

describe('agent/collectors/macos/processes', () => {
  it('tells those that run as before the agent, and new ones with parent, account, folder and signer', async () => {
    const mac = fakeMac({ signerOf: (pid) => (pid === 80 ? 'AnyDesk Software GmbH' : null) })
    mac.table.set(0, program('kernel_task'))
    mac.table.set(1, program('/sbin/launchd', { parent: 0, uid: 0 }))
    const [first, second] = await watched(mac, [
      () =>
        mac.table.set(
          80,
          program('/Users/ann/helper', { args: ['/Users/ann/helper', '--token', 'hunter2'], folder: '/Users/ann' }),
        ),
    ])
    assert.deepEqual(
      creations(first!).map((it) => [it.ProcessId, it.User, it.StartedBeforeAgent]),
      [[1, 'root', true]],
    )
    const [event] = creations(second!)
    assert.deepEqual(
      [
        event?.Image,
        event?.CommandLine,
        event?.ParentImage,
        event?.ParentCommandLine,
        event?.User,
        event?.CurrentDirectory,
      ],
      ['/Users/ann/helper', '/Users/ann/helper --token ***', '/sbin/launchd', '/sbin/launchd', 'ann', '/Users/ann'],
    )
    assert.deepEqual(
      [event?.Signer, event?.ParentProcessId, event?.StartedBeforeAgent],
      ['AnyDesk Software GmbH', 1, false],
    )
  })

  it('a shell that executes a program at the next poll is told twice, once as each', async () => {
    const mac = fakeMac()
    const polls = [
      () => mac.table.set(90, program('/bin/zsh')),
      () => mac.table.set(90, program('/usr/bin/git')),
      () => {},
    ]
    const found = await watched(mac, polls)
    assert.deepEqual(found.map(images), [[], ['/bin/zsh'], ['/usr/bin/git'], []])
  })

  it('a reused pid is noticed within a minute', async () => {
    const mac = fakeMac()
    mac.table.set(7, program('/bin/a'))
    const polls = Array.from({ length: 62 }, (_, n) => () => {
      if (n === 3) mac.table.set(7, program('/bin/b', { startedAt: '2.000000' }))
    })
    assert.deepEqual((await watched(mac, polls)).flatMap(images), ['/bin/a', '/bin/b'])
  })

  it('what may not be asked is a gap; what ended before it was asked is nothing', async () => {
    const mac = fakeMac()
    mac.table.set(5, { ...program(''), image: null, name: null, isDenied: true })
    mac.table.set(6, { ...program(''), image: null, name: null, args: null })
    const [first] = await watched(mac, [])
    assert.deepEqual(
      first!.map((it) => it.category === 'collection_gap' && [it.About, it.Reason, it.Count]),
      [['processes of others', 'denied', 1]],
    )
  })

  it('a failing list is a gap, and nothing has ended', async () => {
    const mac = fakeMac()
    mac.table.set(5, program('/bin/a'))
    let fails = false
    const { processes: list } = mac
    mac.processes = () => {
      if (fails) throw new CallError('proc_listallpids', 1)
      return list()
    }
    const found = await watched(mac, [() => (fails = true), () => (fails = false)])
    assert.deepEqual(found.map(images), [['/bin/a'], [], []])
    assert.match(JSON.stringify(found[1]), /"Reason":"denied"/)
  })

  /** A line of eslogger, with the fields of its public output; the environment is what must not leave. */
  const execLine = (pid: number, path: string, args: readonly string[], global_seq_num: number) =>
    JSON.stringify({
      ...{ schema_version: 1, event_type: 9, time: '2026-11-02T09:00:00.123456Z', global_seq_num },
      process: { audit_token: { pid: 1 }, executable: { path: '/sbin/launchd' } },
      event: {
        exec: {
          ...{ args, env: ['TOKEN=hunter2'], cwd: { path: '/Users/ann' }, script: null },
          target: {
            ppid: 1,
            audit_token: { pid, euid: 501 },
            executable: { path, path_truncated: false },
            team_id: null,
          },
        },
      },
    })

  it('eslogger: a program too short for the polls is told, one that a poll saw once; what the kernel dropped is counted', async () => {
    const mac = fakeMac()
    mac.table.set(1, program('/sbin/launchd', { parent: 0, uid: 0 }))
    const lines: string[] = []
    mac.execs = () => ({ read: () => ({ lines: lines.splice(0), lost: 0, failure: null }), close: () => {} })
    const starts = { seen: 0, total: 0 }
    const polls = [
      () => lines.push(execLine(50, '/usr/bin/rsync', ['rsync', '--password', 'hunter2'], 1)),
      () => {
        mac.table.set(60, program('/usr/bin/git'))
        lines.push(execLine(60, '/usr/bin/git', ['git', 'push'], 2), execLine(61, '/bin/ls', ['ls'], 5))
      },
      // Late: the poll has told it, and it has ended.
      () => {
        mac.table.delete(60)
        lines.push(execLine(60, '/usr/bin/git', ['git', 'push'], 6))
      },
    ]
    const found = await watched(mac, polls, starts)
    assert.deepEqual(found.map(images), [['/sbin/launchd'], ['/usr/bin/rsync'], ['/usr/bin/git', '/bin/ls'], []])
    const [rsync] = creations(found[1]!)
    assert.deepEqual(
      [rsync?.CommandLine, rsync?.ParentImage, rsync?.User, rsync?.CurrentDirectory, rsync?.ProcessId],
      ['rsync --password ***', '/sbin/launchd', 'ann', '/Users/ann', 50],
    )
    assert.doesNotMatch(JSON.stringify(found), /hunter2/)
    assert.match(JSON.stringify(found[2]), /"Reason":"overflow","Count":2/)
    assert.deepEqual(starts, { seen: 4, total: 6, by: 'eslogger' })
  })

  it('without Full Disk Access eslogger ends: a gap, polls go on, and it is tried again after ten minutes', async () => {
    const mac = fakeMac()
    let asked = 0
    const failure = Object.assign(new Error('EPERM: eslogger: not permitted'), { code: 'EPERM' })
    const read = () => {
      asked++
      return { lines: [], lost: 0, failure }
    }
    mac.execs = () => ({ read, close: () => {} })
    const starts: StartCounters = { seen: 0, total: 0 }
    const polls = Array.from({ length: 601 }, (_, n) => () => void (n === 2 && mac.table.set(9, program('/bin/a'))))
    const found = await watched(mac, polls, starts)
    assert.deepEqual([asked, starts.total, starts.by], [2, 0, 'poll'])
    assert.deepEqual(found.flatMap(images), ['/bin/a'])
    const gaps = found.flat().filter((it) => it.category === 'collection_gap')
    assert.deepEqual([...new Set(gaps.map((it) => `${it.About} ${it.Reason}`))], ['program starts by eslogger denied'])
  })

  it('lines of eslogger of another kind, cut, or with fields of the wrong kind', () => {
    const whole = execLine(5, '/bin/ls', ['ls'], 1)
    assert.equal(parseExec(whole)?.pid, 5)
    for (let length = 0; length < whole.length; length += 7) assert.equal(parseExec(whole.slice(0, length)), null)
    for (const line of [
      '{}',
      '[]',
      '{"event":{"fork":{}}}',
      whole.replace('"pid":5', '"pid":"5"'),
      whole.replace('"/bin/ls"', '7'),
    ])
      assert.equal(parseExec(line), null)
    assert.equal(parseExec(whole.replace('["ls"]', '{"0":"ls"}'))?.facts.args, null)
  })
})
