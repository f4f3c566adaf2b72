/** Packages for real runs, signed by one key. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyPem, newKey } from '../../agent/identity.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { buildPackages, type PackageOptions } from '../../bin/package/main.ts'

export const EPOCH = 1_764_000_000

/** `folder`: for the key and the packages. */
export function builder(folder: string) {
  const keyFile = join(folder, 'release.pem')
  writeFileSync(keyFile, keyPem(newKey()))
  return { build }

  /** One package; `edit` changes its bundle. */
  async function build(form: 'deb' | 'tar' | 'npm', version: string, options: Partial<PackageOptions> = {}) {
    const edit = (bundle: string) => bundle.replaceAll(`"${AGENT_VERSION}"`, `"${version}"`)
    const { files, missing } = await buildPackages({
      out: join(folder, version),
      forms: [form],
      systems: form === 'npm' ? [] : ['linux-x64'],
      ...{ keyFile, runtimes: folder, epoch: EPOCH, version, edit },
      ...options,
    })
    assert.deepEqual(missing, [])
    return files.find((it) => /\.(deb|tar\.gz|tgz)$/.test(it))!
  }
}

/** For `edit`: a version that never reaches the server. */
export const never = (version: string) => (bundle: string) =>
  bundle.replaceAll(`"${AGENT_VERSION}"`, `"${version}"`).replaceAll('agent/v1/stream', 'agent/v1/nowhere')
