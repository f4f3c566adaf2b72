/** What all commands share: version, help, suggestions, exit codes, colours. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { hasColours } from '../../../bin/colours.ts'
import { progress, share } from '../../../server/commands/progress.ts'
import { loadConfig } from '../../../server/config.ts'
import { BINARY, until } from '../../bench/children.ts'
import { started, tellwire } from './process.ts'

const VERSION: string = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version

const DEFAULT_PORT = loadConfig({ env: {} }).listen.port

describe('the command line', function () {
  this.timeout(120_000)

  const cases: { args: string[]; code: number; out?: RegExp; err?: RegExp }[] = [
    { args: ['--version'], code: 0, out: new RegExp(`^tellwire ${VERSION}\\n$`) },
    { args: ['version'], code: 0, out: new RegExp(`^tellwire ${VERSION}\\n$`) },
    { args: [], code: 0, out: /^Usage: tellwire COMMAND$/m },
    { args: ['help'], code: 0, out: /^ {2}import +Import recorded telemetry/m },
    {
      args: ['help', 'export'],
      code: 0,
      out: /^Usage: tellwire export \[--from TIME\] \[--to TIME\] \[--worker WORKER\] \[--data-folder FOLDER\] \[--config FILE\]$/m,
    },
    { args: ['help', 'feeds', 'token', 'add'], code: 0, out: /^Usage: tellwire feeds token add /m },
    { args: ['server', '--help'], code: 0, out: new RegExp(`--port PORT .*\\(default: ${DEFAULT_PORT}\\)`) },
    { args: ['feeds', 'import', '--help'], code: 0, out: /import \[OPTIONS\] --class corporate\|\S+ FILE$/m },
    { args: ['help', 'exprot'], code: 2, err: /exprot: .*Did you mean 'export'\?/ },
    { args: ['exprot'], code: 2, err: /exprot: .*Did you mean 'export'\?/ },
    { args: ['feeds', 'tokn'], code: 2, err: /tokn: .*Did you mean 'token'\?/ },
    { args: ['quite-another'], code: 2, err: /no such command\. Use one of: up, demo,/ },
    { args: ['export', '--form', 'x'], code: 2, err: /--form: .*Did you mean '--from'\?/ },
    { args: ['export', '-x'], code: 2, err: /-x: .*Use one of: --from,/ },
    { args: ['export', '--from'], code: 2, err: /--from: .*value is missing/ },
    { args: ['import'], code: 2, err: /Missing required positional argument: FILE/ },
    { args: ['version', 'now'], code: 2, err: /now: .*takes no arguments/ },
    { args: ['help', 'export', 'now'], code: 2, err: /now: .*`tellwire export` has no subcommands/ },
    { args: ['help', '--form'], code: 2, err: /--form: .*no options/ },
    { args: ['up', 'demo'], code: 2, err: /demo: .*takes no arguments\. Did you mean '--demo'\?/ },
    { args: ['backup', 'a', 'b'], code: 2, err: /b: .*takes only TO\. Remove it, or quote/ },
    { args: ['rules', 'explain', 'a', 'b', 'c'], code: 2, err: /c: .*takes only RULE and EVENT\./ },
    { args: ['--config', 'x', 'server'], code: 2, err: /--config: .*behind the command: tellwire COMMAND --config/ },
    { args: ['export', '--no-from'], code: 2, err: /--no-from: .*no such option/ },
    { args: ['export', '-5'], code: 2, err: /-5: .*no such option/ },
    { args: ['up', '--demo', '--data-folder', 'x'], code: 2, err: /--data-folder: .*own folder/ },
  ]
  for (const { args, code, out, err } of cases)
    it(`tellwire ${args.join(' ')}`, async () => {
      const ended = await tellwire(args)
      assert.equal(ended.code, code, ended.err)
      if (out) assert.match(ended.out, out)
      if (err) assert.match(ended.err, err)
      assert.ok(!`${ended.out}${ended.err}`.includes('\u001b'), 'colours in a pipe')
    })

  it('says what to do where it was installed as a package', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tellwire-installed-'))
    try {
      const installed = join(folder, 'node_modules', 'tellwire')
      cpSync(dirname(BINARY), join(installed, 'bin'), { recursive: true })
      cpSync(join(dirname(BINARY), '..', 'package.json'), join(installed, 'package.json'))
      const { code, out, err } = await started(join(installed, 'bin', 'tellwire.js'), ['--version'])
      assert.deepEqual([code, out], [1, ''])
      assert.match(
        err,
        /^Tellwire does not run from its sources as an installed package\. .*npm run package.*npm start/,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('has colours on a terminal only, unless NO_COLOR has a value', () => {
    assert.equal(hasColours({ isTTY: true }, {}), true)
    assert.equal(hasColours({ isTTY: true }, { NO_COLOR: '' }), true)
    assert.equal(hasColours({ isTTY: true }, { NO_COLOR: 'true' }), false)
    assert.equal(hasColours({ isTTY: true }, { TERM: 'dumb' }), false)
    assert.equal(hasColours({}, {}), false)
  })
})

describe('progress', () => {
  function shown(isTTY: boolean): { at(ms: number): void; line: ReturnType<typeof progress>; text(): string } {
    let now = 0
    let text = ''
    const write = (it: string | Uint8Array) => {
      text += it
      return true
    }
    const line = progress({ isTTY, write, columns: 30 }, () => now)
    return { line, text: () => text, at: (ms) => void (now = ms) }
  }

  it('says nothing for two seconds, then rewrites one line, and removes it', () => {
    const { line, at, text } = shown(true)
    at(1_999)
    line.show('early')
    at(2_000)
    line.show('judging 1 %')
    at(2_100)
    line.show('too soon')
    at(2_200)
    line.show('x'.repeat(50))
    line.end()
    assert.equal(text(), `\r\u001b[Kjudging 1 %\r\u001b[K${'x'.repeat(29)}\r\u001b[K`)
  })

  it('draws the line when it is due, even if its step says nothing more', async () => {
    const { line, at, text } = shown(true)
    line.show('copying')
    assert.equal(text(), '')
    at(2_000)
    await until(
      () => text() || null,
      10_000,
      () => 'nothing was drawn',
    )
    line.end()
    assert.equal(text(), '\r\u001b[Kcopying\r\u001b[K')
  })

  it('makes room for other output, and is drawn again', () => {
    const { line, at, text } = shown(true)
    at(2_000)
    line.show('judging 1 %')
    line.clear()
    line.clear()
    at(2_200)
    line.show('judging 1 %')
    line.end()
    assert.equal(text(), '\r\u001b[Kjudging 1 %\r\u001b[K'.repeat(2))
  })

  it('says nothing where standard error is not a terminal', () => {
    const { line, at, text } = shown(false)
    at(60_000)
    line.show('judging')
    line.end()
    assert.equal(text(), '')
  })

  it('rounds down, so that 100 % means done', () => {
    assert.equal(share('judging', 999, 1_000), 'judging 99 %')
    assert.equal(share('judging', 0, 0), 'judging')
  })
})
