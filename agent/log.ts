/** The agent's log for its operator: one JSON object per line, on standard error. It is not sent to the server. */
import { visible } from '../wire/printable.ts'

export interface Logger {
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
}

/** Text from outside goes into `facts`, where it can neither end a line nor change what a terminal shows. */
export function logger(now: () => number, write: (line: string) => void): Logger {
  const line = (level: string) => (facts: Record<string, unknown>, message: string) =>
    write(`${visible(JSON.stringify({ level, time: new Date(now()).toISOString(), ...facts, msg: message }))}\n`)
  return { info: line('info'), warn: line('warn') }
}
