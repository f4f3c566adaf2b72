/**
 * Reads command lines.
 *
 * Shape   words are separated by blanks; a word in double quotes may contain blanks, and its quotes are not part of it.
 */
import type { ToolEntry } from './entry.ts'
import { matches } from './names.ts'
import { programNameOf, projectOwner, toolsAt, toolsNamed } from './programs.ts'
import type { Mark, ToolIndex } from './tool-index.ts'

/** The number of options before a script's name is small. */
const MAX_OPTIONS = 16

export function firstWord(line: string): string | null {
  const word = nextWord(line, 0)
  return word && line.slice(word.start, word.end)
}

/** The tool that an interpreter was given to run: by the script's name, its folder, or the source it belongs to. */
export function toolsOfScript(
  index: ToolIndex,
  product: string,
  line: string,
  isPython: boolean,
): readonly ToolEntry[] | undefined {
  const script = scriptOf(line)
  if (script === null) return undefined
  const own =
    toolsAt(index, programNameOf(index, script), product) ?? (isPython ? projectOwner(index, script) : undefined)
  // 'sh -c "rustdesk --server"': a command within one word.
  const command = own || !script.includes(' ') ? null : firstWord(script)
  return command === null ? own : toolsAt(index, programNameOf(index, command), product)
}

/** Windows Installer is given the package on its command line. */
export function toolsOfInstaller(index: ToolIndex, line: string): readonly ToolEntry[] | undefined {
  for (let word = nextWord(line, 0); word; word = nextWord(line, word.end)) {
    if (!matches('*.msi', line, word.start, word.end)) continue
    const tools = toolsNamed(programNameOf(index, line.slice(word.start, word.end)), 'windows')
    if (tools) return tools
  }
  return undefined
}

/** `lower` is the command line in lower case. */
export function holds(mark: Mark, lower: string): boolean {
  return (
    mark.words.every((group) => group.some(({ text, prefix }) => hasWord(lower, text, prefix))) &&
    mark.parts.every((it) => lower.includes(it)) &&
    (mark.scriptEnds.length === 0 || endsSo(scriptOf(lower), mark.scriptEnds))
  )
}

/** Whether it was set up for unattended access. Null: not known. */
export function isUnattended(tool: ToolEntry, lower: string): true | null {
  const isSetUp =
    tool.unattended?.some((option) => hasWord(lower, option, false)) ||
    tool.unattendedNames?.some((name) => lower.includes(name.toLowerCase()))
  return isSetUp ? true : null
}

function endsSo(script: string | null, ends: readonly string[]): boolean {
  return script !== null && ends.some((it) => script.endsWith(it))
}

/** The first word after the program's own that is neither an option nor a setting. */
function scriptOf(line: string): string | null {
  let word = nextWord(line, 0)
  for (let options = 0; word && word.end < line.length && options < MAX_OPTIONS; options++) {
    word = nextWord(line, word.end)
    if (!word) return null
    if (line.charCodeAt(word.start) !== 45 && !isSetting(line, word.start)) return line.slice(word.start, word.end)
  }
  return null
}

/** 'NAME=value' */
function isSetting(line: string, start: number): boolean {
  let at = start
  while (isNameCode(line.charCodeAt(at))) at++
  return at > start && line.charCodeAt(at) === 61
}

function isNameCode(code: number): boolean {
  const letter = code | 32
  return (letter >= 97 && letter <= 122) || (code >= 48 && code <= 57) || code === 95
}

/** `option` as a separate word, or followed by '='; with `prefix`, a word that begins with it. */
function hasWord(line: string, option: string, prefix: boolean): boolean {
  for (let at = line.indexOf(option); at !== -1; at = line.indexOf(option, at + 1)) {
    const after = line[at + option.length]
    if (!isBound(line[at - 1])) continue
    if (prefix || isBound(after) || after === '=') return true
  }
  return false
}

function isBound(character: string | undefined): boolean {
  return character === undefined || character === ' ' || character === '"' || character === "'" || character === '\t'
}

function nextWord(text: string, from: number): { start: number; end: number } | null {
  let start = from
  while (start < text.length && (text.charCodeAt(start) === 32 || text.charCodeAt(start) === 34)) start++
  if (start >= text.length) return null
  const quoted = start > 0 && text.charCodeAt(start - 1) === 34
  const stop = text.indexOf(quoted ? '"' : ' ', start)
  return { start, end: stop === -1 ? text.length : stop }
}
