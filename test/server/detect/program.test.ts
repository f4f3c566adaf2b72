import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadRules } from '../../../server/detect/program.ts'

const rule = (id: string, more = '') =>
  `title: ${id}\nid: ${id}\nlogsource: { category: tool }\ndetection: { a: { Tool: x }, condition: a }\ntellwire: { family: finance, strength: 1, halfLifeDays: 1${more} }\n`

describe('loadRules', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-program-'))
    writeFileSync(join(folder, 'a.yml'), [rule('plain'), rule('wallet', ', sensitive: true')].join('---\n'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const cases = [
    { name: 'leaves sensitive rules out', named: [], ids: ['plain'], told: [] },
    { name: 'uses those that are named', named: ['wallet'], ids: ['plain', 'wallet'], told: [] },
    {
      name: 'reports an id that no sensitive rule has',
      named: ['plain', 'walet'],
      ids: ['plain'],
      told: ["No sensitive rule has the id 'plain'.", "No sensitive rule has the id 'walet'."],
    },
  ]
  for (const { name, named, ids, told } of cases)
    it(name, async () => {
      const problems: string[] = []
      const { program } = await loadRules([folder], (it) => problems.push(it.message), named)
      assert.deepEqual({ ids: program.rules.map((it) => it.id), told: problems }, { ids, told })
    })

  it('fills placeholders, which are part of the identity of a rule', async () => {
    writeFileSync(
      join(folder, 'a.yml'),
      'title: t\nid: t\nlogsource: { category: tool }\ndetection: { a: { Tool|expand: "%tools%" }, condition: a }\n',
    )
    const loaded = async (tools: string[]) => {
      const { program } = await loadRules([folder], () => {}, [], { tools })
      return program
    }
    const [one, other] = [await loaded(['AnyDesk', 'RustDesk']), await loaded(['AnyDesk'])]
    const matches = (program: typeof one) => program.match({ category: 'tool', Tool: 'RustDesk' }).length
    assert.deepEqual([matches(one), matches(other)], [1, 0])
    assert.notEqual(one.rules[0]!.effectiveVersion, other.rules[0]!.effectiveVersion)
  })
})
