/** Packages for real runs, signed by one key. Each is built once in a test run, for all files that install it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keyPem, newKey } from '../../agent/identity.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { buildPackages } from '../../bin/package/main.ts'

export const EPOCH = 1_764_000_000

type Form = 'deb' | 'tar' | 'npm'
interface BuildOptions {
  /** It never reaches the server. */
  isBroken?: boolean
  /** Builds it anew, into this folder. */
  out?: string
}

let folder: string | null = null
const built = new Map<string, Promise<string>>()

/** One package, with its signature beside it. */
export function build(form: Form, version: string, { isBroken = false, out }: BuildOptions = {}): Promise<string> {
  if (out !== undefined) return made(form, version, isBroken, out)
  const name = `${form}-${version}${isBroken ? '-broken' : ''}`
  let found = built.get(name)
  if (!found) {
    found = made(form, version, isBroken, join(shared(), name))
    built.set(name, found)
  }
  return found
}

async function made(form: Form, version: string, isBroken: boolean, out: string): Promise<string> {
  const edit = (bundle: string) => {
    const versioned = bundle.replaceAll(`"${AGENT_VERSION}"`, `"${version}"`)
    return isBroken ? versioned.replaceAll('agent/v1/stream', 'agent/v1/nowhere') : versioned
  }
  const { files, missing } = await buildPackages({
    ...{ out, forms: [form], systems: form === 'npm' ? [] : ['linux-x64'] },
    ...{ keyFile: join(shared(), 'release.pem'), runtimes: shared(), epoch: EPOCH, version, edit },
  })
  assert.deepEqual(missing, [])
  return files.find((it) => /\.(deb|tar\.gz|tgz)$/.test(it))!
}

/** The key and the packages. */
function shared(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'tellwire-builds-'))
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
    writeFileSync(join(made, 'release.pem'), keyPem(newKey()))
    folder = made
  }
  return folder
}
