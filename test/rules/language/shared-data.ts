/**
 * Real rules and real events, where they are: `../shared/data` beside the repository (not shipped; licences there).
 * Without it the tests that need it are skipped with a message, except in CI.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { FlatEvent, RuleFile } from '../../../rules/language/index.ts'
import { notTested } from '../../not-tested.ts'

const FOLDER = new URL('../../../../shared/data/', import.meta.url)

export function hasSharedData(): boolean {
  return existsSync(new URL('sigmahq.tar.gz', FOLDER))
}

/** For `before`: skips the suite, loudly, or fails it in CI. */
export function needSharedData(context: Mocha.Context): void {
  if (hasSharedData()) return
  notTested(context, '../shared/data is missing')
}

/** SigmaHQ's files by path: rules, regression data. */
export function sigmaFiles(): Map<string, string> {
  return untar(gunzipSync(readFileSync(new URL('sigmahq.tar.gz', FOLDER))))
}

export function ruleFiles(files: ReadonlyMap<string, string>): RuleFile[] {
  return [...files].filter(([path]) => /^rules[^/]*\/.*\.yml$/.test(path)).map(([path, text]) => ({ path, text }))
}

export function sysmonLines(): string[] {
  return gunzipSync(readFileSync(new URL('sysmon-otrf.ndjson.gz', FOLDER)))
    .toString('utf8')
    .trimEnd()
    .split('\n')
}

export function sysmonMatches(): Record<string, string[]> {
  return JSON.parse(readFileSync(new URL('sysmon-otrf.matches.json', FOLDER), 'utf8')).matches
}

/**
 * The objects of a text that holds one JSON object after another, as flat events: EventData, and System's attributes.
 */
export function windowsEvents(text: string): FlatEvent[] {
  return text
    .split(/(?<=^\})\s*$/m)
    .filter((each) => each.trim() !== '')
    .map((each) => flat(JSON.parse(each).Event))
}

type Tree = { [key: string]: unknown }

function flat(event: { System: Tree; EventData?: Tree; UserData?: Tree }): FlatEvent {
  const system = Object.entries(event.System).flatMap(([key, value]): [string, unknown][] => {
    const attributes = (value as Tree | null)?.['#attributes'] as Tree | undefined
    return attributes ? Object.entries(attributes).map(([name, inner]) => [`${key}_${name}`, inner]) : [[key, value]]
  })
  const user = Object.values(event.UserData ?? {})[0] as Tree | undefined
  return { ...Object.fromEntries(system), ...event.EventData, ...user }
}

function untar(tar: Buffer): Map<string, string> {
  const files = new Map<string, string>()
  let longName: string | null = null
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const text = (from: number, to: number) => tar.toString('utf8', at + from, at + to).split('\0')[0]!
    const size = parseInt(text(124, 136), 8)
    const type = text(156, 157)
    const content = tar.subarray(at + 512, at + 512 + size)
    const name =
      longName ??
      (text(257, 262) === 'ustar' && text(345, 500) !== '' && text(257, 265) !== 'ustar  '
        ? `${text(345, 500)}/${text(0, 100)}`
        : text(0, 100))
    longName = type === 'L' ? content.toString('utf8').split('\0')[0]! : null
    if (type === '0' || type === '') files.set(name.replace(/^\.\//, ''), content.toString('utf8'))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
