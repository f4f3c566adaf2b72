/** Text output for people, shared by the commands. */
import type { Problem } from '../../rules/language/index.ts'

export { printable } from '../../wire/printable.ts'

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
