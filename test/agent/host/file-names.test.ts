import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bounded } from '../../../agent/collectors/shared/bounded.ts'
import { sweep } from '../../../agent/collectors/shared/folder-sweep.ts'
import { nameOf, pathOf } from '../../../agent/host/file-names.ts'
import { fileHost } from '../../../agent/host/files.ts'
import type { Host, Places } from '../../../agent/host/host.ts'
import { guardedHost } from '../../../agent/supervisor/guarded-host.ts'
import { Reader } from '../../../agent/supervisor/reader.ts'
import { notTested } from '../../not-tested.ts'
import { removeFolder, temporaryFolder, until } from '../laptop.ts'

const PLACES: Places = { isSafe: () => false, placeOf: (it) => it, isSystemPlace: () => true, remoteBelow: () => [] }
const bytes = (...parts: (string | number)[]) =>
  Buffer.concat(parts.map((it) => (typeof it === 'number' ? Buffer.from([it]) : Buffer.from(it))))

describe('agent/host/file-names', () => {
  for (const [name, raw] of [
    ['ASCII', bytes('a b')],
    ['UTF-8, beyond the basic plane too', bytes('ü 한 😀')],
    ['U+FFFD itself', bytes('�')],
    ['bytes of Latin-1', bytes('caf', 0xe9)],
    ['UTF-8 and other bytes', bytes('😀', 0xff, 'ü')],
    ['a surrogate in three bytes', bytes(0xed, 0xb2, 0x80)],
  ] as const)
    it(`${name}: leads back to the same bytes`, () => {
      const path = `/x/😀/${nameOf(raw.toString('latin1'))}`
      assert.deepEqual(Buffer.from(pathOf(path) as string), Buffer.concat([bytes('/x/😀/'), raw]))
      assert.equal(bounded(path, 100).isWellFormed(), true, 'and what is reported is text')
    })
})

/** Where another system refuses such names, there is nothing to hide. */
describe('agent/host/file-names: a folder that is not named in UTF-8', () => {
  let folder = ''
  let reader: Reader
  beforeEach(function () {
    if (process.platform !== 'linux') notTested(this, 'only Linux has such names', 'skip')
    folder = temporaryFolder()
    const hidden = bytes(`${folder}/`, 0xff, 0xfe)
    mkdirSync(hidden)
    writeFileSync(Buffer.concat([hidden, bytes('/plan', 0xff, '.py')]), 'secret')
    symlinkSync(bytes('to', 0xff), join(folder, 'link'))
    reader = new Reader({ places: PLACES })
  })
  afterEach(async () => {
    await reader?.close()
    if (folder) removeFolder(folder)
    folder = ''
  })
  const host = (): Host => fileHost({ hmac: (it) => it, stateFolder: '' })
  const by = { name: '', categories: [], onHung() {}, onAnswered() {}, onAsk() {}, onAnswer() {} }
  const asked = (): Host => guardedHost(host(), { reader, places: PLACES, emit() {} }, by)

  for (const [name, open] of [
    ['read by the main thread', host],
    ['read by the reading thread', asked],
  ] as const)
    it(`${name}: its files are seen, and can be read`, async () => {
      const it = open()
      const { view } = await sweep(it, folder, 0)
      const found = [...view].flatMap(([path, files]) =>
        files instanceof Map ? [...files.keys()].map((name) => `${path}/${name}`) : [],
      )
      assert.equal(found.length, 1)
      assert.equal(await it.readText(found[0]!), 'secret')
      assert.equal((await it.stat(found[0]!)).size, 6)
      assert.equal((await it.list(folder)).length, 2)
      assert.equal(await it.link(join(folder, 'link')), nameOf(bytes('to', 0xff).toString('latin1')))
    })

  it('is watched', async () => {
    let changes = 0
    const options = { depth: 3, maxFolders: 20, ignore: new Set<string>() }
    const watcher = reader.watch(
      folder,
      options,
      () => changes++,
      (cause) => assert.fail(String(cause)),
    )
    await until(() => changes === 1, 'it watches')
    writeFileSync(Buffer.concat([bytes(`${folder}/`, 0xff, 0xfe), bytes('/new')]), 'x')
    await until(() => changes > 1, 'a file in it')
    const before = changes
    mkdirSync(bytes(`${folder}/`, 0xfd))
    await until(() => {
      writeFileSync(bytes(`${folder}/`, 0xfd, '/x'), String(changes))
      return changes >= before + 3
    }, 'files of a new one')
    rmSync(bytes(`${folder}/`, 0xfd), { recursive: true })
    await watcher.close()
  })
})
