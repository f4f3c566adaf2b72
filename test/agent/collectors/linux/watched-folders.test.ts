import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileFacts, findRoots, newer, watchedFolders } from '../../../../agent/collectors/linux/watched-folders.ts'
import { type WatchFolder, watchFolder } from '../../../../agent/collectors/shared/folder-wakes.ts'
import { realHost } from '../../../../agent/host/host.ts'
import type { Observation } from '../../../../wire/event.ts'
import type { Policy } from '../../../../wire/messages.ts'
import { deniedFolder, type FakeHost, fakeHost, link, onTheWire, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

const asleep: WatchFolder = () => ({ close: async () => {} })
const file = (size: number, modifiedMs = 1, inode = 1) => ({ data: '', size, modifiedMs, inode })
const facts = (size: number, modifiedMs: number, inode: number): FileFacts => ({ size, modifiedMs, inode })
const watching = (path: string, kind: Policy['watchedRoots'][number]['kind']): Policy => ({
  ...policy,
  watchedRoots: [{ path, kind }],
})
const EMPTY = '27 1 254:0 / / rw - ext4 /dev/vda rw\n'
const STICK = `${EMPTY}36 27 8:17 / /media/ann/STICK rw - vfat /dev/sdb1 rw\n`

describe('watched-folders', () => {
  const changes: [
    name: string,
    before: [string, FileFacts][],
    now: [string, FileFacts][],
    expected: [string, number][],
  ][] = [
    ['new', [], [['/a', facts(5, 1, 1)]], [['/a', 5]]],
    ['grown', [['/a', facts(5, 1, 1)]], [['/a', facts(8, 2, 1)]], [['/a', 3]]],
    ['shrunk', [['/a', facts(5, 1, 1)]], [['/a', facts(2, 2, 1)]], [['/a', 0]]],
    ['replaced by another file', [['/a', facts(5, 1, 1)]], [['/a', facts(6, 1, 2)]], [['/a', 6]]],
    ['the same', [['/a', facts(5, 1, 1)]], [['/a', facts(5, 1, 1)]], []],
    ['removed', [['/a', facts(5, 1, 1)]], [], []],
    ['moved within', [['/a', facts(5, 1, 1)]], [['/b', facts(5, 1, 1)]], []],
    ['an inode used again', [['/a', facts(5, 1, 1)]], [['/b', facts(7, 2, 1)]], [['/b', 7]]],
  ]
  for (const [name, before, now, expected] of changes)
    it(`change: ${name}`, () => assert.deepEqual([...newer(new Map(before), new Map(now))], expected))

  it('finds the roots: policy, sync clients, autostart, removable and shared mounts', async () => {
    const host = fakeHost({
      '/data/Dropbox/x': '',
      '/home/ann/Dropbox': link('/data/Dropbox'),
      '/home/ann/OneDrive - Acme/x': '',
      '/home/ann/Documents/x': '',
      '/home/ann/.config/autostart/x': '',
      '/home/ann/Box': 'a file',
      '/srv/staging/x': '',
      '/media/ann/MY STICK/x': '',
      '/mnt/share/x': '',
      '/mnt/inner/x': '',
      '/sys/class/block/sda3': link('/sys/devices/pci0/ata1/block/sda/sda3'),
      '/sys/block/sda/removable': '0\n',
      '/data/x': '',
    })
    const mounts = `${EMPTY}1 27 7:0 / /media/ann/MY\\040STICK rw - vfat /dev/loop0 rw\n2 27 0:60 / /mnt/share rw - nfs4 h:/e rw\n3 27 8:18 / /data rw - ext4 /dev/sda2 rw\n4 27 8:19 / /mnt/inner rw - ext4 /dev/sda3 rw\n`
    const asked = {
      ...policy,
      watchedRoots: [
        { path: '~/Documents', kind: 'source' as const },
        { path: '/srv/staging/', kind: 'staging' as const },
        { path: '/', kind: 'source' as const },
      ],
    }
    assert.deepEqual(await findRoots(host, asked, ['/home/ann', '/root'], mounts), [
      { path: '/home/ann/Documents', kind: 'source', mounted: false },
      { path: '/srv/staging', kind: 'staging', mounted: false },
      { path: '/home/ann/.config/autostart', kind: 'autostart', mounted: false },
      { path: '/data/Dropbox', kind: 'sync', mounted: false },
      { path: '/home/ann/OneDrive - Acme', kind: 'sync', mounted: false },
      { path: '/media/ann/MY STICK', kind: 'removable', mounted: true },
      { path: '/mnt/share', kind: 'share', mounted: true },
    ])
  })

  it('what was there is the baseline; a few files are merged by the minute, many are said at once', async () => {
    const host = laptop({ '/home/ann/Dropbox/old.zip': file(9) })
    const polls = 36
    const said = await watchPolls(
      watchedFolders(asleep),
      host,
      at(polls, {
        // The sweep at 60 s sees these two: the first burst of this root.
        5: () => {
          put(host.tree, '/home/ann/Dropbox/a.zip', file(100, 2, 2))
          put(host.tree, '/home/ann/Dropbox/deep/b.ts', file(10, 2, 3))
        },
      }),
    )
    assert.deepEqual(bursts(said), ['sync /home/ann/Dropbox 2 files 110 bytes 1 archives 1 sources'])
    const many = await watchPolls(
      watchedFolders(asleep),
      host,
      at(polls, {
        1: () => {
          for (let n = 0; n < 25; n++) put(host.tree, `/home/ann/Dropbox/n${n}`, file(1, 2, 100 + n))
        },
      }),
    )
    assert.deepEqual(bursts(many), ['sync /home/ann/Dropbox 25 files 25 bytes 0 archives 0 sources'])
  })

  it('a wake brings the sweep forward', async () => {
    const host = laptop({ '/home/ann/Dropbox/old': file(9) })
    let wake = () => {}
    const watch: WatchFolder = (root, _options, onWake) => {
      if (root === '/home/ann/Dropbox') wake = onWake
      return { close: async () => {} }
    }
    const said = await watchPolls(
      watchedFolders(watch),
      host,
      at(4, {
        1: () => {
          put(host.tree, '/home/ann/Dropbox/new', file(1, 2, 2))
          wake()
        },
      }),
    )
    assert.deepEqual(
      said.map((it) => it.length),
      [0, 0, 0, 1, 0],
    )
  })

  it('what a volume brings along is its baseline; what is written to it is not', async () => {
    const host = laptop({})
    const said = await watchPolls(
      watchedFolders(asleep),
      host,
      at(70, {
        2: () => {
          put(host.tree, '/media/ann/STICK/theirs.zip', file(1_000))
          put(host.tree, '/proc/self/mountinfo', STICK)
        },
        20: () => put(host.tree, '/media/ann/STICK/ours.7z', file(60 * 1_048_576, 3, 9)),
        60: () => put(host.tree, '/proc/self/mountinfo', EMPTY),
      }),
    )
    assert.deepEqual(bursts(said), ['removable /media/ann/STICK 1 files 62914560 bytes 1 archives 0 sources'])
  })

  it('says what is left when a volume goes', async () => {
    const host = laptop({ '/proc/self/mountinfo': STICK, '/media/ann/STICK/old': file(1) })
    let wake = () => {}
    const watch: WatchFolder = (_root, _options, onWake) => {
      wake = onWake
      return { close: async () => {} }
    }
    const write = (name: string, inode: number) => {
      put(host.tree, `/media/ann/STICK/${name}`, file(7, inode, inode))
      wake()
    }
    const said = await watchPolls(
      watchedFolders(watch),
      host,
      at(12, {
        1: () => write('a', 2),
        6: () => write('b', 3),
        9: () => put(host.tree, '/proc/self/mountinfo', EMPTY),
      }),
    )
    assert.deepEqual(
      said.flatMap((it, poll) => it.map(() => poll)),
      [3, 10],
    )
  })

  it('a sync folder that is made later is all news; one that comes with its home is not', async () => {
    const host = laptop({ '/home/ann/x': '' })
    const made = await watchPolls(
      watchedFolders(asleep),
      host,
      at(40, { 1: () => put(host.tree, '/home/ann/MEGA/a.zip', file(5)) }),
    )
    assert.deepEqual(bursts(made), ['sync /home/ann/MEGA 1 files 5 bytes 1 archives 0 sources'])
    const other = laptop({})
    const came = await watchPolls(
      watchedFolders(asleep),
      other,
      at(40, { 1: () => put(other.tree, '/home/ann/MEGA/a.zip', file(5)) }),
    )
    assert.deepEqual(bursts(came), [])
  })

  it('names files in autostart folders only', async () => {
    const host = laptop({ '/home/ann/.config/autostart/old.desktop': file(9) })
    const said = await watchPolls(
      watchedFolders(asleep),
      host,
      at(40, {
        1: () => put(host.tree, '/home/ann/.config/autostart/anydesk.desktop', file(77, 2, 2)),
      }),
    )
    assert.deepEqual(
      said.flat().map((it) => it.category === 'file_event' && [it.TargetFilename, it.Size]),
      [['/home/ann/.config/autostart/anydesk.desktop', 77]],
    )
  })

  it('says what it may not read, and does not take it for new afterwards', async () => {
    const host = laptop({ '/home/ann/Dropbox/in/a': file(5), '/home/ann/Dropbox/b': file(5) })
    const inside = { a: file(5) }
    const said = await watchPolls(
      watchedFolders(asleep),
      host,
      at(80, {
        1: () => put(host.tree, '/home/ann/Dropbox/in', deniedFolder),
        40: () => put(host.tree, '/home/ann/Dropbox/in', inside),
      }),
    )
    assert.deepEqual(bursts(said), [])
  })

  it('says overflow where there is more than it can watch', async () => {
    const host = laptop({ '/proc/sys/fs/inotify/max_user_watches': '8\n' })
    for (let n = 0; n < 20; n++) put(host.tree, `/home/ann/Dropbox/f${n}/x`, file(1))
    const [first] = await watchPolls(watchedFolders(asleep), host)
    assert.deepEqual(
      first!.map((it) => it.category === 'collection_gap' && `${it.Reason} ${it.About} ${it.Count}`),
      ['overflow wakes of /home/ann/Dropbox 21'],
    )
  })

  it('sees real files copied in bulk, through a real watcher', async function () {
    needsLinux(this)
    this.timeout(60_000)
    const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
    const stop = new AbortController()
    try {
      const root = join(folder, 'staging')
      await mkdir(join(root, 'deep'), { recursive: true })
      await writeFile(join(root, 'old.ts'), 'x'.repeat(50))
      await writeFile(join(folder, 'source'), 'y'.repeat(1_000))
      const host = realHost({ hmac: (it) => it, memoryFolder: join(folder, 'memory') })
      const told: Observation[] = []
      let ready = false
      const watch: WatchFolder = (path, options, onWake, onError) => {
        ready ||= path === root
        return watchFolder(path, options, onWake, onError)
      }
      const copy = async () => {
        for (let n = 0; n < 200; n++)
          await copyFile(join(folder, 'source'), join(root, 'deep', `${n}${n % 2 ? '.zip' : '.py'}`))
        await appendFile(join(root, 'old.ts'), 'grown')
        await rename(join(root, 'deep', '0.py'), join(root, 'moved.py'))
      }
      const sleep = host.sleep
      let copying: Promise<void> | null = null
      host.sleep = async (ms, signal) => {
        if (ready) copying ??= copy()
        await sleep(ms, signal)
      }
      let [files, bytes, archives, sources] = [0, 0, 0, 0]
      const began = Date.now()
      for await (const it of watchedFolders(watch).run(
        host,
        watching(root, 'staging'),
        stop.signal,
      ) as AsyncIterable<Observation>) {
        told.push(onTheWire(it))
        if (it.category !== 'file_burst' || it.Root !== root) continue
        files += it.Files
        bytes += it.Bytes
        archives += it.Archives
        sources += it.SourceFiles
        if (files >= 201) stop.abort()
      }
      await copying
      assert.deepEqual([files, bytes, archives, sources], [201, 200_005, 100, 101])
      assert.ok(Date.now() - began < 45_000, 'the watcher woke the sweep, the minute did not')
      assert.ok(!JSON.stringify(told.filter((it) => it.category === 'file_burst')).includes('.zip'))
    } finally {
      stop.abort()
      await rm(folder, { recursive: true, force: true })
    }
  })
})

function laptop(nodes: Parameters<typeof fakeHost>[0]): FakeHost {
  return fakeHost({
    '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/bash\n',
    '/proc/self/mountinfo': EMPTY,
    '/proc/sys/fs/inotify/max_user_watches': '65536\n',
    ...nodes,
  })
}

/** Polls are 2 s apart; what is not named changes nothing. */
function at(polls: number, steps: Record<number, () => void>): (() => void)[] {
  return Array.from({ length: polls }, (_, poll) => steps[poll] ?? (() => {}))
}

function bursts(said: Observation[][]): string[] {
  return said
    .flat()
    .filter((it) => it.category === 'file_burst')
    .map(
      (it) =>
        `${it.RootKind} ${it.Root} ${it.Files} files ${it.Bytes} bytes ${it.Archives} archives ${it.SourceFiles} sources`,
    )
}
