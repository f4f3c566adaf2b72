import assert from 'node:assert/strict'
import { processes } from '../../../../agent/collectors/macos/processes.ts'
import { CallError } from '../../../../agent/host/macos/calls.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { fakeHost, policy, watchPolls } from '../../fake-host.ts'
import { type FakeMac, fakeMac, program } from './fake-mac.ts'

const HOMES = { '/Users/ann/.zshrc': { data: '', uid: 501 }, '/Users/Shared/x': '' }

async function watched(mac: FakeMac, polls: (() => void)[]) {
  const host = fakeHost(HOMES)
  const { entries } = host
  host.entries = async (path) => (await entries(path)).map((it) => (it.name === 'ann' ? { ...it, uid: 501 } : it))
  return await watchPolls(processes(mac), host, polls, policy, 'macos')
}
const starts = (found: Observation[]) =>
  found.filter((it): it is ObservationOf<'process_creation'> => it.category === 'process_creation')
const images = (found: Observation[]) => starts(found).map((it) => it.Image)

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
      starts(first!).map((it) => [it.ProcessId, it.User, it.StartedBeforeAgent]),
      [[1, 'root', true]],
    )
    const [event] = starts(second!)
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
})
