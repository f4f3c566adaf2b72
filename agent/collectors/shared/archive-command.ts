/**
 * The archive that a command line creates, and whether it has a password.
 *
 * Shape   the path of the archive; passwords are detected, but not kept.
 * Errors  null: not an archiver, or one that extracts, lists or writes to a pipe.
 * Source  zip(1), 7z(1), rar's manual, tar(1), gpg(1).
 */
import { basename, extname, isAbsolute, join, normalize } from 'node:path/posix'

export interface ArchiveCommand {
  path: string
  encrypted: boolean
}
type Parse = (rest: readonly string[]) => { file: string | null; encrypted: boolean }

const ARCHIVERS: Record<string, Parse> = {
  zip,
  '7z': sevenZip,
  '7za': sevenZip,
  '7zr': sevenZip,
  '7zz': sevenZip,
  '7zg': sevenZip,
  rar,
  winrar: rar,
  tar,
  bsdtar: tar,
  gpg,
  gpg2: gpg,
}
/** A path of Windows, with its slashes turned. */
const DRIVE = /^[A-Za-z]:\//
const NONE = { file: null, encrypted: false }
/** zip's options whose value is the next word. */
const ZIP_VALUES = new Set(
  '-P --password -s --split-size -b --temp-path -n --suffixes -t -tt -i -x -O --out'.split(' '),
)

export function archiveCommand(args: readonly string[], folder: string | null): ArchiveCommand | null {
  const name = basename(args[0] ?? '')
  const parse = Object.hasOwn(ARCHIVERS, name) ? ARCHIVERS[name] : undefined
  const { file, encrypted } = parse?.(args.slice(1, 201)) ?? NONE
  if (file === null || file === '' || file === '-') return null
  if (isAbsolute(file) || DRIVE.test(file)) return { path: normalize(file), encrypted }
  return folder === null ? null : { path: join(folder, file), encrypted }
}

function zip(rest: readonly string[]) {
  const words: string[] = []
  let out: string | null = null
  let encrypted = false
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at]!
    // Single letters may be combined: -re is -r -e.
    if (/^(--password|--encrypt)/.test(word) || /^-[a-zA-Z0-9]*[eP]/.test(word)) encrypted = true
    if (word === '-O' || word === '--out') out = rest[at + 1] ?? null
    if (ZIP_VALUES.has(word) || /^-[a-zA-Z0-9]+P$/.test(word)) at++
    else if (word === '-' || !word.startsWith('-')) words.push(word)
  }
  const file = out ?? words[0] ?? null
  // zip appends .zip if there is no extension.
  return { file: file === null || file === '-' || extname(file) !== '' ? file : `${file}.zip`, encrypted }
}

function sevenZip(rest: readonly string[]) {
  const [verb, ...words] = rest.filter((it) => !it.startsWith('-'))
  if (verb !== 'a' && verb !== 'u') return NONE
  const file = words[0] ?? null
  const type = rest.find((it) => /^-t\w/.test(it))?.slice(2) ?? '7z'
  return {
    file: file === null || extname(file) !== '' ? file : `${file}.${type}`,
    encrypted: rest.some((it) => /^-p/.test(it)),
  }
}

function rar(rest: readonly string[]) {
  const [verb, file = null] = rest.filter((it) => !it.startsWith('-'))
  if (!/^[aum]$/.test(verb ?? '')) return NONE
  return {
    file: file === null || extname(file) !== '' ? file : `${file}.rar`,
    encrypted: rest.some((it) => /^-h?p/.test(it)),
  }
}

function tar(rest: readonly string[]) {
  let create = false
  let file: string | null = null
  for (const [at, word] of rest.entries()) {
    // The first word may be options without a dash: tar czf out.tgz …
    const letters = /^-[A-Za-z]+$/.test(word) || (at === 0 && /^[A-Za-z]+$/.test(word)) ? word.replace('-', '') : ''
    if (word === '--create' || letters.includes('c')) create = true
    if (letters.includes('f')) file ??= rest[at + 1] ?? null
    if (word.startsWith('--file=')) file ??= word.slice(7)
    else if (word === '--file') file ??= rest[at + 1] ?? null
  }
  // 'host:file' is on another machine, 'C:/file' on a drive.
  return create && file !== null && (DRIVE.test(file) || !/^[^/]*:/.test(file)) ? { file, encrypted: false } : NONE
}

function gpg(rest: readonly string[]) {
  const encrypts = rest.some((it) => /^(--symmetric|--encrypt|--encrypt-files|-[a-z]*[ce][a-z]*)$/.test(it))
  if (!encrypts) return NONE
  const at = rest.findIndex((it) => it === '-o' || it === '--output')
  if (at !== -1) return { file: rest[at + 1] ?? null, encrypted: true }
  const from = rest.at(-1)
  const armoured = rest.some((it) => it === '--armor' || /^-[a-z]*a[a-z]*$/.test(it))
  return {
    file: from === undefined || from.startsWith('-') ? null : `${from}.${armoured ? 'asc' : 'gpg'}`,
    encrypted: true,
  }
}
