import type { System } from '../../agent/host/host.ts'

/** For tests on a real system: on another one they are left out, loudly. CI runs on Linux, and must not leave that out. */
export function needsSystem(test: Mocha.Context, { product, platform }: System): void {
  if (process.platform === platform) return
  if (process.env.CI === 'true' && product === 'linux') throw new Error(`this needs Linux, not ${process.platform}`)
  console.warn(`NOT TESTED on ${process.platform}: ${test.test?.fullTitle()}`)
  test.skip()
}
