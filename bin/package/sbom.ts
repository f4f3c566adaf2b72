/**
 * What is in a package, as CycloneDX 1.6.
 *
 * Shape   of the agent: the packages whose code esbuild put into the bundle, koffi, and Node. Of the server: everything
 *         that is installed with it. Sorted, and without a random serial number, so that it is reproducible.
 * Source  https://cyclonedx.org/docs/1.6/json/ ; purl: https://github.com/package-url/purl-spec
 */
import { createHash } from 'node:crypto'
import { lock, SYSTEMS, type SystemName } from './runtimes.ts'

/** What agent/ imports, by `test/architecture.test.ts`, with what that imports. */
const AGENT_PACKAGES = ['chokidar', 'citty', 'koffi', 'picocolors', 'readdirp', 'ws', 'zod']

export interface SbomOptions {
  name: string
  version: string
  /** Null: the server, without a runtime. */
  system: SystemName | null
  epoch: number
}

export function sbomOf({ name, version, system, epoch }: SbomOptions): string {
  const names =
    system === null
      ? Object.entries(lock.packages)
          .filter(([path, it]) => path !== '' && !it.dev && !it.optional)
          .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13))
      : [...AGENT_PACKAGES, SYSTEMS[system].node, SYSTEMS[system].koffi]
  const components = [...new Set(names)].sort().map((it) => {
    const { version, license, integrity } = lock.packages[`node_modules/${it}`]!
    const content = integrity && Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex')
    return {
      type: 'library',
      name: it,
      version,
      purl: `pkg:npm/${it.replace('@', '%40')}@${version}`,
      ...(license ? { licenses: [{ expression: license }] } : {}),
      ...(content ? { hashes: [{ alg: 'SHA-512', content }] } : {}),
    }
  })
  const component = { type: 'application', name, version, purl: `pkg:generic/${name}@${version}` }
  const hash = createHash('sha256')
    .update(JSON.stringify([component, components]))
    .digest('hex')
  const uuid = hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-5$3-8$4-$5')
  const metadata = { timestamp: new Date(epoch * 1_000).toISOString(), component }
  const head = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid}`, version: 1 }
  return `${JSON.stringify({ ...head, metadata, components }, null, 2)}\n`
}
