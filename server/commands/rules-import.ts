/**
 * `tellwire rules import DIR`: copies the usable rules of a collection such as SigmaHQ into a folder.
 *
 * Shape   the copies keep their paths, their text and their licence file. INDEX.json lists their source, each file's
 *         rules, and which files were refused and why.
 * Errors  a copy that was edited since is kept and reported, not overwritten.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { defineCommand } from 'citty'
import * as z from 'zod'
import { load, type Rule } from '../../rules/language/index.ts'
import { attribution, readRuleSources, type SourcedFile } from '../../rules/tooling/sources.ts'
import { Fault } from '../../wire/fault.ts'
import { folderArgs, folderIn } from './data-folder.ts'
import { counted, progress, share } from './progress.ts'
import { printable } from './terminal.ts'

const MAX_SHOWN = 10
const INDEX = 'INDEX.json'

const Copy = z.object({
  /** Relative to the folder, with slashes. */
  path: z.string().refine((it) => !it.startsWith('/') && !it.split('/').includes('..')),
  /** Hash of the text as copied. */
  sha256: z.string(),
  source: z.string(),
  rules: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      author: z.string().optional(),
      license: z.string().optional(),
      link: z.string().optional(),
    }),
  ),
})
type Copy = z.infer<typeof Copy>

const Index = z.object({
  source: z.string(),
  importedAt: z.string(),
  license: z.string().nullable(),
  counts: z.record(z.string(), z.number()),
  files: z.array(Copy),
  edited: z.array(z.string()),
  refused: z.array(z.object({ path: z.string(), reasons: z.array(z.string()) })),
})
export type Index = z.infer<typeof Index>

export const importCommand = defineCommand({
  meta: { name: 'import', description: 'Copy the usable rules of a collection such as SigmaHQ' },
  args: {
    from: { type: 'positional', required: true, description: 'The collection: a folder or a .tar.gz' },
    to: {
      type: 'string',
      valueHint: 'folder',
      description: "The target folder (default: 'rules/imported' in the data folder)",
    },
    ...folderArgs,
    json: { type: 'boolean', description: 'Print the contents of INDEX.json' },
  },
  async run({ args }) {
    const to = resolve(args.to ?? join(folderIn(args), 'rules', 'imported'))
    const shown = progress()
    const index = await importRules(args.from, to, Date.now(), (...step) => shown.show(share(...step))).finally(() =>
      shown.end(),
    )
    if (args.json) console.log(JSON.stringify(index))
    else for (const line of inWords(index, to)) console.log(printable(line))
    if (index.files.length === 0) process.exitCode = 1
  },
})

/** `onStep` is called with what is being done, and how far it is; `of` 0: not known. */
export async function importRules(
  from: string,
  to: string,
  now: number,
  onStep: (what: string, done: number, of: number) => void = () => {},
): Promise<Index> {
  const source = resolve(from)
  if (to === source || to.startsWith(source + sep))
    throw new Fault('usage', {
      where: to,
      why: 'The target folder is inside the source.',
      todo: 'Choose another --to.',
    })
  const refused = new Map<string, string[]>()
  const refuse = (path: string, reason: string) => refused.set(path, [...(refused.get(path) ?? []), reason])
  onStep('reading the rules', 0, 0)
  const files = await readRuleSources([from], ({ where, detail }) =>
    refuse(where ?? from, detail ?? 'It cannot be read.'),
  )
  onStep(`checking ${counted(files.length)} files`, 0, 0)
  const { rules, correlations, filters, problems } = load(files)
  const withinOf = new Map(files.map(({ path, within }) => [path, within]))
  for (const { severity, path, line, column, message, hint } of problems)
    if (severity === 'error')
      refuse(withinOf.get(path) ?? path, `line ${line}, column ${column}: ${message}${hint ? ` ${hint}` : ''}`)
  const rulesOf = Map.groupBy([...rules, ...correlations], ({ path }) => path)
  const withFilters = new Set(filters.map(({ path }) => path))
  const before = await readIndex(to)
  await keepTerms(files, to)

  const copies = new Map((before?.files ?? []).map((copy) => [copy.path, copy]))
  const placeOf = new Map(
    (before?.files ?? []).flatMap(({ path, rules }) => rules.map(({ id }) => [id, path] as const)),
  )
  const counts = { rules: 0, new: 0, updated: 0, same: 0, moved: 0 }
  const edited: string[] = []
  for (const [at, file] of files.entries()) {
    onStep('copying the rules', at, files.length)
    const its = rulesOf.get(file.path) ?? []
    if (refused.has(file.within)) continue
    if (its.length === 0 && !withFilters.has(file.path)) {
      refuse(file.within, 'It contains no rule.')
      continue
    }
    const moved = [...new Set(its.flatMap(({ id }) => placeOf.get(id) ?? []))].filter((path) => path !== file.within)
    const state = await copyFile(file, moved)
    if (state === 'edited') edited.push(file.within)
    else {
      counts[state]++
      counts.rules += its.length
      for (const path of moved) copies.delete(path)
      copies.set(file.within, copyOf(file, its, source))
    }
  }
  const index: Index = {
    source,
    importedAt: new Date(now).toISOString(),
    license: files.find(({ origin }) => origin.license !== null)?.origin.license ?? null,
    counts: { ...counts, edited: edited.length, refused: refused.size },
    files: [...copies.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    edited,
    refused: [...refused].map(([path, reasons]) => ({ path, reasons })),
  }
  await write(join(to, INDEX), `${JSON.stringify(index, null, 2)}\n`)
  return index

  /** `moved`: earlier paths of the same rules. */
  async function copyFile(
    { within, text }: SourcedFile,
    moved: readonly string[],
  ): Promise<'new' | 'updated' | 'same' | 'moved' | 'edited'> {
    const there = await textAt(join(to, within))
    if (there === text && moved.length === 0) return 'same'
    for (const path of [...(there === null || there === text ? [] : [within]), ...moved]) {
      const now = await textAt(join(to, path))
      if (now !== null && sha256(now) !== copies.get(path)?.sha256) return 'edited'
    }
    await write(join(to, within), text)
    for (const path of moved) await rm(join(to, path), { force: true })
    return moved.length > 0 ? 'moved' : there === null ? 'new' : 'updated'
  }
}

function copyOf(file: SourcedFile, rules: readonly Rule[], source: string): Copy {
  return {
    path: file.within,
    sha256: sha256(file.text),
    source,
    rules: rules.map((rule) => ({ id: rule.id, title: rule.title, ...attribution(rule, file.origin) })),
  }
}

/** Copies the licence with the rules; a folder has only one. */
async function keepTerms(files: readonly SourcedFile[], to: string): Promise<void> {
  const terms = files.find(({ origin }) => origin.terms !== null)?.origin.terms
  const there = await textAt(join(to, 'LICENSE'))
  if (terms && there !== null && there !== terms)
    throw new Fault('rule.invalid', {
      where: join(to, 'LICENSE'),
      why: 'This folder has rules under another licence.',
      todo: 'Choose another folder with --to.',
    })
  if (terms && there === null) await write(join(to, 'LICENSE'), terms)
}

async function readIndex(to: string): Promise<Index | null> {
  const text = await textAt(join(to, INDEX))
  if (text === null) return null
  try {
    return Index.parse(JSON.parse(text))
  } catch (cause) {
    throw new Fault('rule.invalid', {
      where: join(to, INDEX),
      why: 'This index was not written by an import.',
      todo: 'Move it away, or choose another folder with --to.',
      cause,
    })
  }
}

/** Null: no such file. */
async function textAt(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null
    throw new Fault('rule.invalid', { where: path, why: 'It cannot be read.', cause })
  })
}

/** Writes the whole file or nothing. */
async function write(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
  } catch (cause) {
    throw new Fault('store.unwritable', {
      where: path,
      todo: 'Make it writable, or choose another folder with --to.',
      cause,
    })
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function inWords({ source, license, counts, edited, refused }: Index, to: string): string[] {
  const shown = (lines: readonly string[]) =>
    lines.length > MAX_SHOWN
      ? [...lines.slice(0, MAX_SHOWN), `  and ${lines.length - MAX_SHOWN} more: see ${INDEX}`]
      : lines
  return [
    `${counts.rules} rules from ${source} are in ${to}:`,
    `${counts.new} new files, ${counts.updated} updated, ${counts.same} unchanged, ${counts.moved} moved.`,
    ...(edited.length > 0 ? [`${edited.length} kept with your edits:`, ...shown(edited.map((it) => `  ${it}`))] : []),
    ...(refused.length > 0
      ? [`${refused.length} cannot be used:`, ...shown(refused.map((it) => `  ${it.path}: ${it.reasons[0]}`))]
      : []),
    ...(license === null
      ? []
      : [`Their licence is ${license}; LICENSE and ${INDEX} record it with authors and addresses.`]),
    `To enable them, name the folder in the server's configuration:  rulesFolders: [${JSON.stringify(to)}]`,
  ]
}
