/** `tellwire evidence`: what one machine made, another verifies; and what was changed is named by its byte. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { ENGINE_VERSION } from '../../../rules/language/index.ts'
import { withStore } from '../../../server/commands/data-folder.ts'
import { digestOf, type Line, sealed } from '../../../server/evidence/pack.ts'
import { type PackProblem, type Verified, verifyPack } from '../../../server/evidence/verify.ts'
import { startServer } from '../../bench/children.ts'
import { fourStories } from '../../scenarios/four-stories.ts'
import { tellwire } from '../commands/process.ts'

interface PrintedWorker {
  worker: string
  band: string
  points: number
}
interface MadePack {
  worker: string
  findings: number
  events: number
  key: string
}

describe('evidence packs', function () {
  this.timeout(180_000)
  let root: string
  let pack: Buffer
  let made: MadePack
  let judged: PrintedWorker
  let fromConsole: { type: string | null; bytes: Buffer }
  const folder = () => join(root, 'data')
  const file = () => join(root, 'one.evidence')
  const make = (worker: string, to: string) =>
    tellwire(['evidence', 'make', worker, '--to', to, '--data-folder', folder(), '--json'])

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-evidence-'))
    const recording = join(root, 'stories.ndjson')
    writeFileSync(
      recording,
      fourStories()
        .map((it) => `${JSON.stringify(it)}\n`)
        .join(''),
    )
    const imported = await tellwire(['import', recording, '--data-folder', folder()])
    assert.equal(imported.code, 0, imported.err)
    const keyless = await make('nobody', join(root, 'keyless.evidence'))
    assert.match(keyless.err, /The server has no key yet\. Start it once\./)
    const server = await startServer(folder())
    const { out } = await tellwire(['workers', '--json', '--data-folder', folder()])
    judged = JSON.parse(out.split('\n')[0]!) as PrintedWorker
    const { code, out: printed, err } = await make(judged.worker, file())
    const downloaded = await fetch(`${server.url}/api/v1/workers/${judged.worker}/evidence`, {
      method: 'POST',
      headers: { Cookie: server.cookie, Origin: server.url },
    })
    fromConsole = {
      type: downloaded.headers.get('Content-Disposition'),
      bytes: Buffer.from(await downloaded.arrayBuffer()),
    }
    await server.stop()
    assert.equal(code, 0, err)
    made = JSON.parse(printed)
    pack = readFileSync(file())
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  const check = (bytes: Buffer | string) => verifyPack(Buffer.from(bytes), ENGINE_VERSION)
  const lines = () => pack.toString().trimEnd().split('\n')
  const parsed = () =>
    lines()
      .slice(0, -1)
      .map((it) => JSON.parse(it) as Line)

  it('another machine without a server verifies it, and the verdict is that of the console', async () => {
    const env = { HOME: join(root, 'empty'), XDG_DATA_HOME: join(root, 'empty') }
    const { code, out, err } = await tellwire(['evidence', 'verify', file(), '--key', made.key], { env, cwd: root })
    assert.equal(code, 0, err)
    assert.match(out, new RegExp(`^${judged.worker} at .*: ${judged.band}, \\+${judged.points}$`, 'm'))
    assert.match(out, /^It is as it was signed, and the verdict follows from it\.$/m)
    assert.match(out, new RegExp(`^Found again by .*: ${made.findings} findings\\.$`, 'm'))
    assert.ok(made.findings > 3 && made.events > 3)
  })

  it('the console makes the same, for the user who asked', () => {
    const { type, bytes } = fromConsole
    assert.equal(type, 'attachment; filename="evidence.ndjson"')
    const { changed, differs, key, head, assessment } = check(bytes)
    assert.deepEqual([changed, differs, key], [[], [], made.key])
    assert.deepEqual([head?.worker, head?.by, assessment?.points], [judged.worker, 'admin', judged.points])
  })

  it('says nothing about the machine that made it, nor about other workers', () => {
    const text = pack.toString()
    assert.ok(!text.includes(root) && !text.includes(process.cwd()))
    const others = parsed().filter((it) => it.kind === 'contract' && it.contract.worker !== judged.worker)
    assert.deepEqual(others, [])
  })

  it('is in the audit', async () => {
    const entries = await withStore(folder(), 'read', (store) => store.audit.newest(100))
    const found = entries.filter((it) => it.action === 'evidence.made')
    assert.deepEqual(
      found.map(({ user, about, detail }) => [user, about, detail]),
      [
        ['admin', judged.worker, null],
        [null, judged.worker, file()],
      ],
    )
  })

  it('any changed byte is found, and in the lines before the seal named exactly', () => {
    const end = pack.lastIndexOf('{"kind":"seal"')
    fc.assert(
      fc.property(fc.nat(pack.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(pack)
        changed[at] = (changed[at]! + by) % 256
        const [first] = check(changed).changed
        assert.ok(first, `byte ${at}`)
        const isText = at < end && pack[at] !== 0x0a && changed[at] !== 0x0a
        if (isText) assert.deepEqual([first.byte, first.until], [at, null])
      }),
      { numRuns: 60 },
    )
  })

  const spoilt: { what: string; bytes: () => string; finds: (found: Verified) => unknown; is: unknown }[] = [
    {
      what: 'cut off',
      bytes: () => pack.subarray(0, pack.length / 2).toString(),
      finds: ({ changed }) => changed.map((it) => it.why),
      is: ['It does not end with a seal: it is no evidence pack, or was cut off.'],
    },
    {
      what: 'a line more',
      bytes: () => lines().toSpliced(-1, 0, lines()[2]!).concat('').join('\n'),
      finds: ({ changed }) => changed.map((it) => it.why),
      is: ['The seal does not know this line.'],
    },
    {
      what: 'the last line before the seal is gone',
      bytes: () => lines().toSpliced(-2, 1).concat('').join('\n'),
      finds: ({ changed }) => changed.map((it) => it.why),
      is: ['A line is missing.'],
    },
    {
      what: 'something behind the seal',
      bytes: () => `${pack}x`,
      finds: ({ changed }) => changed.map(({ byte, why }) => [byte, why]),
      is: null,
    },
    {
      what: 'an empty file',
      bytes: () => '',
      finds: ({ changed, head }) => [changed.length, head],
      is: [1, null],
    },
  ]
  for (const { what, bytes, finds, is } of spoilt)
    it(`${what}: refused`, () => assert.deepEqual(finds(check(bytes())), is ?? [[pack.length, 'It goes on.']]))

  it('is not read when it is written in other words', () => {
    const seal = JSON.parse(lines().at(-1)!)
    const loose = [...lines().slice(0, -1), JSON.stringify(seal, null, 1).replaceAll('\n', ''), ''].join('\n')
    assert.deepEqual(
      check(loose).changed.map((it) => it.why),
      ['It is not written as it was.'],
    )
  })

  describe('signed again by somebody else', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const key = publicKey.export({ format: 'jwk' }).x!
    const resealed = (changed: readonly Line[]): Buffer => {
      const texts = changed.map((it) => JSON.stringify(it))
      const digests = texts.map((it) => digestOf(Buffer.from(it)))
      const signature = sign(null, Buffer.from(sealed(digests)), privateKey).toString('base64url')
      return Buffer.from([...texts, JSON.stringify({ kind: 'seal', digests, key, signature }), ''].join('\n'))
    }
    const changed = <K extends Line['kind']>(kind: K, change: (line: Extract<Line, { kind: K }>) => Line): Buffer => {
      const all = parsed()
      const at = all.findIndex((it) => it.kind === kind)
      return resealed(all.with(at, change(all[at] as Extract<Line, { kind: K }>)))
    }
    const firstOf = ({ changed, differs }: Verified): PackProblem => {
      assert.deepEqual(changed, [])
      return differs[0]!
    }

    it('is another key', async () => {
      const other = join(root, 'other.evidence')
      writeFileSync(other, resealed(parsed()))
      const { code, out } = await tellwire(['evidence', 'verify', other, '--key', made.key])
      assert.equal(code, 1)
      assert.match(out, new RegExp(`^NOT SIGNED by this key, but by ${key}$`, 'm'))
      assert.equal((await tellwire(['evidence', 'verify', other])).code, 0)
    })

    it('a finding that says something else: the byte from which it differs', () => {
      const bytes = changed('finding', (it) => ({
        ...it,
        finding: { ...it.finding, says: `${it.finding.says} Twice.` },
      }))
      const { byte } = firstOf(check(bytes))
      assert.equal(bytes.subarray(byte!, byte! + 7).toString(), ' Twice.')
    })

    it('a score that does not follow', () => {
      const bytes = changed('assessment', (it) => ({ ...it, assessment: { ...it.assessment, band: 'none' } }))
      const { byte, where } = firstOf(check(bytes))
      assert.deepEqual([where, bytes.subarray(byte!, byte! + 4).toString()], ['the score', 'none'])
    })

    it('a rule in other words: its version', () => {
      const id = Object.keys((parsed()[0] as Extract<Line, { kind: 'pack' }>).rules)[0]!
      const all = parsed()
      const at = all.findIndex((it) => it.kind === 'rules' && it.text.includes(id))
      const file = all[at] as Extract<Line, { kind: 'rules' }>
      const other = { ...file, text: file.text.replaceAll(/^( +halfLifeDays:).*$/gm, '$1 77') }
      assert.match(firstOf(check(resealed(all.with(at, other)))).where, /^the version of rule /)
    })

    it('an event that no rule of the pack matches any more', () => {
      const bytes = changed('event', (it) => ({ ...it, event: { ...it.event, category: 'never' } as never }))
      assert.match(firstOf(check(bytes)).where, /^line \d+$/)
    })

    it('no contract where there was one', () => {
      const bytes = resealed(parsed().filter((it) => it.kind !== 'contract'))
      assert.ok(check(bytes).differs.length > 0)
    })
  })

  it('whatever the file is, it only says no', () => {
    const words = fc.constantFrom(...lines(), '{', '{"kind":"seal"}', '[]', 'null', '{"kind":"pack"}', '\u0000')
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 30 }), (some) => {
        const { changed, differs } = check(some.join('\n'))
        assert.ok(changed.length + differs.length > 0)
      }),
      { numRuns: 60 },
    )
  })

  const refused: { what: string; worker: string; to: string; says: RegExp }[] = [
    {
      what: 'nobody of this name',
      worker: 'nobody',
      to: 'nobody.evidence',
      says: /^tellwire: nobody: .*does not exist/,
    },
    {
      what: 'a file that is there',
      worker: 'JUDGED',
      to: 'one.evidence',
      says: /It is there already\. Choose another name\./,
    },
    {
      what: 'a folder that is not',
      worker: 'JUDGED',
      to: 'no/x.evidence',
      says: /Choose a folder that you may write\./,
    },
  ]
  for (const { what, worker, to, says } of refused)
    it(`${what}: refused`, async () => {
      const { code, err } = await make(worker === 'JUDGED' ? judged.worker : worker, join(root, to))
      assert.notEqual(code, 0)
      assert.match(err, says)
    })

  for (const path of ['missing.evidence', '.'])
    it(`verify ${path}: one line`, async () => {
      const { code, err } = await tellwire(['evidence', 'verify', path], { cwd: root })
      assert.equal(code, 1)
      assert.match(err, /^tellwire: .*\[events\.invalid\]\n$/)
    })
})
