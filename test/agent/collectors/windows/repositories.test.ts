/** Repositories on Windows, on built folders. test/real/windows.test.ts sees them under Wine. */
import assert from 'node:assert/strict'
import { gitCommand, remoteOf } from '../../../../agent/collectors/shared/git-command.ts'
import { commandArguments } from '../../../../agent/collectors/windows/kit/command-arguments.ts'
import { unixLike } from '../../../../agent/collectors/windows/kit/unix-like.ts'
import { windowsRepositories } from '../../../../agent/collectors/windows/repositories.ts'
import type { ProcessFacts } from '../../../../agent/host/windows/calls.ts'
import type { Policy } from '../../../../wire/messages.ts'
import { type FakeHost, fakeHost, policy, put, watchPolls } from '../../fake-host.ts'

const ENDED: ProcessFacts = { isDenied: false, image: null, commandLine: null, sid: null, startedAt: null }
const CLONED = `${'0'.repeat(40)} ${'a'.repeat(40)} Ann <ann@example.com> 1 +0000\tclone: from x\r\n`
const MINUTE = Array.from({ length: 12 }, () => () => {})

/** `running`: the pids that have not ended. */
function watched(running = new Set<number>()) {
  const parts = windowsRepositories(
    { process: (pid) => ({ ...ENDED, startedAt: running.has(pid) ? '1' : null }) },
    () => ({ homes: async () => ({ homes: ['C:/Users/ann'], gaps: [] }) }),
  )
  const begin = (line: string, folder: string | null, pid = 1) =>
    parts.onProgram({ pid, image: null, args: commandArguments(line), folder })
  return { ...parts, begin }
}

function repository(host: FakeHost, at: string, url: string, log?: string) {
  put(host.tree, `${at}/.git/HEAD`, 'ref: refs/heads/main\n')
  put(host.tree, `${at}/.git/config`, `[remote "origin"]\r\n\turl = ${url}\r\n`)
  if (log) put(host.tree, `${at}/.git/logs/HEAD`, log)
}

async function found(host: FakeHost, parts: ReturnType<typeof watched>, polls: (() => void)[] = [], of?: Policy) {
  const seen = await watchPolls(parts.collector, host, polls, of, 'windows')
  return seen
    .flat()
    .map((it) => (it.category === 'repository' ? `${it.Action} ${it.Host} ${it.Namespace} ${it.Bytes}` : it.category))
}

describe('agent/collectors/windows/repositories', () => {
  const lines: [line: string, folder: string | null, found: string | null][] = [
    ['git clone https://h/a/b', 'C:/src', 'clone https://h/a/b C:/src/b'],
    ['"C:\\Program Files\\Git\\cmd\\git.exe" clone https://h/a/b D:\\x\\..\\y', null, 'clone https://h/a/b D:/y'],
    ['GIT.EXE -C D:\\src clone h:a/b', null, 'clone h:a/b D:/src/b'],
    ['git clone https://h/a/b \\\\?\\D:\\y', null, 'clone https://h/a/b D:/y'],
    ['git clone https://h/a/b \\\\server\\share\\b', 'C:/src', 'clone https://h/a/b null'],
    ['git clone https://h/a/b \\\\.\\pipe\\b', 'C:/src', 'clone https://h/a/b null'],
    ['git clone https://h/a/b D:b', 'C:/src', 'clone https://h/a/b null'],
    ['git clone https://h/a/b \\b', 'C:/src', 'clone https://h/a/b C:/b'],
    ['git clone https://h/a/b', '//server/share', 'clone https://h/a/b null'],
    ['git clone C:\\old\\api', 'C:/src', 'clone C:/old/api C:/src/api'],
    ['git -c credential.helper= clone --recursive -- https://h/a/b C:\\src\\b', null, 'clone https://h/a/b C:/src/b'],
    ['git -c credential.helper= push origin main:main --progress', 'C:/src', 'push origin null'],
    ['C:\\x\\gitk.exe clone https://h/a/b', 'C:/src', null],
  ]
  for (const [line, folder, wanted] of lines)
    it(`git: ${line} in ${folder}`, () => {
      const command = gitCommand(unixLike(commandArguments(line)), folder, 'windows')
      assert.equal(command && `${command.action} ${command.remote} ${command.target}`, wanted)
    })

  const remotes: [url: string, host: string | null, namespace: string | null][] = [
    ['C:/src/api', null, null],
    ['c:\\\\src\\\\api', null, null],
    ['//server/share/api.git', null, null],
    ['\\\\\\\\server\\\\share', null, null],
    ['git@github.com:acme/api.git', 'github.com', 'acme'],
    ['https://ann:pw@dev.azure.com/acme/p/_git/api', 'dev.azure.com', 'acme'],
  ]
  for (const [url, host, namespace] of remotes)
    it(`remote: ${url}`, () => {
      const remote = remoteOf(url, 'windows')
      assert.deepEqual([remote.host, remote.namespace], [host, namespace])
    })
  it('a folder that is written in two ways is one, and on Linux a host may be named C', () => {
    assert.equal(remoteOf('C:\\\\Src\\\\api', 'windows').key, remoteOf('c:/src/api', 'windows').key)
    assert.equal(remoteOf('c:/acme/api').host, 'c')
  })

  it('a push from a worktree, a submodule and a folder below: the remote of that repository', async () => {
    const host = fakeHost({})
    repository(host, 'C:/src/api', 'git@h.example:acme/api.git')
    put(host.tree, 'C:/src/api/.git/worktrees/w/HEAD', 'ref: x\n')
    put(host.tree, 'C:/src/api/.git/worktrees/w/commondir', '../..\n')
    put(host.tree, 'D:/w/.git', 'gitdir: C:/src/api/.git/worktrees/w\r\n')
    put(host.tree, 'C:/src/api/lib/.git', 'gitdir: ../.git/modules/lib\n')
    put(host.tree, 'C:/src/api/.git/modules/lib/HEAD', 'ref: x\n')
    put(host.tree, 'C:/src/api/.git/modules/lib/config', '[remote "origin"]\n\turl = https://h.example/other/lib\n')
    for (const [folder, wanted] of [
      ['C:\\src\\api\\deep\\er\\', 'push h.example acme null'],
      ['D:\\w\\', 'push h.example acme null'],
      ['C:\\src\\api\\lib\\', 'push h.example other null'],
    ] as const) {
      const parts = watched()
      parts.begin('git push', folder)
      assert.deepEqual(await found(host, parts), [wanted], folder)
    }
  })

  it('asks no other machine, whatever a .git file, a config or a working folder says', async () => {
    const host = fakeHost({})
    put(host.tree, 'C:/a/.git', 'gitdir: \\\\evil\\share\\git\n')
    put(host.tree, 'C:/b/.git', 'gitdir: //evil/share/git\n')
    repository(host, 'C:/c', 'https://h.example/a/c')
    put(
      host.tree,
      'C:/c/.git/config',
      '[include]\n\tpath = //evil/share/config\n[remote "o"]\n\turl = https://h.example/a/c',
    )
    const asked: string[] = []
    for (const name of ['stat', 'readText', 'list', 'entries'] as const) {
      const real = host[name] as (path: string) => Promise<never>
      host[name] = (path: string) => {
        asked.push(path)
        return real(path)
      }
    }
    const parts = watched()
    for (const folder of ['C:\\a\\', 'C:\\b\\', 'C:\\c\\', '\\\\evil\\share\\']) parts.begin('git push', folder)
    assert.deepEqual((await found(host, parts)).slice(-1), ['push null null null'])
    assert.ok(asked.includes('C:/c/.git/config'))
    assert.deepEqual(
      asked.filter((it) => !it.startsWith('C:')),
      [],
    )
  })

  it('a remote that the config includes', async () => {
    const host = fakeHost({ 'C:/src/shared/remotes': '[remote "origin"]\n\turl = https://h.example/acme/api\n' })
    put(host.tree, 'C:/src/api/.git/HEAD', 'ref: x\n')
    put(host.tree, 'C:/src/api/.git/config', '[core]\n\tbare = false\n[include]\n\tpath = ../../shared/remotes\n')
    const parts = watched()
    parts.begin('git push', 'C:\\src\\api\\')
    assert.deepEqual(await found(host, parts), ['push h.example acme null'])
  })

  it('a clone with its size when it has ended, whichever git.exe', async () => {
    const running = new Set([7, 8])
    const parts = watched(running)
    const host = fakeHost({})
    const app = 'C:\\Users\\ann\\AppData\\Local\\GitHubDesktop\\app-3.4.1\\resources\\app\\git'
    parts.begin(`${app}\\cmd\\git.exe clone --progress -- https://h.example/acme/api.git C:\\src\\api`, null, 7)
    // Git for Windows' launcher starts another program of that name.
    parts.begin(
      `${app}\\mingw64\\bin\\git.exe clone --progress -- https://h.example/acme/api.git C:\\src\\api`,
      null,
      8,
    )
    const end = () => {
      repository(host, 'C:/src/api', 'https://h.example/acme/api.git')
      put(host.tree, 'C:/src/api/.git/objects/pack/pack-1.pack', { data: '', size: 5_000 })
      running.clear()
    }
    assert.deepEqual(await found(host, parts, [() => {}, end, () => {}]), ['clone h.example acme 5000'])
  })

  it('a clone in a source root that no command line showed; a worktree there is none', async () => {
    const host = fakeHost({})
    put(host.tree, 'C:/Users/ann/src/x', '')
    const watchedRoots: Policy['watchedRoots'] = [
      { path: '~/src', kind: 'source' },
      { path: 'D:\\code\\', kind: 'source' },
      { path: '/srv/code', kind: 'source' },
      { path: '\\\\server\\share', kind: 'source' },
    ]
    const clone = () => {
      repository(host, 'D:/code/api', 'https://h.example/acme/api', CLONED)
      repository(host, 'C:/Users/ann/src/web', 'https://h.example/acme/web', CLONED)
      repository(host, 'E:/elsewhere/old', 'https://h.example/acme/old', CLONED)
      put(host.tree, 'E:/elsewhere/old/.git/worktrees/w/HEAD', 'ref: x\n')
      put(host.tree, 'E:/elsewhere/old/.git/worktrees/w/commondir', '../..\n')
      put(host.tree, 'D:/code/w/.git', 'gitdir: E:/elsewhere/old/.git/worktrees/w\n')
    }
    const seen = await found(host, watched(), [...MINUTE, clone, ...MINUTE], { ...policy, watchedRoots })
    assert.deepEqual(seen.sort(), ['clone h.example acme null', 'clone h.example acme null'])
  })
})
