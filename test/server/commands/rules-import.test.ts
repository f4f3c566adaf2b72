import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importRules } from '../../../server/commands/rules-import.ts'
import { needSharedData } from '../../rules/language/shared-data.ts'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const NOW = Date.UTC(2026, 0, 1)
const TERMS = 'The rules of https://github.com/SigmaHQ are under the Detection Rule License (DRL) 1.1'
const rule = (id: number, title = `Rule ${id}`) =>
  `title: ${title}\nid: r${id}\nauthor: Somebody\nlogsource: { category: c }\ndetection:\n  s: { A: ${id} }\n  condition: s\n`

describe('tellwire rules import', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-import-'))
    write('from/LICENSE', TERMS)
    write('from/rules/windows/1.yml', rule(1))
    write('from/rules/windows/2.yml', rule(2))
    write('from/rules/bad.yml', rule(3).replace('A:', 'A|like:'))
    write('from/rules-threat-hunting/4.yml', rule(4))
    write('from/deprecated/5.yml', rule(5))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, content: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const run = () => importRules(join(folder, 'from'), join(folder, 'to'), NOW)

  it('copies usable rules with their licence, and writes an index', async () => {
    const index = await run()
    assert.deepEqual(index.counts, { rules: 3, new: 3, updated: 0, same: 0, moved: 0, edited: 0, refused: 1 })
    assert.deepEqual(
      index.files.map(({ path }) => path),
      ['rules-threat-hunting/4.yml', 'rules/windows/1.yml', 'rules/windows/2.yml'],
    )
    assert.deepEqual(index.files[1]?.rules, [
      {
        ...{ id: 'r1', title: 'Rule 1', author: 'Somebody', license: 'DRL-1.1' },
        link: 'https://github.com/SigmaHQ/sigma/blob/master/rules/windows/1.yml',
      },
    ])
    assert.deepEqual(
      index.refused.map(({ path }) => path),
      ['rules/bad.yml'],
    )
    assert.match(index.refused[0]?.reasons[0] ?? '', /^line 6, column \d+: There is no modifier 'like'/)
    assert.equal(read('to/rules/windows/1.yml'), rule(1))
    assert.equal(read('to/LICENSE'), TERMS)
    assert.deepEqual(JSON.parse(read('to/INDEX.json')), index)
    assert.ok(!existsSync(join(folder, 'to/deprecated')))
  })
  it('a second import updates files, but never edited ones', async () => {
    await run()
    write('to/rules/windows/1.yml', rule(1, 'Edited here'))
    write('from/rules/windows/1.yml', rule(1, 'Edited there'))
    write('from/rules/windows/2.yml', rule(2, 'Better'))
    write('from/rules/6.yml', rule(6))
    for (let time = 0; time < 2; time++) {
      const { counts, edited } = await run()
      assert.deepEqual(edited, ['rules/windows/1.yml'])
      assert.deepEqual([counts.new, counts.updated, counts.same], time === 0 ? [1, 1, 1] : [0, 0, 3])
      assert.match(read('to/rules/windows/1.yml'), /Edited here/)
      assert.match(read('to/rules/windows/2.yml'), /Better/)
    }
  })
  it('follows moved rules, so that no id exists twice; an edited file stays where it is', async () => {
    await run()
    write('to/rules/windows/2.yml', rule(2, 'Edited here'))
    for (const name of ['1', '2']) {
      write(`from/rules/linux/${name}.yml`, read(`from/rules/windows/${name}.yml`))
      rmSync(join(folder, `from/rules/windows/${name}.yml`))
    }
    const { counts, edited } = await run()
    assert.deepEqual([counts.moved, edited], [1, ['rules/linux/2.yml']])
    assert.deepEqual(
      ['linux/1', 'linux/2', 'windows/1', 'windows/2'].map((it) => existsSync(join(folder, `to/rules/${it}.yml`))),
      [true, false, false, true],
    )
  })
  it('keeps a file of the user in place of a copy', async () => {
    write('to/rules/windows/1.yml', 'mine')
    assert.deepEqual((await run()).edited, ['rules/windows/1.yml'])
    assert.equal(read('to/rules/windows/1.yml'), 'mine')
  })

  const refusals: [string, () => void, RegExp][] = [
    ['a folder under another licence', () => write('to/LICENSE', 'MIT'), /under another licence/],
    ['an index with a path outside the folder', () => index('../x.yml'), /was not written by an import/],
    ['an invalid index', () => write('to/INDEX.json', '[]'), /was not written by an import/],
  ]
  const index = (path: string) => {
    const files = [{ path, sha256: '', source: '', rules: [] }]
    const rest = { source: '', importedAt: '', license: null, counts: {}, edited: [], refused: [] }
    write('to/INDEX.json', JSON.stringify({ ...rest, files }))
  }
  for (const [name, prepare, says] of refusals)
    it(`refuses ${name}`, async () => {
      prepare()
      await assert.rejects(run(), says)
    })
  it('refuses to copy into its source', async () => {
    await assert.rejects(importRules(join(folder, 'from'), join(folder, 'from', 'rules'), NOW), /inside the source/)
  })

  it('as a command, copies into the data folder and says how to enable the rules', () => {
    const command = ['rules', 'import', 'from', '--data-folder', 'data']
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'bin', 'tellwire.js'), ...command], {
      cwd: folder,
      encoding: 'utf8',
    })
    const to = join(folder, 'data', 'rules', 'imported')
    assert.match(stdout, /^3 rules from .*\n3 new files.*\n1 cannot be used:\n {2}rules\/bad\.yml: line 6/)
    assert.ok(stdout.includes(`rulesFolders: [${JSON.stringify(to)}]`))
    assert.ok(existsSync(join(to, 'INDEX.json')))
    assert.equal(status, 0)
  })

  it('imports SigmaHQ as published', async function () {
    this.timeout(120_000)
    needSharedData(this)
    const { counts, license, refused } = await importRules(
      join(ROOT, '..', 'shared', 'data', 'sigmahq.tar.gz'),
      join(folder, 'to'),
      NOW,
    )
    assert.deepEqual([counts.new, counts.rules, counts.refused, license], [3_752, 3_752, 2, 'DRL-1.1'])
    assert.ok(refused.every(({ reasons }) => reasons[0]?.includes('%known_cdcs%')))
  })
})
