/** `tellwire approve`, `approvals` and `learning`, without a server and beside a running one. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LearningView } from '../../../server/views/schema.ts'
import type { Approval } from '../../../wire/contract.ts'
import { startServer } from '../../bench/children.ts'
import { contract, HOUR, holding, processStart, received, T0 } from '../events.ts'
import { tellwire } from './process.ts'

const AGENT = 'C:\\Program Files (x86)\\NinjaRMMAgent\\NinjaRMMAgent.exe'
const fleet = Array.from({ length: 6 }, (_, n) => [
  contract(`w${n}`),
  holding(`d${n}`, `w${n}`),
  received(`d${n}`, { ...processStart(AGENT, T0 + n * HOUR), product: 'windows' as const }),
]).flat()

describe('tellwire approve', function () {
  this.timeout(120_000)
  let folder: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-approve-'))
    const file = join(folder, 'fleet.ndjson')
    writeFileSync(file, fleet.map((it) => JSON.stringify(it)).join('\n'))
    assert.equal((await run('import', file)).code, 0)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  const run = (...args: string[]) => tellwire([...args, '--data-folder', folder])
  const listed = async () =>
    (await run('approvals', '--json')).out
      .split('\n')
      .filter((it) => it !== '')
      .map((it) => JSON.parse(it) as Approval & { isOver: boolean })

  it('lists what the fleet has in common', async () => {
    const { out } = await run('learning')
    assert.match(out, /Learning since 2026-11-02, day 1. .*end it on 2026-11-16/)
    assert.match(out, /NinjaOne \(NinjaRMM\).*6 of 6/)
  })

  it('approves, which the list then shows, and revokes', async () => {
    const { code, out } = await run('approve', '--company', '--tool', 'ninjaone', '--reason', 'Our own', '--by', 'ana')
    assert.deepEqual([code, out.trim()], [0, 'Approved: ninjaone, for the company.'])
    assert.match((await run('learning')).out, /6 of 6 +approved/)
    const [made] = await listed()
    assert.deepEqual([made?.tool, made?.approvedBy, made?.reason, made?.isOver], ['ninjaone', 'ana', 'Our own', false])
    assert.equal((await run('approvals', 'revoke', made!.id)).code, 0)
    assert.deepEqual(
      (await listed()).map((it) => it.isOver),
      [true],
    )
  })

  it('does the same beside a running server', async () => {
    const server = await startServer(folder)
    try {
      const { code } = await run('approve', '--role', 'developer', '--asn', 'AS64500', '--reason', 'Their exit')
      assert.equal(code, 0)
      assert.deepEqual(
        (await listed())
          .map((it) => [it.kind, it.level, it.role ?? null, it.asn ?? null])
          .filter(([it]) => it === 'exit'),
        [['exit', 'role', 'developer', 64_500]],
      )
      assert.equal((await run('learning', 'end', '--reason', 'All is approved')).code, 0)
    } finally {
      await server.stop()
    }
    const { period } = JSON.parse((await run('learning', '--json')).out) as LearningView
    assert.equal(period?.saidBy === null, false)
  })

  const refused: { name: string; args: string[]; says: RegExp }[] = [
    { name: 'nobody', args: ['--tool', 'x'], says: /--company, --role or --worker/ },
    { name: 'two levels', args: ['--company', '--role', 'x', '--tool', 'x'], says: /--company, --role or --worker/ },
    { name: 'nothing', args: ['--company'], says: /Say what/ },
    { name: 'two things', args: ['--company', '--tool', 'x', '--asn', '1'], says: /one at a time/ },
    { name: 'a tenant of nothing', args: ['--company', '--asn', '1', '--tenant', 'x'], says: /give --tool/ },
    { name: 'no number', args: ['--company', '--asn', 'Zscaler'], says: /AS22616/ },
    { name: 'no day', args: ['--company', '--tool', 'x', '--until', 'soon'], says: /2026-11-30/ },
  ]
  for (const { name, args, says } of refused)
    it(`refuses ${name}`, async () => {
      const { code, err } = await run('approve', ...args, '--reason', 'Our own')
      assert.equal(code, 2)
      assert.match(err, says)
    })
})
