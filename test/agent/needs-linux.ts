/** For tests on the real /proc and /sys: elsewhere they are left out, loudly, and in CI they fail. */
export function needsLinux(test: Mocha.Context): void {
  if (process.platform === 'linux') return
  if (process.env.CI === 'true') throw new Error(`this needs Linux, not ${process.platform}`)
  console.warn(`NOT TESTED on ${process.platform}: ${test.test?.fullTitle()}`)
  test.skip()
}
