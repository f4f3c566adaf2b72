/** The agent's log for its operator: one JSON object per line, on standard error. It is not sent to the server. */
export interface Logger {
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
}

/** Text from outside goes into `facts`, where JSON escapes it. */
export function logger(now: () => number, write: (line: string) => void): Logger {
  const line = (level: string) => (facts: Record<string, unknown>, message: string) =>
    write(`${JSON.stringify({ level, time: new Date(now()).toISOString(), ...facts, msg: message })}\n`)
  return { info: line('info'), warn: line('warn') }
}
