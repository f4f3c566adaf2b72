import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { newKey, publicKeyOf } from '../../../agent/identity.ts'
import { compareVersions, parseFileName, verifyPackage } from '../../../agent/install/release.ts'
import { unpack } from '../../../agent/install/unpack.ts'
import { whyNot } from '../../../agent/install/upgrade.ts'
import { signFile } from '../../../bin/package/sign.ts'
import { tarGz } from '../../../bin/package/tar.ts'
import { type Tree, textItem } from '../../../bin/package/tree.ts'
import type { Policy } from '../../../wire/messages.ts'
import { removeFolder, temporaryFolder } from '../laptop.ts'
import { POLICY } from '../server.ts'

const NAME = 'tellwire-agent-0.2.0-linux-x64.tar.gz'
const LONG = `${'long-folder/'.repeat(12)}file`
const tree: Tree = new Map([
  ['a/node', textItem('program', true)],
  ['a/agent.mjs', textItem('x'.repeat(1_024))],
  [`a/${LONG}`, textItem('')],
])

describe('agent/install: releases', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = temporaryFolder()
    file = join(folder, NAME)
    writeFileSync(file, tarGz(tree, 1_000))
  })
  afterEach(() => removeFolder(folder))

  for (const [a, b, sign] of [
    ['0.1.0', '0.1.0', 0],
    ['0.9.0', '0.10.0', -1],
    ['1.0.0', '0.99.99', 1],
  ] as const)
    it(`compares ${a} with ${b}`, () => assert.equal(Math.sign(compareVersions(a, b)), sign))

  for (const [name, version] of [
    [NAME, '0.2.0'],
    ['tellwire-agent-0.2-linux-x64.tar.gz', undefined],
    ['tellwire-agent-0.2.0-linux-x64.tar.gz.exe', undefined],
    ['../tellwire-agent-0.2.0-linux-x64.tar.gz', undefined],
  ] as const)
    it(`reads the version of ${name}`, () => assert.equal(parseFileName(name)?.version, version))

  describe('signatures', () => {
    const key = newKey()
    const trusted = [publicKeyOf(newKey()), publicKeyOf(key)]
    const refused = (of: string, keys: readonly string[], why: RegExp) => assert.rejects(verifyPackage(of, keys), why)

    it('one of the trusted keys is enough', async () => {
      await signFile(file, key)
      await assert.doesNotReject(verifyPackage(file, trusted))
    })
    it('none: refused', () => refused(file, trusted, /Its signature cannot be read/))
    it('no trusted key: refused', () => refused(file, [], /trusts no key/))
    it('of another key: refused', async () => {
      await signFile(file, newKey())
      await refused(file, trusted, /No key that this agent trusts/)
    })
    it('one byte more: refused', async () => {
      await signFile(file, key)
      appendFileSync(file, '\0')
      await refused(file, trusted, /No key that this agent trusts/)
    })
    it('under the name of another version: refused', async () => {
      await signFile(file, key)
      const other = file.replace('0.2.0', '0.3.0')
      renameSync(file, other)
      renameSync(`${file}.sig`, `${other}.sig`)
      await refused(other, trusted, /No key that this agent trusts/)
    })
  })

  describe('unpacking', () => {
    it('gives the files and modes that were packed', async () => {
      await unpack(file, join(folder, 'to'))
      assert.equal(readFileSync(join(folder, 'to/agent.mjs'), 'utf8'), 'x'.repeat(1_024))
      assert.deepEqual(
        ['node', 'agent.mjs', LONG].map((it) => statSync(join(folder, 'to', it)).mode & 0o777),
        [0o755, 0o644, 0o644],
      )
    })

    const renamed = (name: string) => {
      const bytes = gunzipSync(tarGz(new Map([['a/xxxxxxxxxx', textItem('')]]), 0))
      bytes.write(name.padEnd(100, '\0'), 512, 'latin1')
      return gzipSync(bytes)
    }
    const bad = [
      { name: 'a name that leads out', bytes: renamed('a/../../evil'), why: /It has the name/ },
      { name: 'an absolute name', bytes: renamed('/etc/evil'), why: /It has the name/ },
      { name: 'a link', bytes: tarGz(new Map([['a/x', { link: '/etc' }]]), 0), why: /is no file/ },
      { name: 'no gzip', bytes: Buffer.from('hello'), why: /It cannot be unpacked/ },
      { name: 'no tar', bytes: gzipSync(Buffer.alloc(1_024, 'x')), why: /no archive of ours/ },
      { name: 'cut off', bytes: gzipSync(gunzipSync(tarGz(tree, 0)).subarray(0, 2_100)), why: /cut off/ },
    ]
    for (const { name, bytes, why } of bad)
      it(`refuses ${name}`, async () => {
        const inner = join(folder, 'inner')
        mkdirSync(inner)
        writeFileSync(file, bytes)
        await assert.rejects(unpack(file, join(inner, 'to')), why)
        assert.deepEqual(
          readdirSync(inner).filter((it) => it !== 'to'),
          [],
        )
      })
  })

  describe('rings', () => {
    const versions = { canary: '0.3.0', default: '0.2.0' }
    const cases: { name: string; own?: string; policy: Partial<Policy>; may: string[] }[] = [
      { name: 'a policy that does not speak of versions', own: 'canary', policy: {}, may: ['0.2.0', '0.3.0', '0.4.0'] },
      { name: 'its ring', own: 'canary', policy: { versions }, may: ['0.2.0', '0.3.0'] },
      { name: 'another ring', own: 'office', policy: { versions }, may: ['0.2.0'] },
      { name: 'no ring', policy: { versions }, may: ['0.2.0'] },
      {
        name: "its group's ring goes before its own",
        own: 'office',
        policy: { versions, ring: 'canary' },
        may: ['0.2.0', '0.3.0'],
      },
      { name: 'no default', own: 'office', policy: { versions: { canary: '1.0.0' } }, may: [] },
      { name: 'a name that objects have', own: 'constructor', policy: { versions }, may: ['0.2.0'] },
      { name: 'a halted version', own: 'canary', policy: { versions, halted: ['0.3.0'] }, may: ['0.2.0'] },
      { name: 'no share of its ring', own: 'canary', policy: { versions, shares: { canary: 0 } }, may: [] },
      {
        name: 'no share of another ring',
        own: 'canary',
        policy: { versions, shares: { default: 0 } },
        may: ['0.2.0', '0.3.0'],
      },
      {
        name: 'no share of the ring that it falls into',
        own: 'office',
        policy: { versions, shares: { default: 0 } },
        may: [],
      },
    ]
    for (const { name, own = null, policy, may } of cases)
      it(name, () => {
        const enrolled = { device: 'd-1', policy: { ...POLICY, ...policy } }
        assert.deepEqual(
          ['0.2.0', '0.3.0', '0.4.0'].filter((version) => whyNot(version, own, enrolled) === null),
          may,
        )
      })

    it('a share takes about so many laptops, a larger one these and more, and other ones with another version', () => {
      const takers = (share: number, version: string) =>
        Array.from({ length: 1_000 }, (_, n) => `d-${n}`).filter(
          (device) => whyNot(version, null, { device, policy: { ...POLICY, shares: { default: share } } }) === null,
        )
      const [tenth, half, all] = [10, 50, 100].map((share) => takers(share, '0.2.0')) as [string[], string[], string[]]
      assert.ok(tenth.length > 70 && tenth.length < 130, String(tenth.length))
      assert.ok(half.length > 450 && half.length < 550, String(half.length))
      assert.equal(all.length, 1_000)
      assert.deepEqual(
        tenth.filter((it) => !half.includes(it)),
        [],
      )
      assert.notDeepEqual(takers(10, '0.3.0'), tenth)
    })
  })
})
