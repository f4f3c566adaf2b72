/**
 * Reads rules from files, folders, or a copy of SigmaHQ's repository (also as a .tar.gz), with the attribution that
 * their licence requires.
 */
import { lstat, open, readdir, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Fault } from '../../wire/fault.ts'
import type { Rule, RuleFile } from '../language/index.ts'
import { textsIn } from './archive.ts'
import { MAX_FILE_BYTES, MAX_FILES, readRuleFiles, tooLarge } from './load.ts'

export interface SourcedFile extends RuleFile {
  /** Its path in its tree, or under the folder that was named; with slashes. */
  within: string
  origin: Origin
}

/** The licence in the rules' tree. Null: not known. */
export interface Origin {
  license: string | null
  link: string | null
  /** The licence's own text. */
  terms: string | null
}

/** What an alert must state about a third-party rule besides its id (Detection Rule License 1.1). */
export interface Attribution {
  author?: string
  license?: string
  link?: string
}

const OURS = 'Tellwire'
const UNKNOWN: Origin = { license: null, link: null, terms: null }
const SIGMAHQ = 'https://github.com/SigmaHQ/sigma/blob/master/'
const MAX_LICENSE_BYTES = 65_536
const MAX_DEPTH = 16
const ARCHIVE = /\.(tar\.gz|tgz)$/i

/**
 * Shape   of a SigmaHQ tree only its rules (`rules`, `rules-*`) are read, not what is deprecated or made for its tests.
 *         Other folders and files are read by `readRuleFiles`.
 * Errors  Fault 'rule.invalid' for a missing path; other unreadable files are reported to `refused`.
 */
export async function readRuleSources(
  paths: readonly string[],
  refused: (fault: Fault) => void,
): Promise<SourcedFile[]> {
  const files: SourcedFile[] = []
  for (const path of paths)
    files.push(...(ARCHIVE.test(path) ? await archived(path, refused) : await inFolders(path, refused)))
  return files
}

export function attribution(rule: Rule, origin: Origin = UNKNOWN): Attribution {
  if (rule.author === OURS) return {}
  const license = rule.license ?? origin.license
  return {
    ...(rule.author === null ? {} : { author: rule.author }),
    ...(license === null ? {} : { license }),
    ...(origin.link === null ? {} : { link: origin.link }),
  }
}

async function inFolders(path: string, refused: (fault: Fault) => void): Promise<SourcedFile[]> {
  const parts = await ruleFoldersOf(path)
  const found = await readRuleFiles(parts.length > 0 ? parts.map((name) => join(path, name)) : [path], refused)
  const files: SourcedFile[] = []
  const real = await realpath(path)
  const tree = await treeAbove(real)
  const base = tree?.root ?? ((await lstat(real)).isFile() ? dirname(real) : real)
  for (const file of found) {
    const within = relative(base, join(real, relative(path, file.path))).replaceAll(sep, '/')
    files.push({ ...file, within, origin: tree ? originOf(tree.license, within) : UNKNOWN })
  }
  return files
}

async function archived(path: string, refused: (fault: Fault) => void): Promise<SourcedFile[]> {
  await lstat(path).catch((cause: unknown) => {
    throw new Fault('rule.invalid', { where: path, why: 'There is no such file or folder.', cause })
  })
  const texts = new Map<string, string>()
  let license: string | null = null
  const wanted = (name: string) => /\.ya?ml$/i.test(name) || /^([^/]+\/)?LICENSE[^/]*$/.test(name)
  try {
    for await (const { name, text } of textsIn(path, { wanted, maxBytes: MAX_FILE_BYTES })) {
      if (text === null) refused(tooLarge(`${path}/${name}`))
      else if (!/\.ya?ml$/i.test(name)) license = text.slice(0, MAX_LICENSE_BYTES)
      else texts.set(name, text)
      if (texts.size > MAX_FILES) throw new Error(`It holds more than ${MAX_FILES} rule files.`)
    }
  } catch (cause) {
    throw new Fault('rule.invalid', {
      where: path,
      why: `The archive cannot be read: ${(cause as Error).message}`,
      cause,
    })
  }
  // An archive made by a forge has one folder around everything.
  const around = [...texts.keys()].some((name) => name.startsWith('rules/')) ? '' : '[^/]+/'
  const inTree = new RegExp(`^${around}(rules(?:-[^/]*)?/.*)$`)
  const places = [...texts.keys()].map((name) => ({ name, within: inTree.exec(name)?.[1] }))
  const isTree = places.some(({ within }) => within?.startsWith('rules/'))
  return places
    .filter(({ within }) => within !== undefined || !isTree)
    .map(({ name, within = name }) => ({
      path: `${path}/${name}`,
      text: texts.get(name)!,
      within,
      origin: originOf(license, within),
    }))
    .sort((a, b) => (a.within < b.within ? -1 : 1))
}

/** `rules`, `rules-*` where `path` is a tree of the kind that SigmaHQ has; none where it is not. */
async function ruleFoldersOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  const folders = entries.filter((it) => it.isDirectory()).map((it) => it.name)
  const rules = folders.filter((name) => /^rules(-.*)?$/.test(name)).sort()
  return rules.length > 1 && rules.includes('rules') ? rules : []
}

/** The nearest folder upwards that holds `rules` and a licence for them. */
async function treeAbove(path: string): Promise<{ root: string; license: string } | null> {
  let root = path
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const license = await licenseIn(root)
    if (license !== null && (await lstat(join(root, 'rules')).catch(() => null))?.isDirectory())
      return { root, license }
    if (dirname(root) === root) return null
    root = dirname(root)
  }
  return null
}

async function licenseIn(folder: string): Promise<string | null> {
  const file = await open(join(folder, 'LICENSE')).catch(() => null)
  try {
    if (!(await file?.stat())?.isFile()) return null
    const buffer = Buffer.alloc(MAX_LICENSE_BYTES)
    const read = await file!.read(buffer, 0, MAX_LICENSE_BYTES, 0)
    return buffer.toString('utf8', 0, read.bytesRead)
  } finally {
    await file?.close()
  }
}

/** Only what the licence text states. Addresses of rules are known for the repository that it names. */
function originOf(terms: string | null, within: string): Origin {
  const isDrl = terms !== null && /Detection Rule License|\bDRL\b/.test(terms)
  const isSigmaHq = isDrl && terms.includes('github.com/SigmaHQ')
  return {
    license: isDrl ? 'DRL-1.1' : null,
    link: isSigmaHq ? SIGMAHQ + within.split('/').map(encodeURIComponent).join('/') : null,
    terms,
  }
}
