/** What every package of the agent has in its version's folder: runtime, program, native calls, notices, keys, SBOM. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { unixLauncher } from '../../agent/install/definitions.ts'
import { definitionsOf } from '../../agent/install/install.ts'
import { placesOf } from '../../agent/install/places.ts'
import { TRUSTED_KEYS } from '../../agent/install/release.ts'
import { howToFetch, packageFiles, ROOT, SYSTEMS, type SystemName, stripped } from './runtimes.ts'
import { sbomOf } from './sbom.ts'
import { type Tree, textItem } from './tree.ts'

export interface AgentParts {
  system: SystemName
  version: string
  bundle: Buffer
  /** The packager's public key, base64url; null: nothing is signed, and such an agent takes no upgrades. */
  publicKey: string | null
  /** Where npm packages of other systems are. */
  runtimes: string
  epoch: number
}

export class Missing extends Error {}

/** Errors  `Missing`, with the command that fetches it, when the runtime of the system is not here. */
export function agentTree({ system, version, bundle, publicKey, runtimes, epoch }: AgentParts): Tree {
  const { node, koffi } = SYSTEMS[system]
  const nodeFiles = packageFiles(node, runtimes)
  const native = packageFiles(koffi, runtimes)
  const missing = [...(nodeFiles ? [] : [node]), ...(native ? [] : [koffi])]
  if (!nodeFiles || !native)
    throw new Missing(
      `${missing.join(' and ')} for ${system} not found; fetch with: ${missing.map((it) => howToFetch(it, runtimes)).join('; ')}`,
    )
  const program = system === 'win-x64' ? 'node.exe' : 'node'
  const runtime = nodeFiles.get(`bin/${program}`)
  if (!runtime) throw new Error(`${node} has no bin/${program}`)
  const tree: Tree = new Map()
  tree.set(program, { bytes: stripped(runtime, system), isProgram: true })
  tree.set('agent.mjs', { bytes: bundle })
  // Only what runs: no sources, headers and documentation.
  for (const [path, bytes] of packageFiles('koffi', runtimes) ?? [])
    if (/^(package\.json|LICENSE\.txt|index\.(c?js)|indirect\.(c?js)|(src|lib)\/.*\.(c?js|json))$/.test(path))
      tree.set(`node_modules/koffi/${path}`, { bytes })
  for (const [path, bytes] of native)
    if (!/(^|\/)musl_/.test(path)) tree.set(`node_modules/${koffi}/${path}`, { bytes })
  for (const name of ['LICENSE', 'NOTICE']) tree.set(name, { bytes: readFileSync(join(ROOT, name)) })
  const nodeLicence = nodeFiles.get('LICENSE')
  if (nodeLicence) tree.set('LICENSE.node', { bytes: nodeLicence })
  if (publicKey !== null) tree.set(TRUSTED_KEYS, textItem(`${publicKey}\n`))
  tree.set('sbom.cdx.json', textItem(sbomOf({ name: 'tellwire-agent', version, system, epoch })))
  return tree
}

/** Its version's folder within a system's root, with launcher and service: what .deb and .rpm contain. */
export function linuxRoot(version: string, tree: Tree): Tree {
  const places = placesOf('linux')
  const root: Tree = new Map()
  for (const [path, item] of tree) root.set(`${places.versions}/${version}/${path}`.slice(1), item)
  root.set(places.launcher.slice(1), textItem(unixLauncher(places), true))
  root.set(places.link!.slice(1), { link: places.launcher })
  for (const [name, text] of Object.entries(definitionsOf('linux', places)))
    root.set(`usr/lib/systemd/system/${name}`, textItem(text))
  return root
}

/** Likewise for macOS. The link in /usr/local, which may belong to somebody, is made when it is installed. */
export function macRoot(version: string, tree: Tree): Tree {
  const places = placesOf('macos')
  const root: Tree = new Map()
  for (const [path, item] of tree) root.set(`${places.versions}/${version}/${path}`.slice(1), item)
  root.set(places.launcher.slice(1), textItem(unixLauncher(places), true))
  for (const [name, text] of Object.entries(definitionsOf('macos', places)))
    root.set(`Library/LaunchDaemons/${name}`, textItem(text))
  return root
}
