import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRuleFiles } from '../../../rules/tooling/load.ts'
import type { Fault } from '../../../wire/fault.ts'
import { notTested } from '../../not-tested.ts'

describe('readRuleFiles', () => {
  let folder = ''
  let outside = ''
  beforeEach(() => {
    const base = mkdtempSync(join(tmpdir(), 'tellwire-rules-'))
    folder = join(base, 'rules')
    outside = join(base, 'outside')
    mkdirSync(join(folder, 'b'), { recursive: true })
    mkdirSync(outside)
    write('b/two.yml', 'two')
    write('a.yaml', 'one')
  })
  afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))

  const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
  const names = async (refused?: (fault: Fault) => void) =>
    (await readRuleFiles([folder], refused)).map((it) => `${it.path.slice(folder.length + 1)}=${it.text}`)

  it('reads .yml and .yaml in the order of their paths, and nothing else', async () => {
    write('readme.md', 'no')
    write('.hidden.yml', 'no')
    mkdirSync(join(folder, '.git'))
    write('.git/x.yml', 'no')
    assert.deepEqual(await names(), ['a.yaml=one', 'b/two.yml=two'])
  })
  it('reads one file that is named, whatever its ending', async () => {
    write('rule.txt', 'three')
    assert.deepEqual(await readRuleFiles([join(folder, 'rule.txt')]), [
      { path: join(folder, 'rule.txt'), text: 'three' },
    ])
  })
  it('an empty folder has no rules', async () => assert.deepEqual(await readRuleFiles([outside]), []))
  it('names a missing folder', async () => {
    await assert.rejects(
      readRuleFiles([join(folder, 'nowhere')]),
      /nowhere: The rule cannot be used\. There is no such/,
    )
  })

  const bad: { name: string; make(): void; says: RegExp }[] = [
    {
      name: 'a link that leads out of the folder',
      make: () => {
        writeFileSync(join(outside, 'secret.yml'), 'secret')
        symlinkSync(join(outside, 'secret.yml'), join(folder, 'link.yml'))
      },
      says: /link\.yml: .*points outside the folder/,
    },
    {
      name: 'a link to nothing',
      make: () => symlinkSync('nothing', join(folder, 'link.yml')),
      says: /link\.yml: .*cannot be read/,
    },
    {
      name: 'a file that is too large',
      make: () => write('big.yml', 'x'.repeat(1_048_577)),
      says: /big\.yml: .*at most/,
    },
    {
      name: 'a pipe',
      make: () => void execFileSync('mkfifo', [join(folder, 'pipe.yml')]),
      says: /pipe\.yml: .*not a file/,
    },
  ]
  for (const { name, make, says } of bad)
    it(`${name} costs only itself`, async function () {
      if (process.platform === 'win32') notTested(this, 'Windows has no such files')
      make()
      const refused: Fault[] = []
      assert.deepEqual(await names((fault) => refused.push(fault)), ['a.yaml=one', 'b/two.yml=two'])
      assert.match(refused.map((it) => it.message).join('\n'), says)
      await assert.rejects(names(), says)
    })

  it('a link inside the folder counts; a link to a folder does not, so that there are no circles', async function () {
    if (process.platform === 'win32') notTested(this, 'Windows has no such files')
    symlinkSync(join(folder, 'a.yaml'), join(folder, 'c.yml'))
    symlinkSync(folder, join(folder, 'b', 'again'))
    assert.deepEqual(await names(), ['a.yaml=one', 'b/two.yml=two', 'c.yml=one'])
  })
  it('a folder that is given as a link is followed', async function () {
    if (process.platform === 'win32') notTested(this, 'Windows has no such files')
    symlinkSync(folder, join(outside, 'link'))
    assert.equal((await readRuleFiles([join(outside, 'link')])).length, 2)
  })
  it('folders may not lie without end', async () => {
    mkdirSync(join(folder, ...Array.from({ length: 20 }, () => 'd')), { recursive: true })
    await assert.rejects(names(), /16 deep/)
  })
})
