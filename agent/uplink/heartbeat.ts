/** Detects a dead peer on a connection that still looks open. */
export interface HeartbeatOptions {
  everyMs: number
  /** A server that answers pings but acknowledges nothing for this long counts as dead, too. */
  ackMs: number
  ping(n: number): void
  /** How long the oldest frame in flight has waited for its ack. */
  waitedMs(): number
  /** Called once, with what is missing. */
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
