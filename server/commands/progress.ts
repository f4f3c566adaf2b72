/**
 * How far a slow command is: one line on the terminal, rewritten, and removed at the end.
 *
 * Shape   nothing for the first two seconds, and nothing at all where standard error is not a terminal: a log or a
 *         nightly mail wants results only.
 */
const QUIET_MS = 2_000
const EVERY_MS = 200

export interface Progress {
  /** The whole line, such as 'judging 40 %'. */
  show(line: string): void
  /** Removes the line. */
  end(): void
}

export function progress(
  out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> & { columns?: number } = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  let nextAt = now() + QUIET_MS
  let isShown = false
  return {
    show(line) {
      if (!out.isTTY || now() < nextAt) return
      nextAt = now() + EVERY_MS
      isShown = true
      out.write(`\r\u001b[K${line.slice(0, Math.max(20, (out.columns ?? 80) - 1))}`)
    },
    end() {
      if (isShown) out.write('\r\u001b[K')
      isShown = false
    },
  }
}

/** 'judging 40 %'. */
export function share(what: string, done: number, of: number): string {
  return of === 0 ? what : `${what} ${Math.floor((100 * Math.min(done, of)) / of)} %`
}

/** 1234567 as '1,234,567'. */
export function counted(count: number): string {
  return count.toLocaleString('en-US')
}
