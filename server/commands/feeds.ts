/** `tellwire feeds`: the address ranges that this server knows by name, and who may send it events. */
import { basename } from 'node:path'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { loadConfig } from '../config.ts'
import { ageDays, importRanges, ListName, RANGE_CLASSES, Ranges, removeRanges, STALE_DAYS } from '../feeds/ranges.ts'
import { feedTokenCommand } from './feed-tokens.ts'

const where = {
  'data-folder': { type: 'string', description: "The server's data folder" },
  config: { type: 'string', description: "The server's configuration file (YAML)" },
} as const
const json = { type: 'boolean', description: 'Print JSON' } as const

const importCommand = defineCommand({
  meta: { name: 'import', description: 'Take in a list of address ranges: one address or CIDR block a line' },
  args: {
    file: {
      type: 'positional',
      required: true,
      description: 'The list; # begins a comment, what follows a comma is not read',
    },
    class: { type: 'enum', options: [...RANGE_CLASSES], required: true, description: 'Whose addresses these are' },
    name: { type: 'string', description: "The list's name here (default: the file's); importing it again replaces it" },
    date: { type: 'string', description: "The day the list was made, YYYY-MM-DD (default: the file's date)" },
    ...where,
    json,
  },
  async run({ args }) {
    // citty does not ask for an option of type enum, whatever `required` says.
    if (args.class === undefined)
      throw new Fault('usage', {
        where: '--class',
        todo: `Say whose addresses these are: ${RANGE_CLASSES.join(', ')}.`,
      })
    const name = args.name ?? nameOf(args.file)
    if (!ListName.safeParse(name).success)
      throw new Fault('usage', {
        where: '--name',
        todo: `'${name}' will not do: lower-case letters, digits and ._-, at most 64.`,
      })
    const { facts, bad, badLines } = await importRanges({
      folder: feedsFolder(args),
      file: args.file,
      class: args.class,
      name,
      date: args.date ?? null,
      now: Date.now(),
    })
    for (const { line, text, why } of bad)
      console.error(`${args.file}:${line}: '${text}': ${why}; the line is left out.`)
    if (badLines > bad.length) console.error(`${args.file}: and ${badLines - bad.length} more lines left out.`)
    if (args.json) console.log(JSON.stringify({ ...facts, badLines }))
    else {
      console.log(
        `${facts.name}: ${facts.entries} ranges of class ${facts.class}, made ${facts.date}${age(facts.date)}.`,
      )
      console.log('A running server uses it within a minute.')
    }
  },
})

const listCommand = defineCommand({
  meta: { name: 'list', description: 'Show the lists, in the order they are asked, and their age' },
  args: { ...where, json },
  async run({ args }) {
    const ranges = await Ranges.open(feedsFolder(args))
    const now = Date.now()
    const lists = ranges.lists().map((it) => ({ ...it, ageDays: ageDays(it.date, now), stale: isStale(it.date) }))
    if (args.json) console.log(JSON.stringify({ lists, problems: ranges.problems() }))
    else if (lists.length === 0) console.log('No lists. Import one with `tellwire feeds import FILE --class vpn`.')
    else
      for (const it of lists)
        console.log(
          `${it.name.padEnd(24)} ${it.class.padEnd(13)} ${String(it.entries).padStart(8)}  ${it.date}${age(it.date)}`,
        )
    for (const problem of ranges.problems()) console.error(problem)
    if (ranges.problems().length > 0) process.exitCode = 1
  },
})

const removeCommand = defineCommand({
  meta: { name: 'remove', description: 'Forget a list' },
  args: { name: { type: 'positional', required: true, description: "The list's name" }, ...where },
  async run({ args }) {
    await removeRanges(feedsFolder(args), args.name)
    console.log(`${args.name} is gone; a running server notices within a minute.`)
  },
})

export const feedsCommand = defineCommand({
  meta: { name: 'feeds', description: 'Import, list and remove address ranges; say who may send events' },
  subCommands: { import: importCommand, list: listCommand, remove: removeCommand, token: feedTokenCommand },
})

function feedsFolder(args: { config?: string | undefined; 'data-folder'?: string | undefined }): string {
  return loadConfig({ file: args.config ?? null, env: process.env, flags: { dataFolder: args['data-folder'] } })
    .feedsFolder
}

function nameOf(file: string): string {
  return basename(file)
    .toLowerCase()
    .replace(/\.[a-z]+$/, '')
    .replace(/[^a-z0-9._-]+/g, '-')
}

function isStale(date: string): boolean {
  return ageDays(date, Date.now()) > STALE_DAYS
}

function age(date: string): string {
  const days = ageDays(date, Date.now())
  return isStale(date) ? ` (${days} days old: stale, fetch a newer one)` : ` (${days} days old)`
}
