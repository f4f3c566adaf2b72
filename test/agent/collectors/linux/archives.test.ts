import assert from 'node:assert/strict'
import { archiveOf, archives } from '../../../../agent/collectors/shared/archives.ts'
import type { Observation } from '../../../../wire/event.ts'
import type { Policy } from '../../../../wire/messages.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { type FakeHost, fakeHost, policy, put, watchPolls } from '../../fake-host.ts'

const SYNC: Policy = { ...policy, watchedRoots: [{ path: '/home/ann/Box', kind: 'sync' }] }
const reported = (polls: Observation[][]) =>
  polls.map((poll) =>
    poll.map((it) =>
      it.category === 'archive_created'
        ? [it.RootKind, it.Bytes, it.Parts, it.Encrypted, it.Image].join(' ')
        : it.category === 'collection_gap'
          ? `gap ${it.Reason} ${it.Count}`
          : it.category,
    ),
  )
const MEGABYTE = 1_048_576
const sized = (size: number) => ({ data: '', size, modifiedMs: size })

function begin(archiveParts: ReturnType<typeof archives>, host: FakeHost, line: string, folder = '/w', pid = 7): void {
  put(host.tree, `/proc/${pid}/stat`, 'x')
  const args = line.split(' ')
  archiveParts.onProgram({ pid, image: `/usr/bin/${args[0]}`, args, folder })
}
const end = (host: FakeHost, pid = 7) => put(host.tree, `/proc/${pid}`, undefined)

describe('agent/collectors/linux/archives', () => {
  it('finds the archive that a part belongs to', () =>
    assert.deepEqual(['x.7z.001', 'x.z01', 'x.part12.rar', 'x.zip', 'x.tar.gz'].map(archiveOf), [
      'x.7z',
      'x.zip',
      'x.rar',
      'x.zip',
      'x.tar.gz',
    ]))

  it('reports an archive when it has stopped growing and its archiver has exited', async () => {
    const host = fakeHost({ '/w/x': '' })
    const archiveParts = archives()
    const polls = await watchPolls(archiveParts.collector, host, [
      () => begin(archiveParts, host, 'zip -re out.zip src'),
      () => put(host.tree, '/w/out.zip', sized(500)),
      () => {},
      () => end(host),
      () => {},
    ])
    assert.deepEqual(reported(polls).slice(0, 4), [[], [], [], []])
    assert.deepEqual(reported(polls).flat(), [' 500 1 true /usr/bin/zip'])
  })

  it('a clock that is ahead for a moment loses no unfinished archive', async () => {
    const host = fakeHost({ '/w/x': '' })
    const archiveParts = archives()
    const polls = await watchPolls(archiveParts.collector, host, [
      () => begin(archiveParts, host, 'zip -r out.zip src'),
      () => host.setClock(15 * DAY),
      () => {
        host.setClock(-15 * DAY)
        put(host.tree, '/w/out.zip', sized(500))
        end(host)
      },
      () => {},
    ])
    assert.deepEqual(reported(polls).flat(), [' 500 1 false /usr/bin/zip'])
  })

  it('reports parts as one archive', async () => {
    const host = fakeHost({ '/home/ann/Box/x': '' })
    const archiveParts = archives()
    const polls = await watchPolls(
      archiveParts.collector,
      host,
      [
        () => begin(archiveParts, host, '7z a -px -v1m out.7z src', '/home/ann/Box'),
        () => {
          for (const part of ['001', '002', '003']) put(host.tree, `/home/ann/Box/out.7z.${part}`, sized(100))
          end(host)
          archiveParts.onArchive('/home/ann/Box/out.7z.002')
        },
        () => {},
      ],
      SYNC,
    )
    assert.deepEqual(reported(polls).flat(), ['sync 300 3 true /usr/bin/7z'])
  })

  it('reports archives in watched folders from a megabyte on, once', async () => {
    const host = fakeHost({
      '/home/ann/Box/small.zip': sized(9_000),
      '/home/ann/Box/large.tar.gz': sized(2 * MEGABYTE),
    })
    const archiveParts = archives()
    const change = () => {
      archiveParts.onArchive('/home/ann/Box/small.zip')
      archiveParts.onArchive('/home/ann/Box/large.tar.gz')
    }
    const polls = await watchPolls(archiveParts.collector, host, [change, () => {}, change, () => {}, () => {}], SYNC)
    assert.deepEqual(reported(polls).flat(), [`sync ${2 * MEGABYTE} 1  `])
  })

  it('drops an archive that never appears', async () => {
    const host = fakeHost({})
    const archiveParts = archives()
    const later = () => put(host.tree, '/w/out.zip', sized(500))
    const polls = await watchPolls(archiveParts.collector, host, [
      () => {
        begin(archiveParts, host, 'zip -r out.zip src')
        end(host)
      },
      () => {},
      later,
      () => {},
      () => {},
    ])
    assert.deepEqual(reported(polls).flat(), [])
  })

  it('reports fifty per poll, and counts those beyond its limit', async () => {
    const host = fakeHost({ '/home/ann/Box/x': '' })
    for (let n = 0; n < 300; n++) put(host.tree, `/home/ann/Box/${n}.zip`, sized(2 * MEGABYTE + n))
    const archiveParts = archives()
    for (let n = 0; n < 300; n++) archiveParts.onArchive(`/home/ann/Box/${n}.zip`)
    const unchanged = Array.from({ length: 8 }, () => () => {})
    const polls = reported(await watchPolls(archiveParts.collector, host, unchanged, SYNC))
    assert.deepEqual(polls[0], [`gap overflow ${300 - 256}`])
    assert.ok(polls.every((it) => it.length <= 50))
    assert.equal(new Set(polls.slice(1).flat()).size, 256)
  })

  it('counts an archive that still grows after six hours', async () => {
    const host = fakeHost({ '/w/x': '' })
    const archiveParts = archives()
    let size = 0
    const grow = () => put(host.tree, '/w/out.zip', sized((size += 500)))
    const polls = await watchPolls(archiveParts.collector, host, [
      () => {
        begin(archiveParts, host, 'zip -r out.zip src')
        grow()
      },
      grow,
      () => {
        grow()
        host.clock += 7 * HOUR
      },
      grow,
      () => {},
    ])
    assert.deepEqual(reported(polls).flat(), ['gap overflow 1'])
  })
})
