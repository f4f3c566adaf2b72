import type { System } from '../../agent/host/host.ts'
import { linux } from '../../agent/host/linux.ts'

/** For tests on a real system, such as /proc and /sys: elsewhere they are left out, loudly. CI runs on Linux. */
export function needsSystem(test: Mocha.Context, { product, platform }: System): void {
  if (process.platform === platform) return
  if (process.env.CI === 'true' && product === 'linux') throw new Error(`this needs Linux, not ${process.platform}`)
  console.warn(`NOT TESTED on ${process.platform}: ${test.test?.fullTitle()}`)
  test.skip()
}

export const needsLinux = (test: Mocha.Context): void => needsSystem(test, linux)
