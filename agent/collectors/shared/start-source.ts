/**
 * Ways to be told of program starts, and the choice among them.
 *
 * Shape   the first of the list that opens is used until it fails; then the next is tried at once, and a better one
 *         again after ten minutes. None left: the caller polls /proc.
 * Errors  each way that does not work, or stops working, is one gap.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { gap, gapReason } from '../../collect.ts'
import type { Host, Start, StartSource, StartSourceKind, StartsBy } from '../../host/host.ts'

const AGAIN_MS = 600_000

export interface ChosenSource {
  /** Null: none works. */
  readonly name: StartsBy | null
  /** The starts since the last call. `opened`: another source is in use than before, so that starts may be missing. */
  read(collector: string): { starts: Start[]; lost: number; gaps: ObservationOf<'collection_gap'>[]; opened: boolean }
  close(): void
}

export function bestSource(kinds: readonly StartSourceKind[], host: Host): ChosenSource {
  let current: { source: StartSource; rank: number } | null = null
  const failedAt = new Map<StartSourceKind, number>()
  return {
    get name() {
      return current?.source.name ?? null
    },
    read,
    close,
  }

  function read(collector: string) {
    const gaps: ObservationOf<'collection_gap'>[] = []
    const tell = (kind: StartSourceKind, cause: unknown) => {
      failedAt.set(kind, host.elapsed())
      const about = `program starts by ${kind.name}`
      gaps.push({
        ...gap({ time: host.now(), collector }, about, gapReason(cause), cause),
        // Another way goes on, so programs are seen; how many of those that start stands in agent_state.
        Categories: ['agent_state'],
      })
    }
    let opened = choose(tell)
    for (;;) {
      if (current === null) return { starts: [], lost: 0, gaps, opened }
      try {
        return { ...current.source.read(), gaps, opened }
      } catch (cause) {
        const kind = kinds[current.rank]!
        close()
        tell(kind, cause)
        opened = choose(tell) || opened
      }
    }
  }

  /** Opens the best source that is better than the current one. True: there is another one now. */
  function choose(tell: (kind: StartSourceKind, cause: unknown) => void): boolean {
    const better = kinds.slice(0, current?.rank ?? kinds.length)
    for (const [rank, kind] of better.entries()) {
      if (host.elapsed() - (failedAt.get(kind) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) continue
      try {
        const source = kind.open()
        close()
        current = { source, rank }
        return true
      } catch (cause) {
        tell(kind, cause)
      }
    }
    return false
  }

  function close(): void {
    const before = current
    current = null
    try {
      before?.source.close()
    } catch {
      // What it leaves behind is removed at the next start.
    }
  }
}
