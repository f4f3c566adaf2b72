/** How many of the programs that started on a laptop its agent saw, in one short line: it belongs to every verdict. */
import type { StartsSeen } from '../../model/coverage.ts'
import { plain } from './text.tsx'

/** The laptop of which least was seen. */
export function Starts({ of }: { of: readonly (StartsSeen | null)[] }) {
  const [worst] = of.filter((it) => it !== null).sort((a, b) => share(a) - share(b))
  if (!worst) return null
  const { seen, total, by } = worst
  const isBound = by === 'poll'
  const about =
    `In the last hour that was reported, ${seen.toLocaleString()} of ${total.toLocaleString()} were seen` +
    (isBound ? '; the total includes threads, so the share is a lower bound.' : '.')
  return (
    <span class={share(worst) < 0.9 && !isBound ? 'starts warn' : 'starts muted'} title={about}>
      programs seen {isBound && 'at least '}
      {percent(share(worst))} ({plain(isBound ? 'polling' : by, 20)})
    </span>
  )
}

function share({ seen, total }: StartsSeen): number {
  return total === 0 ? 1 : seen / total
}

/** Never rounded up to all. */
function percent(of: number): string {
  return `${Math.floor(of * 100).toLocaleString()} %`
}
