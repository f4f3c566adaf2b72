/** `tellwire feeds`: address range lists, address databases and their age, and the tokens of senders. */
import { basename } from 'node:path'
import { defineCommand } from 'citty'
import { catalogueVersion } from '../../rules/catalogue/index.ts'
import { Fault } from '../../wire/fault.ts'
import { openAddresses } from '../addresses/addresses.ts'
import { type FeedAge, feedAges, listAge, staleWarnings } from '../addresses/ages.ts'
import { GEOFEED, importGeofeed, removeGeofeed } from '../addresses/geofeeds.ts'
import { feedChangeWarning, keptFeedChanges } from '../addresses/moved.ts'
import { ListName, RANGE_CLASSES } from '../addresses/range-list.ts'
import { importRanges, removeRanges } from '../addresses/ranges.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import { configIn, folderArgs } from './data-folder.ts'
import { feedTokenCommand } from './feed-tokens.ts'
import { progress, share } from './progress.ts'
import { printable } from './terminal.ts'

const json = { type: 'boolean', description: 'Print JSON' } as const

const importCommand = defineCommand({
  meta: { name: 'import', description: 'Import a list of address ranges: one address or CIDR block per line' },
  args: {
    file: {
      type: 'positional',
      required: true,
      description: 'The list; # begins a comment, and text after a comma is ignored',
    },
    class: {
      type: 'enum',
      options: [...RANGE_CLASSES, GEOFEED],
      required: true,
      description: "What kind of addresses these are; geofeed: an operator's own list of places (RFC 8805)",
    },
    name: { type: 'string', description: "The list's name (default: the file's); importing it again replaces it" },
    date: { type: 'string', description: "The day the list was made, YYYY-MM-DD (default: the file's date)" },
    ...folderArgs,
    json,
  },
  async run({ args }) {
    // citty does not enforce `required` for an option of type enum.
    if (args.class === undefined)
      throw new Fault('usage', {
        where: '--class',
        todo: `Give one of: ${[...RANGE_CLASSES, GEOFEED].join(', ')}.`,
      })
    const name = args.name ?? nameOf(args.file)
    if (!ListName.safeParse(name).success)
      throw new Fault('usage', {
        where: '--name',
        why: `'${name}' is not a valid name.`,
        todo: 'Use up to 64 lower-case letters, digits and ._-.',
      })
    const shown = progress()
    const list = {
      folder: configIn(args).feedsFolder,
      file: args.file,
      name,
      date: args.date ?? null,
      now: Date.now(),
      onProgress: (lines: number, of: number) => shown.show(share('importing', lines, of)),
    }
    const imported = args.class === GEOFEED ? importGeofeed(list) : importRanges({ ...list, class: args.class })
    const { facts, bad, badLines } = await imported.finally(() => shown.end())
    for (const { line, text, why } of bad)
      console.error(printable(`${args.file}:${line}: '${text}': ${why}; the line is omitted.`))
    if (badLines > bad.length)
      console.error(printable(`${args.file}: and ${badLines - bad.length} more lines omitted.`))
    if (args.json) console.log(JSON.stringify({ ...facts, badLines }))
    else {
      console.log(
        `${facts.name}: ${facts.entries} ranges of class ${facts.class}, made ${facts.date}${age(listAge(facts, Date.now()))}.`,
      )
      console.log('A running server uses it within a minute.')
    }
  },
})

const listCommand = defineCommand({
  meta: {
    name: 'list',
    description: 'List range lists in order of precedence, address databases and the catalogue, with their age',
  },
  args: { ...folderArgs, json },
  async run({ args }) {
    const config = configIn(args)
    const addresses = await openAddresses({
      rangesFolder: config.feedsFolder,
      geoip: config.geoip,
      catalogueAsnClass: () => null,
    })
    const now = Date.now()
    const ages = feedAges(addresses, catalogueVersion, now)
    const changes = await changesIn(config.dataFolder, now)
    const problems = addresses.problems()
    if (problems.length > 0) process.exitCode = 1
    if (args.json) {
      const lists = addresses.lists().map((it) => {
        const { days, stale } = listAge(it, now)
        return { ...it, ageDays: days, stale }
      })
      const databases = ages.filter((it) => it.kind === 'database')
      const catalogue = ages.find((it) => it.kind === 'catalogue')
      console.log(JSON.stringify({ lists, databases, catalogue, changes, problems }))
      return
    }
    const entries = new Map(addresses.lists().map((it) => [it.name, it]))
    for (const it of ages) {
      const list = it.kind === 'list' ? entries.get(it.name) : undefined
      const columns = [it.name.padEnd(24), (list?.class ?? it.kind).padEnd(13), String(list?.entries ?? '').padStart(8)]
      console.log(printable(`${columns.join(' ')}  ${it.date ?? 'date unknown'}${it.date === null ? '' : age(it)}`))
    }
    if (entries.size === 0) console.log('No lists. Import one with `tellwire feeds import FILE --class vpn`.')
    for (const warning of [...addresses.warnings(), ...staleWarnings(ages), ...changes.map(feedChangeWarning)])
      console.error(printable(warning))
  },
})

const removeCommand = defineCommand({
  meta: { name: 'remove', description: 'Remove a list' },
  args: { name: { type: 'positional', required: true, description: "The list's name" }, ...folderArgs },
  async run({ args }) {
    const folder = configIn(args).feedsFolder
    if (!(await removeGeofeed(folder, args.name))) await removeRanges(folder, args.name)
    console.log(printable(`${args.name} is removed. A running server stops using it within a minute.`))
  },
})

export const feedsCommand = defineCommand({
  meta: { name: 'feeds', description: 'Import, list and remove address ranges; manage who may send events' },
  subCommands: { import: importCommand, list: listCommand, remove: removeCommand, token: feedTokenCommand },
})

/** Empty where no server has run yet. */
async function changesIn(dataFolder: string, now: number): Promise<FeedChange[]> {
  try {
    return await keptFeedChanges(dataFolder, now)
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'store.missing') return []
    throw cause
  }
}

function nameOf(file: string): string {
  return basename(file)
    .toLowerCase()
    .replace(/\.[a-z]+$/, '')
    .replace(/[^a-z0-9._-]+/g, '-')
}

function age({ days, stale }: FeedAge): string {
  return stale ? ` (${days} days old: stale, get a newer one)` : ` (${days} days old)`
}
