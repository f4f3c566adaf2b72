/**
 * Makes a failing input smaller while it keeps failing: removes ever smaller parts, then replaces bytes by 'a'.
 *
 * Units   at most `maxRuns` runs, and `ms` of time.
 */
export async function minimise(
  input: Buffer,
  fails: (input: Buffer) => Promise<boolean>,
  { maxRuns, ms }: { maxRuns: number; ms: number },
): Promise<Buffer> {
  const end = performance.now() + ms
  let runs = 0
  let best = input
  const isWorse = async (candidate: Buffer) => {
    if (runs++ >= maxRuns || performance.now() > end || !(await fails(candidate))) return false
    best = candidate
    return true
  }
  for (let size = Math.ceil(best.length / 2); size >= 1 && runs < maxRuns; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < best.length && runs < maxRuns; )
      if (!(await isWorse(Buffer.concat([best.subarray(0, at), best.subarray(at + size)])))) at += size
  for (let at = 0; at < best.length && at < 512; at++) {
    if (best[at] === 0x61) continue
    const plain = Buffer.from(best)
    plain[at] = 0x61
    await isWorse(plain)
  }
  return best
}
