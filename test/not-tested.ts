/**
 * Skips a test that cannot run here, with a line that says so: a silent skip looks like a pass.
 *
 * Shape   with CI=true it fails the test instead, unless `inCI` is 'skip' because CI cannot have what is missing either.
 *         `test-tree.test.ts` lets nothing else skip tests.
 */
export function notTested(test: Mocha.Context, why: string, inCI: 'fail' | 'skip' = 'fail'): never {
  const title = (test.currentTest ?? test.test)?.fullTitle() ?? ''
  if (process.env.CI === 'true' && inCI === 'fail') throw new Error(`${why}, and this is CI: ${title}`)
  console.warn(`\n  !! NOT TESTED, ${why}: ${title}\n`)
  return test.skip()
}
