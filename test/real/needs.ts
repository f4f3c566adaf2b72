/** Requirements of the real runs. Commands must be installed in CI; permissions may be missing there. */
import { spawnSync } from 'node:child_process'
import { notTested } from '../not-tested.ts'

export function needsCommands(test: Mocha.Context, ...commands: string[]): void {
  const missing = commands.filter((it) => spawnSync('sh', ['-c', `command -v ${it}`]).status !== 0)
  if (missing.length === 0) return
  notTested(test, `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not installed`)
}

/** Skips the test if `probe` fails, because the kernel or the container does not permit it. */
export function needsPermission(test: Mocha.Context, probe: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', probe], { encoding: 'utf8' })
  if (status !== 0) notTested(test, `this machine does not allow it: ${stderr.trim()}`, 'skip')
}
