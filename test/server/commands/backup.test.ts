/** The backup and restore commands as processes of their own, beside a server that writes. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openTelemetry, type Telemetry } from '../../../server/store/sqlite/telemetry.ts'
import { batch } from '../store/samples.ts'

const BINARY = join(import.meta.dirname, '../../../bin/tellwire.js')

function tellwire(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
  const child = spawn(process.execPath, [BINARY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let error = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (error += data))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, error }))
  })
}

describe('tellwire backup and restore', function () {
  this.timeout(120_000)
  let root: string
  let server: Telemetry
  const at = (name: string) => join(root, name)
  const backup = (...args: string[]) => tellwire('backup', ...args, '--data-folder', at('data'))
  const restore = (...args: string[]) => tellwire('restore', ...args)

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-command-'))
    server = await openTelemetry({ folder: at('data') })
    await server.stream.publish(batch('d1', 1, 1_500))
  })
  afterEach(async () => {
    await server.close()
    rmSync(root, { recursive: true })
  })

  it('copy a folder in use and restore it elsewhere', async () => {
    const made = await backup(at('backup.tar'))
    assert.deepEqual([made.code, made.error], [0, ''])
    assert.match(made.out, /backup\.tar: records 1 to 1500, 1 MB, checked\n$/)
    await server.stream.publish(batch('d1', 1_501, 100))
    const restored = await restore(at('backup.tar'), '--data-folder', at('other'))
    assert.deepEqual([restored.code, restored.error], [0, ''])
    assert.match(restored.out, /other: records 1 to 1500 as of 20.*checked\nstart the server: laptops send again/)
    const other = await openTelemetry({ folder: at('other') })
    assert.deepEqual([await other.stream.last(), other.stream.id], [1_500, server.stream.id])
    await other.close()
  })

  it('print JSON', async () => {
    const made = JSON.parse((await backup(at('backup'), '--json')).out)
    assert.deepEqual([made.backup, made.last, made.stream], [at('backup'), 1_500, server.stream.id])
    const restored = JSON.parse((await restore(at('backup'), '--data-folder', at('other'), '--json')).out)
    assert.deepEqual([restored.folder, restored.aside, restored.last], [at('other'), null, 1_500])
  })

  it('refuse existing targets, and say what to do', async () => {
    assert.equal((await backup(at('backup'))).code, 0)
    const again = await backup(at('backup'))
    assert.deepEqual([again.code, again.out], [2, ''])
    assert.match(again.error, /backup: .* It already exists\. Give the backup another name/)

    const inUse = await restore(at('backup'), '--force', '--data-folder', at('data'))
    assert.equal(inUse.code, 1)
    assert.match(inUse.error, /Another server is using this data folder/)
    await server.close()
    const taken = await restore(at('backup'), '--data-folder', at('data'))
    assert.equal(taken.code, 2)
    assert.match(taken.error, /The folder contains .*\. Give another folder, or --force to move its files aside/)
    const forced = await restore(at('backup'), '--force', '--data-folder', at('data'))
    assert.equal(forced.code, 0)
    const [, aside = ''] = /the old contents are in (\S+)/.exec(forced.out) ?? []
    assert(existsSync(join(aside, 'telemetry.db')))
  })

  it('keep a damaged copy, and fail', async () => {
    await server.close()
    const db = new DatabaseSync(at('data/telemetry.db'))
    db.exec('update segments set lines = zeroblob(50)')
    db.close()
    const made = await backup(at('backup'))
    assert.equal(made.code, 1)
    assert.match(made.error, /Positions 1 to 1500 cannot be read/)
    assert(existsSync(at('backup/telemetry.db')))
  })

  for (const run of [
    () => tellwire('backup', at('backup'), '--data-folder', 'postgresql://db.example/tellwire'),
    () => tellwire('restore', at('backup'), '--data-folder', 'postgres://db.example/tellwire'),
  ])
    it('refer to the tools of PostgreSQL', async () => {
      const { code, error } = await run()
      assert.equal(code, 2)
      assert.match(error, /pg_dump and pg_restore, or pg_basebackup/)
      assert(!existsSync(at('backup')))
    })
})
