/**
 * Starts from one source, with the command lines that another one caught of the same processes.
 *
 * Shape   the second source is woken by each start, which costs a millisecond of CPU: it is used while few programs
 *         start, as when somebody types commands, and switched off in a build. The starts are those of the first.
 * Units   a budget of 100 starts, 2 more each second; without any left it is off until all 100 are there again.
 * Errors  those of the first source. Without the second, starts have no command line once their program has ended.
 */
import type { Caught, Start, StartSource, StartSourceKind } from '../host.ts'

const BURST = 100
const PER_SECOND = 2
/** A second source that failed is tried again after this time. */
const AGAIN_MS = 600_000

/** `now`: ms of a clock that nobody sets. */
export function withCommandLines(
  first: StartSourceKind,
  second: StartSourceKind,
  now: () => number = () => performance.now(),
): StartSourceKind {
  return { name: first.name, open: () => joined(first.open(), second, now) }
}

function joined(first: StartSource, kind: StartSourceKind, now: () => number): StartSource {
  let second: StartSource | null = null
  let budget = BURST
  let at = now()
  let notBefore = Number.NEGATIVE_INFINITY
  open()
  return { name: first.name, read, close }

  function read() {
    const { starts, lost } = first.read()
    // After the first, so that it has caught what the first tells.
    const more = caught()
    const passed = now() - at
    at += passed
    budget = Math.min(BURST, budget + (passed / 1_000) * PER_SECOND) - starts.length
    if (budget <= 0) end()
    else if (second === null && budget >= BURST - PER_SECOND && at >= notBefore) open()
    budget = Math.max(-BURST, budget)
    return { starts: starts.map((it) => ({ ...it, caught: more.get(it.pid)?.shift() ?? it.caught })), lost }
  }

  /** By process, in the order of its execs. */
  function caught(): Map<number, (Caught | null)[]> {
    const found = new Map<number, (Caught | null)[]>()
    try {
      for (const it of second?.read().starts ?? ([] as Start[])) {
        const all = found.get(it.pid)
        if (all) all.push(it.caught)
        else found.set(it.pid, [it.caught])
      }
    } catch {
      end()
      notBefore = now() + AGAIN_MS
    }
    return found
  }

  function open(): void {
    try {
      second = kind.open()
    } catch {
      notBefore = now() + AGAIN_MS
    }
  }

  function end(): void {
    const before = second
    second = null
    try {
      before?.close()
    } catch {
      // It is tried again later.
    }
  }

  function close(): void {
    end()
    first.close()
  }
}
