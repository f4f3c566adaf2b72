import assert from 'node:assert/strict'
import {
  changes,
  emptyTally,
  type FileFacts,
  type FolderView,
  keepDenied,
  SWEEP_LIMITS,
  sweep,
  type View,
} from '../../../../agent/collectors/shared/folder-sweep.ts'
import { deniedFolder, fakeHost } from '../../fake-host.ts'

const facts = (size: number, modifiedMs: number, inode: number): FileFacts => ({ size, modifiedMs, inode })
const entry = { kind: 'file', size: 1, allocated: 512, modifiedMs: 1, uid: 0 } as const
const files = (...all: [string, FileFacts][]): FolderView => new Map(all)
const sums = (count: number, bytes: number, recent = 0): FolderView => ({
  ...emptyTally(),
  files: count,
  bytes,
  recent: { ...emptyTally(), files: recent, bytes: recent },
})
const view = (folders: Record<string, FolderView>): View => new Map(Object.entries(folders))

describe('agent/collectors/shared/folder-sweep', () => {
  const a = facts(5, 1, 1)
  for (const [name, before, now, named, tally] of [
    ['new', {}, { '/r': files(['a', a]) }, ['/r/a 5'], '1 files 5 bytes'],
    ['grown', { '/r': files(['a', a]) }, { '/r': files(['a', facts(8, 2, 1)]) }, ['/r/a 3'], '1 files 3 bytes'],
    ['shrunk', { '/r': files(['a', a]) }, { '/r': files(['a', facts(2, 2, 1)]) }, ['/r/a 0'], '1 files 0 bytes'],
    ['replaced', { '/r': files(['a', a]) }, { '/r': files(['a', facts(6, 1, 2)]) }, ['/r/a 6'], '1 files 6 bytes'],
    ['the same', { '/r': files(['a', a]) }, { '/r': files(['a', a]) }, [], '0 files 0 bytes'],
    ['removed', { '/r': files(['a', a]) }, { '/r': files() }, [], '0 files 0 bytes'],
    [
      'moved',
      { '/r': files(['a', a]), '/r/s': files() },
      { '/r': files(), '/r/s': files(['b', a]) },
      [],
      '0 files 0 bytes',
    ],
    [
      'an inode used again',
      { '/r': files(['a', a]) },
      { '/r': files(['b', facts(7, 2, 1)]) },
      ['/r/b 7'],
      '1 files 7 bytes',
    ],
    ['a folder of sums that grew', { '/r': sums(5, 50) }, { '/r': sums(7, 90) }, [], '2 files 40 bytes'],
    ['a folder of sums that shrank', { '/r': sums(5, 50) }, { '/r': sums(4, 40) }, [], '0 files 0 bytes'],
    ['a new folder of sums', {}, { '/r': sums(5, 50) }, [], '5 files 50 bytes'],
    ['names that were replaced by sums', { '/r': files(['a', a]) }, { '/r': sums(3, 11) }, [], '2 files 6 bytes'],
    [
      'sums that were replaced by names',
      { '/r': sums(1, 4) },
      { '/r': files(['a', a], ['b', a]) },
      [],
      '1 files 6 bytes',
    ],
  ] as [string, Record<string, FolderView>, Record<string, FolderView>, string[], string][])
    it(`change: ${name}`, () => {
      const found = changes(view(before), view(now))
      assert.deepEqual(
        [...found.named].map(([path, bytes]) => `${path} ${bytes}`),
        named,
      )
      assert.equal(`${found.files} files ${found.bytes} bytes`, tally)
    })

  it('in a folder that the last sweep skipped, only files written since then count', () => {
    const now = view({ '/r/new': files(['old', a], ['fresh', facts(7, 900, 2)]), '/r/sums': sums(50, 500, 3) })
    const found = changes(new Map(), now, 800)
    assert.deepEqual([[...found.named.keys()], found.files, found.bytes], [['/r/new/fresh'], 4, 10])
  })

  it('lists files by name up to the limit, then sums, with the names of new archives', async () => {
    const file = (size: number, modifiedMs: number) => ({ data: '', size, modifiedMs })
    const host = fakeHost({
      '/r/a': file(1, 1),
      '/r/many/b.zip': file(10, 50),
      '/r/many/c.py': file(10, 1),
      '/r/many/d': file(10, 50),
      '/r/denied': deniedFolder,
      '/r/node_modules/x': file(9, 1),
    })
    const found = await sweep(host, '/r', 50, { ...SWEEP_LIMITS, namedFiles: 2 })
    assert.deepEqual(found.view.get('/r/many'), {
      files: 3,
      bytes: 30,
      archives: 1,
      sources: 1,
      recent: { files: 2, bytes: 20, archives: 1, sources: 0 },
    })
    assert.deepEqual([found.archives, [...found.denied], found.skipped], [['/r/many/b.zip'], ['/r/denied'], 0])
    assert.equal(found.view.has('/r/node_modules'), false)
  })
  it('says which folders could not be read, and keeps what it knew of them', async () => {
    const host = fakeHost({ '/r/a/x': 'x', '/r/long/y': 'y' })
    const before = await sweep(host, '/r', 0)
    const { parts } = host
    host.parts = (path) => {
      if (path === '/r/long') throw Object.assign(new Error('ENAMETOOLONG: too long'), { code: 'ENAMETOOLONG' })
      if (path === '/r/a') throw Object.assign(new Error('ENOENT: gone'), { code: 'ENOENT' })
      return parts(path)
    }
    const after = await sweep(host, '/r', 0)
    assert.deepEqual([[...after.failed], String(after.failure)], [['/r/long'], 'Error: ENAMETOOLONG: too long'])
    keepDenied(before.view, after.view, after.failed)
    assert.equal(changes(after.view, before.view).named.has('/r/long/y'), false, 'it is not new when it can be read')
    assert.equal(changes(after.view, before.view).named.has('/r/a/x'), true)
  })

  it('stops in a folder that has more files than all together may have', async () => {
    const host = fakeHost({})
    host.parts = async function* () {
      for (let n = 0; ; n += 10)
        yield Array.from({ length: 10 }, (_, i) => ({ name: `${n + i}`, ...entry, inode: n + i }))
    }
    const found = await sweep(host, '/r', 0, { ...SWEEP_LIMITS, files: 100, namedFiles: 50 })
    assert.deepEqual([(found.view.get('/r') as { files: number }).files, found.skipped], [100, 1])
  })
})
