/** `tellwire catalogue`: known tools and hardware, and what a path, name or address is recognised as. */
import { readFile, readlink, realpath } from 'node:fs/promises'
import { defineCommand } from 'citty'
import { isToolCategory, TOOL_CATEGORIES } from '../../rules/catalogue/categories.ts'
import { check, processStart, type Recognition, recognitionsOf } from '../../rules/catalogue/check.ts'
import { type Catalogue, loadCatalogue, newerRelease, type Release } from '../../rules/catalogue/index.ts'
import { Fault } from '../../wire/fault.ts'
import { catalogueAge, staleWarnings } from '../addresses/ages.ts'
import { columns, printable } from './terminal.ts'

const json = { type: 'boolean', description: 'Print JSON' } as const
const MAX_SHOWN_REPORTS = 4

const checkCommand = defineCommand({
  meta: {
    name: 'check',
    description: 'Show what a path, name or address would be recognised as, by which fact and source',
  },
  args: {
    thing: {
      type: 'positional',
      required: true,
      several: true,
      description:
        'A path, a program, package, service, host, address or interface, ":PORT", a USB id "1d6b:0104", the name of a display, USB device or disk, a browser extension id, or "pid:123" of a running process',
    },
    json,
  },
  async run({ args }) {
    const catalogue = loadCatalogue()
    warnWhenStale(catalogue)
    const results = []
    for (const thing of args._) results.push({ thing, answers: await recognitionsFor(catalogue, thing) })
    if (args.json) console.log(JSON.stringify({ catalogue: catalogue.version, results }))
    else for (const { thing, answers } of results) for (const line of inWords(catalogue, thing, answers)) print(line)
  },
})

const listCommand = defineCommand({
  meta: {
    name: 'list',
    description: "List the entries: category, id, name, confidence, date, and for hardware the maker's newer release",
  },
  args: {
    category: { type: 'positional', required: false, description: 'Only this category; "hardware" for hardware' },
    reported: { type: 'boolean', description: 'Only entries that public reports name, with the reports' },
    json,
  },
  run({ args }) {
    const catalogue = loadCatalogue()
    warnWhenStale(catalogue)
    const { category } = args
    if (category !== undefined && category !== 'hardware' && !isToolCategory(category))
      throw new Fault('usage', {
        where: category,
        why: 'There is no such category.',
        todo: `Use one of: hardware, ${Object.keys(TOOL_CATEGORIES).join(', ')}.`,
      })
    const entries = [
      ...catalogue.tools,
      ...catalogue.hardware.map((it) => ({
        ...it,
        category: 'hardware' as const,
        newer: newerRelease(catalogue, it),
      })),
    ].filter((it) => (category === undefined || it.category === category) && (!args.reported || isReported(it)))
    if (args.json) console.log(JSON.stringify({ catalogue: catalogue.version, entries }))
    else {
      for (const line of columns([
        ['category', 'id', 'name', 'confidence', 'date', 'read on', 'reported'],
        ...entries.map((it) => [
          ...[it.category, it.id, it.name, it.confidence, it.date, 'seen' in it ? it.seen : ''],
          it.reports ? `${it.reports.evidence}${args.reported ? `: ${it.reports.by.join('; ')}` : ''}` : '',
        ]),
      ]))
        print(line)
      for (const it of entries)
        if ('newer' in it && it.newer) print(`${it.name} (${it.id}) ${inWordsOfRelease(it.date, it.newer)}`)
    }
  },
})

export const catalogueCommand = defineCommand({
  meta: { name: 'catalogue', description: 'Show the known tools, hardware and networks' },
  subCommands: { check: checkCommand, list: listCommand },
})

async function recognitionsFor(catalogue: Catalogue, thing: string): Promise<Recognition[]> {
  const pid = /^pid:(\d{1,10})$/.exec(thing)?.[1]
  if (pid !== undefined) return recognitionsOf(catalogue, [await running(pid)])
  const answers = check(catalogue, thing)
  // A name in /usr/bin is often a link to the tool's own folder.
  const real = thing.includes('/') ? await realpath(thing).catch(() => thing) : thing
  return real === thing ? answers : [...answers, ...check(catalogue, real).filter(isNewIn(answers))]
}

function isNewIn(answers: readonly Recognition[]): (answer: Recognition) => boolean {
  return ({ id, by }) => !answers.some((it) => it.id === id && it.by === by)
}

/** Errors  the process does not exist, or this is not Linux. Unreadable facts are null, as the agent reports them. */
async function running(pid: string) {
  const folder = `/proc/${pid}`
  const commandLine = await readFile(`${folder}/cmdline`, 'utf8').catch((cause: unknown) => {
    throw new Fault('usage', {
      where: `pid:${pid}`,
      why: process.platform === 'linux' ? 'No such process is running.' : 'Running processes are read on Linux only.',
      cause,
    })
  })
  return processStart('a running program', {
    product: 'linux',
    Image: await readlink(`${folder}/exe`).catch(() => null),
    CommandLine: commandLine.replaceAll('\0', ' ').trim() || null,
    CurrentDirectory: await readlink(`${folder}/cwd`).catch(() => null),
  })
}

function inWords(catalogue: Catalogue, thing: string, answers: readonly Recognition[]): string[] {
  if (answers.length === 0)
    return [
      `${thing}: not known. The catalogue of ${catalogue.version} has no such program, folder, package, service, host, interface or device.`,
    ]
  const lines: string[] = []
  for (const id of new Set(answers.map((it) => it.id))) {
    const own = answers.filter((it) => it.id === id)
    lines.push(headline(thing, own[0]!), ...own.flatMap(byWhat), ...fromWhere(catalogue, own[0]!))
  }
  return lines
}

function headline(thing: string, { taken, name, id, category }: Recognition): string {
  const about = isToolCategory(category) ? `: ${TOOL_CATEGORIES[category].about}` : ''
  return `${thing}: ${taken ? 'would be recognised as' : 'is not by itself recognised as'} ${name} (${id}), ${category}${about}.`
}

function byWhat({ by, fact, as, renamed, unattended, needs }: Recognition): string[] {
  const more = [renamed ? '; under a different name' : '', unattended ? '; set up for unattended access' : '']
  return [
    `  by ${by.replace('_', ' ')}: ${fact ?? '-'}; as ${as.join(', ')}${more.join('')}`,
    ...(needs ? [`  ${needs}`] : []),
  ]
}

function fromWhere(catalogue: Catalogue, { sources, date, seen, newer, confidence, reports }: Recognition): string[] {
  const titles = sources.map((key) => `${catalogue.sources[key]?.title ?? key} (${catalogue.sources[key]?.date})`)
  return [
    `  confidence ${confidence}, of ${date}${seen ? `, read on ${seen}` : ''}; from ${titles.join('; ')}`,
    ...(newer ? [`  It ${inWordsOfRelease(date, newer)}`] : []),
    ...(reports ? [`  ${reports.evidence}: ${reports.by.slice(0, MAX_SHOWN_REPORTS).join('; ')}`] : []),
  ]
}

function inWordsOfRelease(date: string, { of, version, date: released }: Release): string {
  return `is of ${date}, older than the newest release that we know of: ${of} ${version} of ${released}.`
}

/** Named by a report, directly or by reference; 'unverified' reports do not count. */
function isReported({ reports }: { reports?: Recognition['reports'] }): boolean {
  return reports != null && reports.evidence !== 'unverified'
}

function warnWhenStale({ version }: Catalogue): void {
  for (const warning of staleWarnings([catalogueAge(version, Date.now())])) console.error(`tellwire: ${warning}`)
}

function print(line: string): void {
  console.log(printable(line))
}
