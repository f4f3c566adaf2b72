/**
 * How far a slow command is: one line on the terminal, rewritten, and removed at the end.
 *
 * Shape   nothing for the first two seconds, and nothing at all where standard error is not a terminal: a log or a
 *         nightly mail wants results only.
 */
const QUIET_MS = 2_000
const EVERY_MS = 200
const ERASE = '\r\u001b[K'

export interface Progress {
  /** The whole line, such as 'judging 40 %'. It appears when it is due, even if nothing else is shown by then. */
  show(line: string): void
  /** Removes the line, so that other output begins at the left. The next one to be shown is drawn again. */
  clear(): void
  /** Removes the line for good. */
  end(): void
}

export function progress(
  out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> & { columns?: number } = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  let nextAt = now() + QUIET_MS
  let line = ''
  let drawn = ''
  let timer: NodeJS.Timeout | undefined
  return {
    show(text) {
      if (!out.isTTY) return
      line = text.slice(0, Math.max(20, (out.columns ?? 80) - 1))
      // For a step that takes long and says nothing meanwhile.
      timer ??= setInterval(draw, EVERY_MS).unref()
      draw()
    },
    clear,
    end() {
      clearInterval(timer)
      timer = undefined
      clear()
    },
  }

  function draw(): void {
    if (line === drawn || now() < nextAt) return
    nextAt = now() + EVERY_MS
    drawn = line
    out.write(`${ERASE}${line}`)
  }

  function clear(): void {
    if (drawn !== '') out.write(ERASE)
    drawn = ''
  }
}

/** 'judging 40 %'. */
export function share(what: string, done: number, of: number): string {
  return of === 0 ? what : `${what} ${Math.floor((100 * Math.min(done, of)) / of)} %`
}

/** 1234567 as '1,234,567'. */
export function counted(count: number): string {
  // Without Intl, which takes 10 ms to load.
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
