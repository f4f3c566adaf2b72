import { type DestinationStream, pino } from 'pino'
import { visible } from '../wire/printable.ts'

/** The server's log: one JSON object a line. */
export interface Logger {
  debug(facts: Record<string, unknown>, message: string): void
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
  error(facts: Record<string, unknown>, message: string): void
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * Shape   what a laptop sent goes into `facts`, never into `message`: there it is escaped as JSON, so that no string
 *         can end a line or begin another, nor change what a terminal shows. `err` is written with its stack.
 * Units   `time` is ISO 8601 in UTC.
 */
export function logger(level: LogLevel, destination: DestinationStream = pino.destination(2)): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  // JSON escapes neither C1 nor direction marks.
  return pino(options, { write: (line) => destination.write(visible(line)) })
}
