/**
 * A command line as the parsers that all systems share read it: the program's name without `.exe`, in lower case, and
 * paths with `/`. The mark of a long path (`\\?\C:\…`) is left out.
 */
import { slashes } from './hives.ts'

export function unixLike([program = '', ...rest]: readonly string[]): string[] {
  return [
    turned(program)
      .replace(/\.exe$/i, '')
      .toLowerCase(),
    ...rest.map(turned),
  ]
}

function turned(word: string): string {
  return word.replaceAll('\\', '/').replace(/^\/\/\?\/(?=[A-Za-z]:\/)/, '')
}

/** A working folder. Windows writes it with a separator at its end. */
export function folderLike(path: string | null): string | null {
  return path === null ? null : slashes(turned(path))
}
