/**
 * The .pkg for macOS, read by a reader of our own. libarchive 3.6 (bsdtar, bsdcpio) unpacked one with the same files and
 * modes, and bomutils' mkbom makes the same bytes of the bill of materials; no Mac has installed one.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { gunzipSync, inflateSync } from 'node:zlib'
import { macRoot } from '../../../bin/package/agent-tree.ts'
import { bom, cksum } from '../../../bin/package/bom.ts'
import { pkg } from '../../../bin/package/pkg.ts'
import { textItem } from '../../../bin/package/tree.ts'

const EPOCH = 1_793_610_000
const TREE = new Map([
  ['node', textItem('#!/bin/sh\n', true)],
  ['agent.mjs', textItem('// program\n')],
  ['node_modules/koffi/index.js', textItem('')],
])
const built = () => pkg(macRoot('0.1.0', TREE), { version: '0.1.0', epoch: EPOCH })

/** The files of a xar archive, each with its checksum verified. */
function unpacked(archive: Buffer): Map<string, Buffer> {
  assert.equal(archive.toString('latin1', 0, 4), 'xar!')
  const [header, packed] = [archive.readUInt16BE(4), Number(archive.readBigUInt64BE(8))]
  const table = archive.subarray(header, header + packed)
  const toc = inflateSync(table).toString('utf8')
  assert.equal(toc.length, Number(archive.readBigUInt64BE(16)))
  const heap = archive.subarray(header + packed)
  assert.deepEqual(heap.subarray(0, 20), createHash('sha1').update(table).digest())
  const files = new Map<string, Buffer>()
  for (const [, body = ''] of toc.matchAll(/<file id="\d+">([\s\S]*?)<\/file>/g)) {
    const field = (name: string) => new RegExp(`<${name}[^>]*>([^<]*)<`).exec(body)?.[1] ?? ''
    const bytes = heap.subarray(Number(field('offset')), Number(field('offset')) + Number(field('length')))
    assert.equal(createHash('sha1').update(bytes).digest('hex'), field('archived-checksum'))
    files.set(field('name'), bytes)
  }
  return files
}

function cpioEntries(bytes: Buffer): Map<string, { mode: number; owner: number; text: string }> {
  const found = new Map<string, { mode: number; owner: number; text: string }>()
  for (let at = 0; ; ) {
    assert.equal(bytes.toString('latin1', at, at + 6), '070707')
    const octal = (from: number, digits: number) =>
      Number.parseInt(bytes.toString('latin1', at + from, at + from + digits), 8)
    const [nameBytes, size] = [octal(59, 6), octal(65, 11)]
    const name = bytes.toString('utf8', at + 76, at + 76 + nameBytes - 1)
    if (name === 'TRAILER!!!') return found
    const from = at + 76 + nameBytes
    found.set(name, { mode: octal(18, 6), owner: octal(24, 6), text: bytes.toString('utf8', from, from + size) })
    at = from + size
  }
}

describe('the .pkg for macOS', () => {
  it('has the files with their modes, owned by root, and the jobs of launchd', () => {
    const files = cpioEntries(gunzipSync(unpacked(built()).get('Payload')!))
    const at = './Library/Tellwire/versions/0.1.0'
    assert.deepEqual(
      ['node', 'agent.mjs', 'node_modules'].map((it) => files.get(`${at}/${it}`)?.mode.toString(8)),
      ['100755', '100644', '40755'],
    )
    assert.match(files.get('./Library/Tellwire/bin/tellwire')?.text ?? '', /^#!\/bin\/sh/)
    assert.deepEqual(
      [...files.keys()].filter((it) => it.includes('LaunchDaemons/')),
      ['./Library/LaunchDaemons/com.tellwire.agent.plist', './Library/LaunchDaemons/com.tellwire.upgrade.plist'],
    )
    assert.ok([...files.values()].every((it) => it.owner === 0))
    // Each folder before what is in it.
    const names = [...files.keys()]
    for (const name of names.slice(1))
      assert.ok(names.indexOf(name.slice(0, name.lastIndexOf('/'))) < names.indexOf(name), name)
  })

  it('says how many files it has, and starts the agent after it is installed', () => {
    const files = unpacked(built())
    const entries = cpioEntries(gunzipSync(files.get('Payload')!))
    assert.match(files.get('PackageInfo')!.toString(), new RegExp(`numberOfFiles="${entries.size}"`))
    const { mode, text } = cpioEntries(gunzipSync(files.get('Scripts')!)).get('./postinstall')!
    assert.equal(mode.toString(8), '100755')
    assert.match(text, /launchctl bootstrap system/)
    assert.match(text, /echo '0\.1\.0' >\/Library\/Tellwire\/staged/)
  })

  it('the same input makes the same bytes', () => assert.ok(built().equals(built())))

  it('a bill of materials has the bytes that bomutils makes of the same files', () => {
    const file = (path: string, text: string, mode = 0o100644) => ({ path, mode, bytes: Buffer.from(text) })
    const folder = (path: string) => ({ path, mode: 0o040755, bytes: null })
    const all = [folder('.'), folder('./a'), folder('./a/b'), file('./a/b/program', '#!/bin/sh\n', 0o100755)]
    const bytes = bom([...all, file('./a/empty', ''), file('./a/b-text', 'text\n'), file('./z', 'z')], EPOCH)
    assert.equal(
      createHash('sha256').update(bytes).digest('hex'),
      'dea457f41d8ff9327187430e226126225127febe526ce979a0aa65e29d3d204d',
    )
  })

  it('a file whose folder is not listed is refused', () =>
    assert.throws(() => bom([{ path: './a/b', mode: 0o100644, bytes: Buffer.alloc(0) }], EPOCH)))

  it('checksums as cksum(1) prints them', () =>
    assert.deepEqual(
      ['', 'z', 'text\n'].map((it) => cksum(Buffer.from(it))),
      [4_294_967_295, 2_687_565_420, 2_921_489_099],
    ))
})
