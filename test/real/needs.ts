/** Requirements of the real runs. Commands must be installed in CI; permissions may be missing there. */
import { spawnSync } from 'node:child_process'

export function needsCommands(test: Mocha.Context, ...commands: string[]): void {
  const missing = commands.filter((it) => spawnSync('sh', ['-c', `command -v ${it}`]).status !== 0)
  if (missing.length === 0) return
  const why = `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not installed`
  if (process.env.CI === 'true') throw new Error(why)
  skip(test, why)
}

/** Skips the test if `probe` fails, because the kernel or the container does not permit it. */
export function needsPermission(test: Mocha.Context, probe: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', probe], { encoding: 'utf8' })
  if (status !== 0) skip(test, `this machine does not allow it: ${stderr.trim()}`)
}

function skip(test: Mocha.Context, why: string): never {
  console.warn(`NOT TESTED, ${why}: ${test.test?.fullTitle() ?? test.currentTest?.fullTitle()}`)
  return test.skip()
}
