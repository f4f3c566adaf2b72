/** The commands that can take long say how far they are, on a terminal only. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SHIPPED_RULES } from '../../../rules/tooling/shipped.ts'
import { AT_TERMINAL, preloaded, tellwire } from './process.ts'

/** The two seconds without progress are over at once. */
const FAST = 'const now = performance.now.bind(performance); performance.now = () => now() * 1000'
const ERASE = '\r\u001b[K'

describe('the progress of a command', function () {
  this.timeout(180_000)
  let root: string
  const at = (name: string) => join(root, name)

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-progress-'))
    const fleet = await tellwire(['simulate', 'P1', '--workers', '4', '--days', '14'])
    assert.equal(fleet.code, 0, fleet.err)
    writeFileSync(at('fleet.ndjson'), fleet.out)
    const imported = await tellwire(['import', at('fleet.ndjson'), '--data-folder', at('data')])
    assert.equal(imported.code, 0, imported.err)
    const saved = await tellwire(['backup', at('saved'), '--data-folder', at('data')])
    assert.equal(saved.code, 0, saved.err)
    const addresses = Array.from({ length: 50_000 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}\n`)
    writeFileSync(at('ranges.txt'), addresses.join(''))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  /** `n` makes the targets of the two runs differ. */
  const commands: { name: string; args: (n: number) => string[]; shows: RegExp[] }[] = [
    { name: 'simulate', args: () => ['--workers', '4', '--days', '14'], shows: [/day \d+ of 14/] },
    {
      name: 'import',
      args: (n) => [at('fleet.ndjson'), '--data-folder', at(`new-${n}`)],
      shows: [/storing, [\d,]+ lines/, /judging \d+ %/],
    },
    { name: 'replay', args: () => [at('fleet.ndjson')], shows: [/replaying, [\d,]+ lines/] },
    { name: 'match', args: () => [at('fleet.ndjson')], shows: [/loading the rules/, /matching, [\d,]+ lines/] },
    { name: 'export', args: () => ['--data-folder', at('data')], shows: [/exporting \d+ %/] },
    {
      name: 'backup',
      args: (n) => [at(`copy-${n}.tar`), '--data-folder', at('data')],
      shows: [/copying telemetry\.db/, /checking telemetry\.db/, /hashing telemetry\.db \d+ %/, /writing the archive/],
    },
    {
      name: 'restore',
      args: (n) => [at('saved'), '--data-folder', at(`restored-${n}`)],
      shows: [/copying telemetry\.db/, /hashing telemetry\.db \d+ %/, /checking telemetry\.db/],
    },
    {
      name: 'rules import',
      args: (n) => [SHIPPED_RULES, '--to', at(`rules-${n}`)],
      shows: [/checking \d+ files/, /copying the rules \d+ %/],
    },
    {
      name: 'feeds import',
      args: (n) => [at('ranges.txt'), '--class', 'vpn', '--data-folder', at(`feeds-${n}`)],
      shows: [/importing \d+ %/],
    },
  ]
  for (const { name, args, shows } of commands)
    it(`tellwire ${name}`, async () => {
      const piped = await tellwire([...name.split(' '), ...args(1)])
      assert.deepEqual([piped.code, piped.err], [0, ''])
      const shown = await tellwire([...name.split(' '), ...args(2)], { env: preloaded(AT_TERMINAL + FAST) })
      assert.equal(shown.code, 0, shown.err)
      for (const it of shows) assert.match(shown.err, it)
      assert.ok(shown.err.endsWith(ERASE), 'the line is left on the screen')
    })
})
