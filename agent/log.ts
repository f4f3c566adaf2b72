/** What the agent says to whoever runs it: one JSON object a line, on standard error. The server reads events, not this. */
export interface Logger {
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
}

/** What others wrote goes into `facts`, where JSON escapes it. */
export function logger(now: () => number, write: (line: string) => void): Logger {
  const line = (level: string) => (facts: Record<string, unknown>, message: string) =>
    write(`${JSON.stringify({ level, time: new Date(now()).toISOString(), ...facts, msg: message })}\n`)
  return { info: line('info'), warn: line('warn') }
}
