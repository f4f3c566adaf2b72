/** Reads rule files from disk, with limits. `language/load.ts` parses them. */
import { lstat, open, readdir, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { Fault } from '../../wire/fault.ts'
import type { RuleFile } from '../language/index.ts'

/** SigmaHQ's largest rule is 60 KB, and it has 4,000 of them. */
export const MAX_FILE_BYTES = 1_048_576
export const MAX_FILES = 20_000
const MAX_DEPTH = 16

/**
 * Reads every .yml and .yaml file under `folders` (or the file itself), in the order of their paths.
 *
 * Shape   hidden entries and links to folders are skipped, so that no loop is possible; a link to a file is followed
 *         while that file is under the same folder. Paths are shown as the folder was given.
 * Errors  Fault 'rule.invalid' for files that are missing, unreadable, too large or too many. With `refused`, bad files
 *         are reported there and the others are read; the folders themselves must exist.
 */
export async function readRuleFiles(
  folders: readonly string[],
  refused: (fault: Fault) => void = (fault) => {
    throw fault
  },
): Promise<RuleFile[]> {
  const files: RuleFile[] = []
  for (const folder of folders) {
    const root = await realpath(folder).catch((cause: unknown) => {
      throw new Fault('rule.invalid', { where: folder, why: 'There is no such file or folder.', cause })
    })
    for (const path of await pathsUnder(folder)) {
      if (files.length >= MAX_FILES)
        throw new Fault('rule.invalid', {
          where: folder,
          why: `There are more than ${MAX_FILES} rule files.`,
          todo: 'Name fewer folders.',
        })
      try {
        files.push({ path, text: await readBounded(path, root) })
      } catch (cause) {
        refused(
          cause instanceof Fault
            ? cause
            : new Fault('rule.invalid', {
                where: path,
                why: 'The file cannot be read.',
                todo: 'Check its permissions.',
                cause,
              }),
        )
      }
    }
  }
  return files
}

export function tooLarge(path: string): Fault {
  return new Fault('rule.invalid', {
    where: path,
    why: `A rule file may have at most ${MAX_FILE_BYTES} bytes.`,
    todo: 'Split it.',
  })
}

async function pathsUnder(folder: string, depth = 0): Promise<string[]> {
  const facts = await lstat(folder)
  // A link that was named by the user is followed, one that was found is not.
  const isFolder = facts.isDirectory() || (depth === 0 && facts.isSymbolicLink() && (await isLinkToFolder(folder)))
  if (!isFolder) return depth === 0 || /\.ya?ml$/i.test(folder) ? [folder] : []
  if (depth > MAX_DEPTH)
    throw new Fault('rule.invalid', {
      where: folder,
      why: `Folders are nested more than ${MAX_DEPTH} deep.`,
      todo: 'Move the rules up.',
    })
  const paths: string[] = []
  for (const name of (await readdir(folder)).sort()) {
    if (name.startsWith('.') || name === 'node_modules') continue
    paths.push(...(await pathsUnder(join(folder, name), depth + 1)))
  }
  return paths
}

async function isLinkToFolder(path: string): Promise<boolean> {
  return (await lstat(await realpath(path))).isDirectory()
}

async function readBounded(path: string, root: string): Promise<string> {
  const real = await realpath(path)
  const below = relative(root, real)
  if (below === '..' || below.startsWith(`..${sep}`))
    throw new Fault('rule.invalid', {
      where: path,
      why: 'The link points outside the folder.',
      todo: 'Put the file itself into the folder.',
    })
  // Reading a pipe under such a name would block for ever.
  if (!(await lstat(real)).isFile()) throw new Fault('rule.invalid', { where: path, why: 'This is not a file.' })
  const file = await open(real)
  try {
    const { size } = await file.stat()
    if (size > MAX_FILE_BYTES) throw tooLarge(path)
    const buffer = Buffer.alloc(size)
    const { bytesRead } = await file.read(buffer, 0, size, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
