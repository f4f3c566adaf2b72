/** The first two weeks in a company with tools of its own, of which nobody has approved anything (N33). */
import assert from 'node:assert/strict'
import { tellwire } from './process.ts'

interface Judged {
  worker: string
  band: string
  findings: { title: string }[]
}

describe('a company that has approved nothing yet', function () {
  this.timeout(180_000)
  let judged: Judged[]
  let labels: Map<string, string>
  before(async () => {
    const fleet = 'simulate P1 P8 --workers 24 --days 13 --rmm ninjaone --sase zscaler'.split(' ')
    const { out, code } = await tellwire(fleet)
    assert.equal(code, 0)
    const lines = out.split('\n').filter((it) => it.startsWith('{"type":"label"'))
    labels = new Map(lines.map((it) => JSON.parse(it)).map((it) => [it.worker, it.scenario]))
    judged = JSON.parse((await tellwire(['replay', '--json', '-'], { input: out })).out).workers
  })
  const found = (of: (it: Judged) => boolean) =>
    judged.filter((it) => it.band !== 'none' && it.band !== 'low' && of(it)).map((it) => labels.get(it.worker) ?? it)

  it('finds the people who are driven, with a tool that nobody else has', () =>
    assert.deepEqual(found((it) => labels.has(it.worker)).sort(), ['P1', 'P8']))

  it('and nobody else', () =>
    assert.deepEqual(
      found((it) => !labels.has(it.worker)),
      [],
    ))

  it('the tool on every laptop is context', () => {
    const having = (title: RegExp) => judged.filter((it) => it.findings.some((one) => title.test(one.title))).length
    assert.ok(having(/most of the fleet has/) >= 20)
    assert.equal(having(/that the contract does not approve/), 2)
  })
})
