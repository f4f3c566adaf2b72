/** Finds out that a peer is gone, though the connection still looks open. */
export interface HeartbeatOptions {
  everyMs: number
  /** A server that answers pings but acknowledges nothing for so long is gone, too. */
  ackMs: number
  ping(n: number): void
  /** How long the oldest frame has waited for its acknowledgement. */
  waitedMs(): number
  /** Called once, with what did not come. */
  onSilent(what: string): void
}

export interface Heartbeat {
  pong(n: number): void
  stop(): void
}

export function heartbeat({ everyMs, ackMs, ping, waitedMs, onSilent }: HeartbeatOptions): Heartbeat {
  let pings = 0
  let unanswered = 0
  const timer = setInterval(beat, everyMs)
  return {
    pong(n) {
      if (n === pings) unanswered = 0
    },
    stop: () => clearInterval(timer),
  }

  function beat(): void {
    const missing = unanswered >= 2 ? 'two pings' : waitedMs() > ackMs ? 'no acknowledgement' : null
    if (missing === null) {
      unanswered++
      ping(++pings)
      return
    }
    clearInterval(timer)
    onSilent(missing)
  }
}
