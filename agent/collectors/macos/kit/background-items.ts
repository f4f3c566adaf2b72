/**
 * What applications registered to run in the background, and the login items that users added: macOS' own database.
 *
 * Shape   an archive of objects that refer to each other by number. Of its records, those that are enabled and start
 *         something: applications, login items, agents and daemons. Jobs whose files lie in a folder of launchd ('legacy')
 *         are left out: they are found there.
 * Errors  throws a SyntaxError for what is no such archive.
 * Source  NSKeyedArchiver's form: $top names the roots, $objects has the objects; a dictionary has NS.keys and NS.objects,
 *         a URL NS.relative. The names of the database's fields and the bits of type (app 2, login item 4, agent 8, daemon
 *         16, legacy 0x10000) and disposition (enabled 1) as DumpBTM and bgiparser describe them: Apple does not.
 */
import { redactArguments } from '../../../redact/index.ts'
import { list, type Plist, PlistId, type PlistRecord, parsePlist, record, text, whole } from '../../shared/plist.ts'

const STARTS = 2 | 4 | 8 | 16
const LEGACY = 0x10000
const ENABLED = 1
const MAX_ITEMS = 4_000
/** Of the system, and of root. */
const SYSTEM = /^FFFFEEEE-DDDD-CCCC-BBBB-AAAA/i

export interface BackgroundItem {
  name: string
  /** The program with its arguments, or the path of what is opened. Null: it says neither. */
  command: string | null
  isSystem: boolean
}

export function parseBackgroundItems(bytes: Buffer): BackgroundItem[] {
  const archive = record(parsePlist(bytes))
  const objects = list(archive?.$objects)
  const store = record(resolve(record(archive?.$top)?.store))
  if (store === null) throw new SyntaxError('no archive of background items')
  const found: BackgroundItem[] = []
  for (const [user, items] of entriesOf(resolve(store.itemsByUserIdentifier)))
    for (const it of elementsOf(items)) {
      const item = record(resolve(it))
      if (item === null || found.length >= MAX_ITEMS) continue
      const [type, disposition] = [whole(item.type) ?? 0, whole(item.disposition) ?? 0]
      if ((type & STARTS) === 0 || (type & LEGACY) !== 0 || (disposition & ENABLED) === 0) continue
      const name = textOf(item.name) ?? textOf(item.identifier) ?? 'no name'
      found.push({ name, command: commandOf(item), isSystem: SYSTEM.test(user) })
    }
  return found

  function resolve(value: Plist | undefined): Plist | undefined {
    return value instanceof PlistId ? objects[value.id] : value
  }

  function textOf(value: Plist | undefined): string | null {
    const found = text(resolve(value))
    return found === null || found === '$null' || found === '' ? null : found
  }

  function elementsOf(value: Plist | undefined): Plist[] {
    return list(record(resolve(value))?.['NS.objects'])
  }

  function entriesOf(value: Plist | undefined): [string, Plist | undefined][] {
    const dictionary = record(value)
    const values = list(dictionary?.['NS.objects'])
    return list(dictionary?.['NS.keys']).map((key, n) => [textOf(key) ?? '', values[n]])
  }

  function commandOf(item: PlistRecord): string | null {
    const program = textOf(item.executablePath) ?? pathOf(textOf(record(resolve(item.url))?.['NS.relative']))
    const args = elementsOf(item.programArguments).flatMap((it) => textOf(it) ?? [])
    if (program === null) return args.length === 0 ? null : redactArguments(args)
    return redactArguments([program, ...args.slice(1)])
  }
}

/** 'file:///Applications/a%20b.app/' */
function pathOf(url: string | null): string | null {
  if (url === null) return null
  try {
    return url.startsWith('file://') ? decodeURIComponent(new URL(url).pathname).replace(/\/$/, '') : url
  } catch {
    return url
  }
}
