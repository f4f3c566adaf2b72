/** What follows from programs that macOS' collector of processes tells: archives, clones and pushes. */
import assert from 'node:assert/strict'
import { processes } from '../../../../agent/collectors/macos/processes.ts'
import { macPlaces } from '../../../../agent/collectors/macos/watched-places.ts'
import { archives } from '../../../../agent/collectors/shared/archives.ts'
import type { IsRunning } from '../../../../agent/collectors/shared/programs.ts'
import { repositories } from '../../../../agent/collectors/shared/repositories.ts'
import type { Policy } from '../../../../wire/messages.ts'
import { fakeHost, policy, put, watchPolls } from '../../fake-host.ts'
import { type FakeMac, fakeMac, program } from './fake-mac.ts'

const isRunningOn =
  (mac: FakeMac): IsRunning =>
  async (_host, pid) =>
    mac.process(pid).startedAt !== null

/** Tells a program to those that listen, as a poll does. */
async function tell(
  mac: FakeMac,
  onProgram: Parameters<typeof processes>[2],
  pid: number,
  args: string[],
): Promise<void> {
  mac.table.set(pid, program(`/usr/bin/${args[0]}`, { args, folder: '/Users/ann' }))
  await watchPolls(processes(mac, { seen: 0, total: 0 }, onProgram), fakeHost({}), [], policy, 'macos')
}

describe('agent/collectors/macos, what follows from programs', () => {
  it('an encrypted archive in a sync folder, when its archiver has ended', async () => {
    const mac = fakeMac()
    const { onProgram, collector } = archives(macPlaces(mac), isRunningOn(mac))
    const out = '/Users/ann/Library/CloudStorage/Dropbox/out.zip'
    await tell(mac, [onProgram], 70, ['zip', '-re', out, 'src'])
    const host = fakeHost({ [out]: { data: '', size: 5_000_000 } })
    const found = await watchPolls(collector, host, [() => {}, () => mac.table.delete(70)], policy, 'macos')
    assert.deepEqual(
      found.map((poll) =>
        poll.map((it) => it.category === 'archive_created' && [it.RootKind, it.Bytes, it.Encrypted, it.Image]),
      ),
      [[], [], [['sync', 5_000_000, true, '/usr/bin/zip']]],
    )
  })

  it('a push, and a clone with its size; a clone that came while nothing was seen of it', async () => {
    const mac = fakeMac()
    const { onProgram, collector } = repositories(macPlaces(mac), isRunningOn(mac))
    await tell(mac, [onProgram], 71, ['git', 'push', 'https://gitlab.example/ann/out.git'])
    await tell(mac, [onProgram], 72, ['git', 'clone', 'https://github.com/acme/api.git', '/Users/ann/api'])
    mac.table.delete(72)
    const config = (url: string) => `[remote "origin"]\n\turl = ${url}\n`
    const host = fakeHost({
      '/Users/ann/api/.git/HEAD': 'ref: refs/heads/main\n',
      '/Users/ann/api/.git/config': config('https://github.com/acme/api.git'),
      '/Users/ann/api/.git/objects/pack/pack-1.pack': { data: '', size: 700 },
    })
    const later = () => {
      put(host.tree, '/Users/ann/src/web/.git/HEAD', 'ref: refs/heads/main\n')
      put(host.tree, '/Users/ann/src/web/.git/config', config('git@github.com:acme/web.git'))
      put(
        host.tree,
        '/Users/ann/src/web/.git/logs/HEAD',
        `${'0'.repeat(40)} ${'a'.repeat(40)} A <a@b> 1 +0000\tclone: from x\n`,
      )
    }
    const source: Policy = { ...policy, watchedRoots: [{ path: '~/src', kind: 'source' }] }
    put(host.tree, '/Users/ann/src/readme', '')
    const polls = Array.from({ length: 26 }, (_, n) => () => (n === 1 ? later() : undefined))
    const found = await watchPolls(collector, host, polls, source, 'macos')
    assert.deepEqual(
      found.flat().map((it) => it.category === 'repository' && `${it.Action} ${it.Host} ${it.Namespace} ${it.Bytes}`),
      ['push gitlab.example ann null', 'clone github.com acme 700', 'clone github.com acme null'],
    )
  })
})
