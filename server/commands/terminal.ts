/** Text output for people, shared by the commands. */
import type { Problem } from '../../rules/language/index.ts'
import { printable } from '../../wire/printable.ts'
import { LOG_LEVELS, type Logger, type LogLevel } from '../log.ts'

export { printable } from '../../wire/printable.ts'

/**
 * The server's log for a person at a terminal, who reads `warn  the text` more easily than JSON.
 *
 * Shape   lines are held back until `release`, so that a start prints its own text first. Of the facts only the error's
 *         message is shown.
 */
export function terminalLogger(level: LogLevel, print: (line: string) => void): Logger & { release(): void } {
  let held: string[] | null = []
  const at = (its: Exclude<LogLevel, 'silent'>) => (facts: Record<string, unknown>, message: string) => {
    if (LOG_LEVELS.indexOf(its) < LOG_LEVELS.indexOf(level)) return
    const why = facts.err instanceof Error ? `: ${facts.err.message}` : ''
    const line = printable(`${its.padEnd(5)} ${message}${why}`)
    if (held) held.push(line)
    else print(line)
  }
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    release() {
      for (const line of held ?? []) print(line)
      held = null
    },
  }
}

export function described({ path, line, column, severity, message, hint }: Problem): string {
  return `${path}:${line}:${column}: ${severity}: ${message}${hint ? ` ${hint}` : ''}`
}

/** Columns as wide as their contents. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0)) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

/** Every value of an option that may be given several times: `--rules A --rules=B`. */
export function repeated(rawArgs: readonly string[], option: string): string[] {
  const end = rawArgs.indexOf('--')
  const words = end < 0 ? rawArgs : rawArgs.slice(0, end)
  return words.flatMap((word, at) => {
    if (word.startsWith(`${option}=`)) return [word.slice(option.length + 1)]
    const value = words[at + 1]
    return word === option && value !== undefined ? [value] : []
  })
}
