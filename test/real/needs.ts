/** What a real run needs of the machine: tools that can be installed must be there in CI, rights need not. */
import { spawnSync } from 'node:child_process'

export function needsCommands(test: Mocha.Context, ...commands: string[]): void {
  const missing = commands.filter((it) => spawnSync('sh', ['-c', `command -v ${it}`]).status !== 0)
  if (missing.length === 0) return
  const why = `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not installed`
  if (process.env.CI === 'true') throw new Error(why)
  skip(test, why)
}

/** `probe` fails where the kernel or a container's rules say no: nothing that CI could be blamed for. */
export function needsRight(test: Mocha.Context, probe: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', probe], { encoding: 'utf8' })
  if (status !== 0) skip(test, `this machine does not allow it: ${stderr.trim()}`)
}

function skip(test: Mocha.Context, why: string): never {
  console.warn(`NOT TESTED, ${why}: ${test.test?.fullTitle() ?? test.currentTest?.fullTitle()}`)
  return test.skip()
}
