import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { readRuleSources } from '../../../rules/tooling/sources.ts'
import { Fault } from '../../../wire/fault.ts'

const LONG = `${'a-folder-with-a-long-name/'.repeat(10)}rule.yml`

describe('readRuleSources', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-sources-'))
    const files = {
      'sigma/LICENSE': 'Detection Rule License (DRL) 1.1',
      'sigma/rules/a.yml': 'a: 1',
      [`sigma/rules/${LONG}`]: 'deep: 1',
      'sigma/rules-compliance/b.yaml': 'b: 1',
      'sigma/regression_data/rules/c.yml': 'c: 1',
      'sigma/tests/d.yml': 'd: 1',
      'sigma/rules/README.md': 'no rule',
      'plain/one.yml': 'one: 1',
      'plain/sub/two.yml': 'two: 1',
    }
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const pack = (name: string, ...args: string[]) =>
    execFileSync('tar', ['-czf', join(folder, name), '-C', folder, ...args])
  const read = async (...names: string[]) => {
    const refused: Fault[] = []
    const files = await readRuleSources(
      names.map((name) => join(folder, name)),
      (fault) => refused.push(fault),
    )
    return { refused, files, within: files.map((it) => it.within) }
  }
  const RULES = ['rules-compliance/b.yaml', `rules/${LONG}`, 'rules/a.yml']

  it('reads of a tree its rules, and knows their licence', async () => {
    const { files, within } = await read('sigma')
    assert.deepEqual(within.toSorted(), RULES)
    assert.ok(files.every(({ origin }) => origin.license === 'DRL-1.1' && origin.link === null))
  })
  it('knows the tree from within', async () => {
    assert.deepEqual((await read('sigma/rules/a.yml')).within, ['rules/a.yml'])
  })
  it('reads other folders whole', async () => {
    const { files, within } = await read('plain', 'plain/sub/two.yml')
    assert.deepEqual(within, ['one.yml', 'sub/two.yml', 'two.yml'])
    assert.ok(files.every(({ origin }) => origin.license === null))
  })
  for (const format of ['gnu', 'pax'])
    it(`reads the tree from an archive (${format}), with or without a folder around it`, async () => {
      pack('around.tar.gz', `--format=${format}`, 'sigma')
      execFileSync('tar', [`--format=${format}`, '-czf', join(folder, 'bare.tgz'), '-C', join(folder, 'sigma'), '.'])
      for (const name of ['around.tar.gz', 'bare.tgz']) {
        const { files, within } = await read(name)
        assert.deepEqual(within.toSorted(), RULES)
        assert.deepEqual(files.map(({ text, origin }) => [text, origin.license]).toSorted(), [
          ['a: 1', 'DRL-1.1'],
          ['b: 1', 'DRL-1.1'],
          ['deep: 1', 'DRL-1.1'],
        ])
      }
    })
  it('reads an archive that is no tree whole, and nothing that leads out of it', async () => {
    writeFileSync(join(folder, 'outside.yml'), 'x: 1')
    pack('plain.tar.gz', '--transform=s,^outside,../outside,', '-P', 'plain', 'outside.yml')
    assert.deepEqual((await read('plain.tar.gz')).within, ['plain/one.yml', 'plain/sub/two.yml'])
  })
  it('refuses a file that is too large, and takes the others', async () => {
    writeFileSync(join(folder, 'plain/large.yml'), 'x'.repeat(1_048_577))
    pack('plain.tar.gz', 'plain')
    const { refused, within } = await read('plain.tar.gz')
    assert.equal(within.length, 2)
    assert.match(refused[0]?.message ?? '', /large\.yml: .*at most 1048576 bytes/)
  })

  const damaged: [string, (tar: Buffer) => Buffer, RegExp][] = [
    ['cut short', (tar) => gzipSync(tar.subarray(0, 700)), /cut short/],
    ['gzip cut short', (tar) => gzipSync(tar).subarray(0, 100), /unexpected end of file/],
    ['no tar', () => gzipSync(Buffer.alloc(2_000, 'x')), /not a tar archive/],
    ['no gzip', () => Buffer.from('plain'), /incorrect header check/],
    [
      'with a header changed',
      (tar) => gzipSync(Buffer.concat([Buffer.from('Q'), tar.subarray(1)])),
      /not a tar archive/,
    ],
  ]
  for (const [name, damage, says] of damaged)
    it(`refuses an archive ${name}`, async () => {
      pack('x.tar.gz', 'plain/one.yml')
      writeFileSync(join(folder, 'bad.tar.gz'), damage(gunzipSync(execFileSync('cat', [join(folder, 'x.tar.gz')]))))
      await assert.rejects(read('bad.tar.gz'), (cause) => cause instanceof Fault && says.test(cause.message))
    })
})
