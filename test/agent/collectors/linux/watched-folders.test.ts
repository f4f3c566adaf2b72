import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SWEEP_LIMITS, type SweepLimits } from '../../../../agent/collectors/shared/folder-sweep.ts'
import { type WatchFolder, watchFolder } from '../../../../agent/collectors/shared/folder-watcher.ts'
import { watchedFolders } from '../../../../agent/collectors/shared/watched-folders.ts'
import { linux } from '../../../../agent/host/linux.ts'
import type { Observation } from '../../../../wire/event.ts'
import type { Policy } from '../../../../wire/messages.ts'
import { checked, deniedFolder, type FakeHost, fakeHost, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

const asleep: WatchFolder = () => ({ close: async () => {} })
const file = (size: number, modifiedMs = 1, inode = 1) => ({ data: '', size, modifiedMs, inode })
const watching = (path: string, kind: Policy['watchedRoots'][number]['kind']): Policy => ({
  ...policy,
  watchedRoots: [{ path, kind }],
})
const EMPTY = '27 1 254:0 / / rw - ext4 /dev/vda rw\n'
const STICK = `${EMPTY}36 27 8:17 / /media/ann/STICK rw - vfat /dev/sdb1 rw\n`

describe('agent/collectors/linux/watched-folders', () => {
  it('existing files are the baseline; reports a few files per minute, many at once', async () => {
    const host = laptop({ '/home/ann/Dropbox/old.zip': file(9) })
    const polls = 36
    const reported = await watchPolls(
      watchedFolders(asleep),
      host,
      at(polls, {
        // The sweep at 60 s finds these two: the first burst of this root.
        5: () => {
          put(host.tree, '/home/ann/Dropbox/a.zip', file(100, 2, 2))
          put(host.tree, '/home/ann/Dropbox/deep/b.ts', file(10, 2, 3))
        },
      }),
    )
    assert.deepEqual(bursts(reported), ['sync /home/ann/Dropbox 2 files 110 bytes 1 archives 1 sources'])
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

  it('a file with holes is as large as what was written, where the file system says so', async () => {
    const grow = (path: string) => (host: FakeHost) =>
      put(host.tree, path, { ...file(10_000_000_000, 2, 2), allocated: 4_096 })
    const onDisk = laptop({ '/home/ann/Dropbox/old': file(9) })
    const reported = await watchPolls(
      watchedFolders(asleep),
      onDisk,
      at(36, { 5: () => grow('/home/ann/Dropbox/x')(onDisk) }),
    )
    assert.deepEqual(bursts(reported), ['sync /home/ann/Dropbox 1 files 4096 bytes 0 archives 0 sources'])
    const far = laptop({ '/home/ann/Dropbox/old': file(9) })
    put(far.tree, '/proc/self/mountinfo', `${EMPTY}36 27 0:60 / /home/ann/Dropbox rw - fuse.rclone far: rw\n`)
    const there = await watchPolls(watchedFolders(asleep), far, at(36, { 5: () => grow('/home/ann/Dropbox/x')(far) }))
    assert.deepEqual(bursts(there), ['sync /home/ann/Dropbox 1 files 10000000000 bytes 0 archives 0 sources'])
  })

  it('a change triggers an earlier sweep', async () => {
    const host = laptop({ '/home/ann/Dropbox/old': file(9) })
    let wake = () => {}
    const watch: WatchFolder = (root, _options, onWake) => {
      if (root === '/home/ann/Dropbox') wake = onWake
      return { close: async () => {} }
    }
    const reported = await watchPolls(
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
      reported.map((it) => it.length),
      [0, 0, 0, 1, 0],
    )
  })

  it('the existing files of a volume are its baseline; reports what is written to it', async () => {
    const host = laptop({})
    const reported = await watchPolls(
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
    assert.deepEqual(bursts(reported), ['removable /media/ann/STICK 1 files 62914560 bytes 1 archives 0 sources'])
  })

  it('reports pending changes when a volume is unmounted', async () => {
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
    const reported = await watchPolls(
      watchedFolders(watch),
      host,
      at(12, {
        1: () => write('a', 2),
        6: () => write('b', 3),
        9: () => put(host.tree, '/proc/self/mountinfo', EMPTY),
      }),
    )
    assert.deepEqual(
      reported.flatMap((it, poll) => it.map(() => poll)),
      [3, 10],
    )
  })

  it('reports all files of a sync folder that is created later, but not of one that is mounted with its home', async () => {
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

  it('reports names of files only in autostart folders', async () => {
    const host = laptop({ '/home/ann/.config/autostart/old.desktop': file(9) })
    const reported = await watchPolls(
      watchedFolders(asleep),
      host,
      at(40, {
        1: () => put(host.tree, '/home/ann/.config/autostart/anydesk.desktop', file(77, 2, 2)),
      }),
    )
    assert.deepEqual(
      reported.flat().map((it) => it.category === 'file_event' && [it.TargetFilename, it.Size]),
      [['/home/ann/.config/autostart/anydesk.desktop', 77]],
    )
  })

  it('reports unreadable folders, and does not report their files as new afterwards', async () => {
    const host = laptop({ '/home/ann/Dropbox/in/a': file(5), '/home/ann/Dropbox/b': file(5) })
    const inside = { a: file(5) }
    const reported = await watchPolls(
      watchedFolders(asleep),
      host,
      at(80, {
        1: () => put(host.tree, '/home/ann/Dropbox/in', deniedFolder),
        40: () => put(host.tree, '/home/ann/Dropbox/in', inside),
      }),
    )
    assert.deepEqual(bursts(reported), [])
  })

  it('reports a gap if there are more folders than it can watch', async () => {
    const host = laptop({ '/proc/sys/fs/inotify/max_user_watches': '8\n' })
    for (let n = 0; n < 20; n++) put(host.tree, `/home/ann/Dropbox/f${n}/x`, file(1))
    const [first] = await watchPolls(watchedFolders(asleep), host)
    assert.deepEqual(
      first!.map((it) => it.category === 'collection_gap' && `${it.Reason} ${it.About} ${it.Count}`),
      ['overflow watcher of /home/ann/Dropbox 21'],
    )
  })

  /** Two folders are listed by name, the others as sums. */
  const few: SweepLimits = { ...SWEEP_LIMITS, namedFiles: 10 }
  const wakesOf = (roots: Map<string, () => void>): WatchFolder => {
    return (root, _options, onWake) => {
      roots.set(root, onWake)
      return { close: async () => {} }
    }
  }

  for (const { name, modifiedMs } of [
    { name: 'with the time of writing', modifiedMs: null },
    { name: 'with preserved times (cp -a, tar)', modifiedMs: 1 },
  ])
    it(`reports all of many new files, ${name}, although few are listed by name`, async () => {
      const host = laptop({ '/home/ann/Dropbox/old': file(9) })
      const write = (folder: number) => {
        for (let n = 0; n < 50; n++)
          put(
            host.tree,
            `/home/ann/Dropbox/d${folder}/f${n}.zip`,
            file(10, modifiedMs ?? host.clock, 1_000 + folder * 50 + n),
          )
      }
      const archives: string[] = []
      const reported = await watchPolls(
        watchedFolders(asleep, (path) => void archives.push(path), few),
        host,
        at(50, { 1: () => write(0), 2: () => write(1), 25: () => [2, 3, 4].forEach(write) }),
      )
      assert.deepEqual(bursts(reported), [
        'sync /home/ann/Dropbox 100 files 1000 bytes 100 archives 0 sources',
        'sync /home/ann/Dropbox 150 files 1500 bytes 150 archives 0 sources',
      ])
      assert.deepEqual(gaps(reported), [])
      if (modifiedMs === null) assert.equal(new Set(archives).size, 250)
    })

  for (const { name, limits, expected } of [
    { name: 'folders', limits: { folders: 3 }, expected: 4 },
    { name: 'files', limits: { files: 4 }, expected: 5 },
    { name: 'levels', limits: { depth: 1 }, expected: 1 },
  ])
    it(`counts the folders beyond its limit of ${name}`, async () => {
      const host = laptop({ '/home/ann/Dropbox/d0/deeper/x': file(1) })
      for (let n = 0; n < 5; n++) put(host.tree, `/home/ann/Dropbox/d${n}/x`, { ...file(1), inode: n })
      for (let n = 0; n < 5; n++) put(host.tree, `/home/ann/Dropbox/d${n}/y`, { ...file(1), inode: 9 + n })
      const [first] = await watchPolls(
        watchedFolders(asleep, () => {}, { ...SWEEP_LIMITS, ...limits }),
        host,
      )
      const [gap] = first!.filter((it) => it.category === 'collection_gap')
      assert.deepEqual([gap?.About, gap?.Reason], ['/home/ann/Dropbox', 'overflow'])
      assert.ok(gap!.Count! >= 1 && gap!.Count! <= expected, `${gap!.Count}`)
    })

  it('reports names over several polls, and counts those beyond its limit', async () => {
    const host = laptop({ '/home/ann/.config/autostart/old.desktop': file(9) })
    const polls = at(140, {
      1: () => {
        for (let n = 0; n < 10_050; n++) put(host.tree, `/home/ann/.config/autostart/f${n}`, file(1, 2, 10 + n))
      },
    })
    const reported = await watchPolls(watchedFolders(asleep), host, polls)
    const names = reported.flat().flatMap((it) => (it.category === 'file_event' ? [it.TargetFilename] : []))
    assert.equal(new Set(names).size, 10_000)
    assert.ok(reported.every((it) => it.length <= 101))
    assert.deepEqual(gaps(reported), ['file_event overflow 50'])
  })

  it('a burst has the window since the previous sweep', async () => {
    const host = laptop({ '/home/ann/Dropbox/old': file(9) })
    const reported = await watchPolls(
      watchedFolders(asleep),
      host,
      at(30, { 18: () => put(host.tree, '/home/ann/Dropbox/new', file(1, 2, 2)) }),
    )
    const [burst] = reported.flat().filter((it) => it.category === 'file_burst')
    assert.equal(burst?.WindowSeconds, 60, 'the sweep before was a minute ago')
  })

  it('reports a gap for changes after the last sweep when the collector ends', async () => {
    const host = laptop({ '/home/ann/Dropbox/old': file(9) })
    const wakes = new Map<string, () => void>()
    const reported = await watchPolls(
      watchedFolders(wakesOf(wakes)),
      host,
      at(1, {
        0: () => {
          put(host.tree, '/home/ann/Dropbox/new', file(1, 2, 2))
          wakes.get('/home/ann/Dropbox')!()
        },
      }),
    )
    assert.deepEqual(gaps(reported), ['/home/ann/Dropbox stopped null'])
  })

  it('reports real files that are copied in bulk, with a real watcher', async function () {
    needsLinux(this)
    // Shorter than the minute after which a folder is swept without a watcher.
    this.timeout(59_000)
    const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
    const stop = new AbortController()
    try {
      const root = join(folder, 'staging')
      await mkdir(join(root, 'deep'), { recursive: true })
      await writeFile(join(root, 'old.ts'), 'x'.repeat(50))
      await writeFile(join(folder, 'source'), 'y'.repeat(1_000))
      const host = linux.host({ hmac: (it) => it, stateFolder: join(folder, 'memory') })
      const yielded: Observation[] = []
      let [ready, woken] = [false, false]
      const watch: WatchFolder = (path, options, onWake, onError) => {
        ready ||= path === root
        const wake: typeof onWake = (...args) => {
          woken ||= path === root
          onWake(...args)
        }
        return watchFolder(path, options, wake, onError)
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
      for await (const it of watchedFolders(watch).run(
        host,
        watching(root, 'staging'),
        stop.signal,
      ) as AsyncIterable<Observation>) {
        yielded.push(checked(it))
        if (it.category !== 'file_burst' || it.Root !== root) continue
        files += it.Files
        bytes += it.Bytes
        archives += it.Archives
        sources += it.SourceFiles
        if (files >= 201) stop.abort()
      }
      await copying
      assert.deepEqual([files, bytes, archives, sources], [201, 200_005, 100, 101])
      assert.ok(woken, 'the watcher reported nothing')
      assert.ok(!JSON.stringify(yielded.filter((it) => it.category === 'file_burst')).includes('.zip'))
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

/** Polls are 2 s apart. `steps`: poll → change. */
function at(polls: number, steps: Record<number, () => void>): (() => void)[] {
  return Array.from({ length: polls }, (_, poll) => steps[poll] ?? (() => {}))
}

function bursts(reported: Observation[][]): string[] {
  return reported
    .flat()
    .filter((it) => it.category === 'file_burst')
    .map(
      (it) =>
        `${it.RootKind} ${it.Root} ${it.Files} files ${it.Bytes} bytes ${it.Archives} archives ${it.SourceFiles} sources`,
    )
}

function gaps(reported: Observation[][]): string[] {
  return reported
    .flat()
    .flatMap((it) => (it.category === 'collection_gap' ? [`${it.About} ${it.Reason} ${it.Count}`] : []))
}
