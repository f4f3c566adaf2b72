/**
 * The arguments in a command line, as programs compiled by Microsoft's compiler read it.
 *
 * Source  Microsoft's 'Parsing C++ command-line arguments': blanks and tabs separate, quotation marks keep them;
 *         2n backslashes before a mark are n of them, 2n+1 are n and the mark itself; two marks inside are one.
 */
const MAX_ARGUMENTS = 1_000

export function commandArguments(line: string): string[] {
  const found: string[] = []
  let [argument, isQuoted, isOpen] = ['', false, false]
  const end = () => {
    if (isOpen) found.push(argument)
    ;[argument, isOpen] = ['', false]
  }
  for (let at = 0; at < line.length && found.length < MAX_ARGUMENTS; at++) {
    const character = line[at]!
    if (!isQuoted && (character === ' ' || character === '\t')) {
      end()
      continue
    }
    isOpen = true
    if (character === '\\') {
      let last = at
      while (line[last + 1] === '\\') last++
      const count = last - at + 1
      const isBeforeMark = line[last + 1] === '"'
      argument += '\\'.repeat(isBeforeMark ? count >> 1 : count)
      at = last
      if (isBeforeMark && count % 2 === 1) {
        argument += '"'
        at++
      }
    } else if (character === '"') {
      if (isQuoted && line[at + 1] === '"') {
        argument += '"'
        at++
      } else isQuoted = !isQuoted
    } else argument += character
  }
  end()
  return found
}
