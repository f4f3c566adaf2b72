import assert from 'node:assert/strict'
import { archiveOf, archives } from '../../../../agent/collectors/linux/archives.ts'
import type { Observation } from '../../../../wire/event.ts'
import type { Policy } from '../../../../wire/messages.ts'
import { type FakeHost, fakeHost, policy, put, watchPolls } from '../../fake-host.ts'

const SYNC: Policy = { ...policy, watchedRoots: [{ path: '/home/ann/Box', kind: 'sync' }] }
const said = (polls: Observation[][]) =>
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

function begin(packed: ReturnType<typeof archives>, host: FakeHost, line: string, folder = '/w', pid = 7): void {
  put(host.tree, `/proc/${pid}/stat`, 'x')
  const args = line.split(' ')
  packed.onProgram({ pid, image: `/usr/bin/${args[0]}`, args, folder })
}
const end = (host: FakeHost, pid = 7) => put(host.tree, `/proc/${pid}`, undefined)

describe('agent/collectors/linux/archives', () => {
  it('finds the archive a part belongs to', () =>
    assert.deepEqual(['x.7z.001', 'x.z01', 'x.part12.rar', 'x.zip', 'x.tar.gz'].map(archiveOf), [
      'x.7z',
      'x.zip',
      'x.rar',
      'x.zip',
      'x.tar.gz',
    ]))

  it('is told once it has stopped growing and its archiver has ended', async () => {
    const host = fakeHost({ '/w/x': '' })
    const packed = archives()
    const polls = await watchPolls(packed.collector, host, [
      () => begin(packed, host, 'zip -re out.zip src'),
      () => put(host.tree, '/w/out.zip', sized(500)),
      () => {},
      () => end(host),
      () => {},
    ])
    assert.deepEqual(said(polls).slice(0, 4), [[], [], [], []])
    assert.deepEqual(said(polls).flat(), [' 500 1 true /usr/bin/zip'])
  })

  it('a clock that is ahead for a moment forgets no archive that is being made', async () => {
    const host = fakeHost({ '/w/x': '' })
    const packed = archives()
    const polls = await watchPolls(packed.collector, host, [
      () => begin(packed, host, 'zip -r out.zip src'),
      () => host.setClock(15 * 86_400_000),
      () => {
        host.setClock(-15 * 86_400_000)
        put(host.tree, '/w/out.zip', sized(500))
        end(host)
      },
      () => {},
    ])
    assert.deepEqual(said(polls).flat(), [' 500 1 false /usr/bin/zip'])
  })

  it('parts are one archive', async () => {
    const host = fakeHost({ '/home/ann/Box/x': '' })
    const packed = archives()
    const polls = await watchPolls(
      packed.collector,
      host,
      [
        () => begin(packed, host, '7z a -px -v1m out.7z src', '/home/ann/Box'),
        () => {
          for (const part of ['001', '002', '003']) put(host.tree, `/home/ann/Box/out.7z.${part}`, sized(100))
          end(host)
          packed.onArchive('/home/ann/Box/out.7z.002')
        },
        () => {},
      ],
      SYNC,
    )
    assert.deepEqual(said(polls).flat(), ['sync 300 3 true /usr/bin/7z'])
  })

  it('what appears in a watched folder is told from a megabyte on, and once', async () => {
    const host = fakeHost({
      '/home/ann/Box/small.zip': sized(9_000),
      '/home/ann/Box/large.tar.gz': sized(2 * MEGABYTE),
    })
    const packed = archives()
    const stir = () => {
      packed.onArchive('/home/ann/Box/small.zip')
      packed.onArchive('/home/ann/Box/large.tar.gz')
    }
    const polls = await watchPolls(packed.collector, host, [stir, () => {}, stir, () => {}, () => {}], SYNC)
    assert.deepEqual(said(polls).flat(), [`sync ${2 * MEGABYTE} 1  `])
  })

  it('one that never came is forgotten', async () => {
    const host = fakeHost({})
    const packed = archives()
    const later = () => put(host.tree, '/w/out.zip', sized(500))
    const polls = await watchPolls(packed.collector, host, [
      () => {
        begin(packed, host, 'zip -r out.zip src')
        end(host)
      },
      () => {},
      later,
      () => {},
      () => {},
    ])
    assert.deepEqual(said(polls).flat(), [])
  })

  it('tells fifty a look, the rest at the next ones, and counts what it cannot wait for', async () => {
    const host = fakeHost({ '/home/ann/Box/x': '' })
    for (let n = 0; n < 300; n++) put(host.tree, `/home/ann/Box/${n}.zip`, sized(2 * MEGABYTE + n))
    const packed = archives()
    for (let n = 0; n < 300; n++) packed.onArchive(`/home/ann/Box/${n}.zip`)
    const looks = Array.from({ length: 8 }, () => () => {})
    const polls = said(await watchPolls(packed.collector, host, looks, SYNC))
    assert.deepEqual(polls[0], [`gap overflow ${300 - 256}`])
    assert.ok(polls.every((it) => it.length <= 50))
    assert.equal(new Set(polls.slice(1).flat()).size, 256)
  })

  it('one that still grows after six hours is counted', async () => {
    const host = fakeHost({ '/w/x': '' })
    const packed = archives()
    let size = 0
    const grow = () => put(host.tree, '/w/out.zip', sized((size += 500)))
    const polls = await watchPolls(packed.collector, host, [
      () => {
        begin(packed, host, 'zip -r out.zip src')
        grow()
      },
      grow,
      () => {
        grow()
        host.clock += 7 * 3_600_000
      },
      grow,
      () => {},
    ])
    assert.deepEqual(said(polls).flat(), ['gap overflow 1'])
  })
})
