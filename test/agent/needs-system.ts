import type { System } from '../../agent/host/host.ts'
import { notTested } from '../not-tested.ts'

/** For tests on a real system: on another one they are left out, loudly. CI runs on Linux, and must not leave that out. */
export function needsSystem(test: Mocha.Context, { product, platform }: System): void {
  if (process.platform === platform) return
  notTested(test, `this needs ${product}, not ${process.platform}`, product === 'linux' ? 'fail' : 'skip')
}
