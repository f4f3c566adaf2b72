import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newKey, publicKeyOf, signText } from '../../../agent/identity.ts'
import { placesOf } from '../../../agent/install/places.ts'
import { TRUSTED_KEYS } from '../../../agent/install/release.ts'
import { type UpgradeDeps, upgradeFrom } from '../../../agent/install/upgrade.ts'
import { signedText } from '../../../wire/messages.ts'
import { removeFolder, temporaryFolder } from '../laptop.ts'
import { POLICY } from '../server.ts'

const NAME = 'tellwire-agent-0.2.0-linux-x64.tar.gz'

describe('agent/install/upgrade: a package in a folder that others can write', () => {
  const key = newKey()
  let folder = ''
  let file = ''
  let deps: UpgradeDeps
  beforeEach(() => {
    folder = temporaryFolder()
    file = join(folder, NAME)
    const at = (name: string) => join(folder, name)
    const places = { ...placesOf('linux'), versions: at('versions'), current: at('current'), staged: at('staged') }
    mkdirSync(join(places.versions, '0.1.0'), { recursive: true })
    writeFileSync(join(places.versions, '0.1.0', TRUSTED_KEYS), publicKeyOf(key))
    writeFileSync(places.current, '0.1.0\n')
    const service = { start: assert.fail, stop: assert.fail } as unknown as UpgradeDeps['service']
    const clock = { awakeMs: () => 0, sleep: async () => {} }
    const enrolled = { device: 'd-1', policy: { ...POLICY, halted: ['0.2.0'] } }
    deps = { places, folder, service, system: 'linux-x64', enrolled, clock, deadlineMs: 1, say() {} }
  })
  afterEach(() => removeFolder(folder))

  function packed(content: string): void {
    writeFileSync(file, content)
    const hash = createHash('sha256').update(content).digest('hex')
    writeFileSync(`${file}.sig`, signText(key, signedText.package(NAME, hash)))
  }
  const left = () => readdirSync(deps.places.versions)

  it('is what its signature was checked for, whoever exchanges it meanwhile', async () => {
    packed('as it was built')
    const upgraded = upgradeFrom(file, deps)
    writeFileSync(file, 'something else')
    await assert.rejects(upgraded, { code: 'upgrade.waiting' }, 'its signature was right')
    assert.deepEqual(left(), ['0.1.0'])
  })

  it('leaves nothing when it cannot be unpacked', async () => {
    packed('no archive')
    await assert.rejects(upgradeFrom(file, { ...deps, enrolled: null }), { code: 'package.invalid' })
    assert.deepEqual(left(), ['0.1.0'])
  })

  it('is refused without being read when it is larger than any of ours', async () => {
    packed('x')
    truncateSync(file, 300 * 1_048_576)
    await assert.rejects(upgradeFrom(file, deps), { code: 'package.invalid', why: 'It is larger than any of ours.' })
    assert.deepEqual(left(), ['0.1.0'])
  })
})
