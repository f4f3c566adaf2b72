/** Files that the configuration names: what is no file must not stop the server's start without a word. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { namedFile } from '../../server/named-file.ts'

describe('a file that the configuration names', () => {
  let root: string
  const at = (name: string) => join(root, name)
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-named-'))
    writeFileSync(at('token'), 'a'.repeat(32))
    writeFileSync(at('most'), Buffer.alloc(65_536, 'x'))
    writeFileSync(at('long'), Buffer.alloc(65_537, 'x'))
    symlinkSync(at('token'), at('link'))
    mkdirSync(at('folder'))
    execFileSync('mkfifo', [at('pipe')])
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  const read: { name: string; bytes: number }[] = [
    { name: 'token', bytes: 32 },
    { name: 'link', bytes: 32 },
    { name: 'most', bytes: 65_536 },
  ]
  for (const { name, bytes } of read)
    it(`is read: ${name}`, () => assert.equal(namedFile(at(name), 'metricsTokenFile').length, bytes))

  const refused: { name: string; file: () => string; why: RegExp }[] = [
    { name: 'a device that never ends', file: () => '/dev/zero', why: /not a regular file/ },
    { name: 'a pipe without a writer', file: () => at('pipe'), why: /not a regular file/ },
    { name: 'a folder', file: () => at('folder'), why: /not a regular file/ },
    { name: 'longer than 64 KiB', file: () => at('long'), why: /longer than 64 KiB/ },
    { name: 'missing', file: () => at('none'), why: /cannot be read: ENOENT/ },
  ]
  for (const { name, file, why } of refused)
    it(`is refused: ${name}`, () =>
      assert.throws(
        () => namedFile(file(), 'metricsTokenFile'),
        (it: { code: string; message: string }) => it.code === 'config.invalid' && why.test(it.message),
      ))
})
