/** For tests with the real /proc and /sys: skips them on other systems with a warning, and fails them in CI. */
export function needsLinux(test: Mocha.Context): void {
  if (process.platform === 'linux') return
  if (process.env.CI === 'true') throw new Error(`this needs Linux, not ${process.platform}`)
  console.warn(`NOT TESTED on ${process.platform}: ${test.test?.fullTitle()}`)
  test.skip()
}
