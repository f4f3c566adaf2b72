/**
 * Which files each system's collectors reach, so that a shared file counts only where it is used.
 *
 * Shape   from the entry of each system in COLLECTORS of `agent/collectors/index.ts`: the imports that it names, and
 *         what those files import in turn, without types. A file that is imported is taken as used whole.
 * Errors  throws when a system has no entry.
 * Source  the text as Biome formats it: an entry is indented by two spaces and ends before the next line that is.
 */
import { posix } from 'node:path'
import { SYSTEMS, type System } from '../../rules/tooling/makers.ts'

interface Import {
  names: string[]
  path: string
}

/** `read` gives a file's text by its path, which is relative to any folder; the result has such paths, sorted. */
export function reached(index: string, read: (path: string) => string): Record<System, string[]> {
  const text = read(index)
  const imports = importsOf(index, text)
  const reachedBy = (system: System) => {
    const [, entry] = new RegExp(`^ {2}${system}: (.*(?:\\n {4}.*|\\n {2}[}\\])].*)*)`, 'm').exec(text) ?? []
    if (entry === undefined) throw new Error(`${index} has no entry for ${system}`)
    const words = new Set(entry.match(/\w+/g))
    const waiting = imports.filter((it) => it.names.some((name) => words.has(name))).map((it) => it.path)
    const found = new Set<string>()
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (found.has(path)) continue
      found.add(path)
      waiting.push(...importsOf(path, read(path)).map((it) => it.path))
    }
    return [...found].sort()
  }
  const [linux, macos, windows] = SYSTEMS.map(reachedBy) as [string[], string[], string[]]
  return { linux, macos, windows }
}

/** Our own files that a file imports for more than types, also when it does so late. */
function importsOf(from: string, text: string): Import[] {
  const at = (path: string) => posix.join(posix.dirname(from), path)
  const early = [...text.matchAll(/^(?:import|export) (?!type\b)([^'"]*?) from '(\.[^']*\.ts)'/gm)].flatMap(
    ([, what = '', path = '']) => {
      const named = /\{([^}]*)\}/.exec(what)?.[1]?.split(',') ?? [what]
      const names = named.map((it) => it.trim()).filter((it) => it !== '' && !it.startsWith('type '))
      return names.length === 0 ? [] : [{ names: names.map((it) => it.split(' as ').at(-1)!), path: at(path) }]
    },
  )
  const late = [...text.matchAll(/\bimport\('(\.[^']*\.ts)'\)/g)].map(([, path = '']) => ({
    names: [],
    path: at(path),
  }))
  return [...early, ...late]
}
