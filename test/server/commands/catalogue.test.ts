/** `tellwire catalogue` as a process of its own, on things of this machine. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadCatalogue, newerRelease } from '../../../rules/catalogue/index.ts'
import { notTested } from '../../not-tested.ts'

const BINARY = join(import.meta.dirname, '../../../bin/tellwire.js')

async function catalogue(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
  const child = spawn(process.execPath, [BINARY, 'catalogue', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let error = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (error += data))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, error }
}

describe('tellwire catalogue', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tellwire-catalogue-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('check says what a thing is recognised as, by which fact and from which source', async () => {
    const { code, out, error } = await catalogue('check', '/opt/teamviewer/x')
    assert.equal(code, 0, error)
    assert.match(out, /^\/opt\/teamviewer\/x: would be recognised as TeamViewer \(teamviewer\), remote-desktop/)
    assert.match(out, /by path: \/opt\/teamviewer; as a program on Linux/)
    assert.match(out, /confidence listed, of \d{4}-\d\d-\d\d; from magicsword-io\/LOLRMM/)
  })
  it('check reports an unknown thing as not known', async () => {
    const { code, out } = await catalogue('check', 'no-such-thing')
    assert.equal(code, 0)
    assert.match(out, /^no-such-thing: not known\. The catalogue of \d{4}-\d\d-\d\d/)
  })
  it('check --json answers for each thing', async () => {
    const { code, out } = await catalogue('check', '--json', 'rclone', '1d6b:0104', 'no-such-thing')
    const { results } = JSON.parse(out) as { results: { thing: string; answers: { id: string; taken: boolean }[] }[] }
    assert.equal(code, 0)
    assert.deepEqual(
      results.map((it) => [it.thing, it.answers[0]?.id ?? null, it.answers[0]?.taken ?? null]),
      [
        ['rclone', 'rclone', true],
        ['1d6b:0104', 'glkvm', false],
        ['no-such-thing', null, null],
      ],
    )
  })
  it('check follows a link to the tool', async () => {
    const target = join(folder, 'rustdesk')
    await copyFile('/bin/sleep', target)
    await symlink(target, join(folder, 'helper'))
    const { out } = await catalogue('check', join(folder, 'helper'))
    assert.match(out, /would be recognised as RustDesk/)
  })
  it('check of a running process sees its executable', async function () {
    if (process.platform !== 'linux') notTested(this, 'running processes are read on Linux only')
    const copy = join(folder, 'anydesk')
    await copyFile('/bin/sleep', copy)
    const child = spawn(copy, ['60'], { stdio: 'ignore' })
    try {
      await once(child, 'spawn')
      const { code, out, error } = await catalogue('check', `pid:${child.pid}`)
      assert.equal(code, 0, error)
      assert.match(out, /would be recognised as AnyDesk .*\n {2}by name: .*; as a running program/)
    } finally {
      child.kill()
    }
  })
  it('check reports a process that does not exist', async () => {
    const { code, error } = await catalogue('check', 'pid:4194999')
    assert.equal(code, 2)
    assert.match(error, /pid:4194999: .*(No such process is running|read on Linux only)/)
  })
  it('check removes escape sequences from its input', async () => {
    const { out } = await catalogue('check', '\u001b[31mred\u202e')
    assert.doesNotMatch(out, /[\u001b\u202e]/)
  })
  it('list hardware says when it was read, and which entries are older than a release of their maker', async () => {
    const { out } = await catalogue('list', 'hardware')
    assert.match(out, /^hardware +pikvm .* verified +\d{4}-\d\d-\d\d +\d{4}-\d\d-\d\d/m)
    const known = loadCatalogue()
    for (const it of known.hardware) {
      const newer = newerRelease(known, it)
      const line = newer && `(${it.id}) is of ${it.date}, older than the newest release that we know of: ${newer.of} `
      assert.equal(out.includes(line ?? `(${it.id}) is of`), newer !== null, it.id)
    }
  })
  it('check knows the names of displays, USB devices and disks', async () => {
    const { out } = await catalogue('check', 'JetKVM v1', 'Glinet Flash Drive', 'Toshiba-H2C')
    assert.match(out, /^JetKVM v1: would be recognised as JetKVM \(jetkvm\)/)
    assert.match(out, /by edid: JetKVM v1; as the name of a display/)
    assert.match(out, /^Glinet Flash Drive: would be recognised as GL\.iNet Comet/m)
    assert.match(out, /by inquiry: Glinet Flash Drive; as what a disk answers/)
    assert.match(out, /, read on \d{4}-\d\d-\d\d; from gl-inet\/glkvm/)
    assert.match(out, /^Toshiba-H2C: not known/m)
  })
  it('list shows a category, and the entries named in reports', async () => {
    const { out } = await catalogue('list', 'lan-chat')
    assert.match(out, /^category .*\nlan-chat +beebeep .*\nlan-chat +ip-messenger .* reported\n$/)
    const { entries } = JSON.parse((await catalogue('list', '--reported', '--json')).out) as {
      entries: { id: string }[]
    }
    assert.ok(entries.some((it) => it.id === 'astrill') && entries.some((it) => it.id === 'tinypilot'))
    assert.ok(!entries.some((it) => it.id === 'rclone'))
  })
  it('list refuses an unknown category, and names the known ones', async () => {
    const { code, error } = await catalogue('list', 'remote')
    assert.equal(code, 2)
    assert.match(error, /remote: .*hardware, remote-desktop, .*inventory-agent/)
  })
})
