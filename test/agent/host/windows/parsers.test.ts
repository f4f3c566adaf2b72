/** What Windows fills in, parsed: built as its documentation says, and cut short. */
import assert from 'node:assert/strict'
import { CallError } from '../../../../agent/host/windows/calls.ts'
import { parseSmbios } from '../../../../agent/host/windows/firmware.ts'
import { parseEntries } from '../../../../agent/host/windows/folders.ts'
import { wideTexts } from '../../../../agent/host/windows/library.ts'
import { parseValue } from '../../../../agent/host/windows/registry.ts'
import { folderPolicy } from '../../../../agent/host/windows/security.ts'
import { quoted } from '../../../../agent/host/windows/service.ts'
import { parseClientAddress, parseZone } from '../../../../agent/host/windows/sessions.ts'
import { parseTcp, parseUdp6 } from '../../../../agent/host/windows/sockets.ts'
import { parseDescriptor } from '../../../../agent/host/windows/volumes.ts'

describe('agent/host/windows, parsers', () => {
  it('a TCP row: ports in network order; a count beyond the buffer adds no rows', () => {
    const row = Buffer.from('02000000c0000201115c0000000000000000000010270000', 'hex')
    const table = Buffer.concat([Buffer.from('05000000', 'hex'), row])
    const [found, ...others] = [...parseTcp(table)]
    assert.deepEqual([found?.state, found?.localAddress, found?.localPort, found?.pid], [2, '192.0.2.1', 4444, 10_000])
    assert.deepEqual(others, [])
  })

  it('a UDP row of IPv6', () => {
    const row = Buffer.concat([
      Buffer.alloc(15),
      Buffer.from('01', 'hex'),
      Buffer.alloc(4),
      Buffer.from('0035000007000000', 'hex'),
    ])
    const [found] = [...parseUdp6(Buffer.concat([Buffer.from('01000000', 'hex'), row]))]
    assert.deepEqual([found?.localAddress, found?.localPort, found?.pid], ['::1', 53, 7])
  })

  const structure = (type: number, formatted: Buffer, texts: string) =>
    Buffer.concat([Buffer.from([type, formatted.length + 4, 0, 0]), formatted, Buffer.from(`${texts}\0\0`, 'latin1')])
  const system = Buffer.concat([Buffer.from([1, 2, 0, 3]), Buffer.alloc(16, 0xab), Buffer.alloc(3)])
  it('SMBIOS: UUID and serial numbers; a damaged one gives what came before', () => {
    const whole = Buffer.concat([
      structure(1, system, 'Vendor\0Product\0SN1'),
      structure(2, Buffer.from([1, 1, 0, 2]), 'Board\0SN2'),
      structure(127, Buffer.alloc(0), ''),
    ])
    assert.deepEqual(parseSmbios(whole), ['ab'.repeat(16), 'SN1', 'SN2'])
    assert.deepEqual(parseSmbios(whole.subarray(0, 50)), ['ab'.repeat(16), 'SN1', null])
    assert.deepEqual(parseSmbios(Buffer.from([1, 0, 0, 0])), [null, null, null])
  })

  it('a disk on USB names its maker; an offset beyond the answer is none', () => {
    const bytes = Buffer.alloc(64)
    bytes.writeUInt32LE(40, 12)
    bytes.writeUInt32LE(4_000, 16)
    bytes.writeUInt32LE(7, 28)
    bytes.write('SanDisk \0', 40, 'latin1')
    assert.deepEqual(parseDescriptor(bytes), { bus: 7, vendor: 'SanDisk', product: null })
    assert.deepEqual(parseDescriptor(bytes.subarray(0, 20)), { bus: null, vendor: null, product: null })
  })

  it("a folder's entries: files, folders and links; what is fetched on demand is no link", () => {
    const entry = (name: string, attributes: number, tag: number, isLast = false) => {
      const length = 104 + name.length * 2
      const bytes = Buffer.alloc(isLast ? length : Math.ceil(length / 8) * 8)
      if (!isLast) bytes.writeUInt32LE(bytes.length, 0)
      bytes.writeBigUInt64LE(134_405_475_089_180_000n, 24)
      bytes.writeBigUInt64LE(5_000_000_000n, 40)
      bytes.writeBigUInt64LE(4_096n, 48)
      bytes.writeUInt32LE(attributes, 56)
      bytes.writeUInt32LE(name.length * 2, 60)
      bytes.writeUInt32LE(tag, 64)
      bytes.writeBigUInt64LE(77n, 96)
      bytes.write(name, 104, 'utf16le')
      return bytes
    }
    const all = Buffer.concat([
      ...[entry('.', 0x10, 0), entry('..', 0x10, 0), entry('photos', 0x10, 0)],
      ...[entry('junction', 0x410, 0xa0000003), entry('OneDrive.docx', 0x420, 0x9000601a)],
      entry('x', 0x20, 0, true),
    ])
    const found = parseEntries(all)
    assert.deepEqual(
      found.map(({ name, kind }) => [name, kind]),
      [
        ['photos', 'folder'],
        ['junction', 'link'],
        ['OneDrive.docx', 'file'],
        ['x', 'file'],
      ],
    )
    const { size, allocated, modifiedMs, inode } = found.at(-1)!
    assert.deepEqual([size, allocated, Math.round(modifiedMs), inode], [5_000_000_000, 4_096, 1_796_073_908_918, 77])
    assert.equal(parseEntries(all.subarray(0, all.length - 106)).length, 3)
  })

  it("a Remote Desktop client's address", () => {
    const bytes = Buffer.alloc(24)
    bytes.writeUInt32LE(2, 0)
    bytes.set([203, 0, 113, 9], 6)
    assert.equal(parseClientAddress(bytes), '203.0.113.9')
    assert.equal(parseClientAddress(bytes.subarray(0, 8)), null)
  })

  it('a zone: a bias is minutes west, and summer has its own', () => {
    const info = Buffer.alloc(432)
    info.writeInt32LE(-60, 0)
    info.writeInt32LE(-60, 168)
    info.write('W. Europe Standard Time', 172, 'utf16le')
    assert.deepEqual(parseZone(info, 1), { key: 'W. Europe Standard Time', utcOffsetMinutes: 60 })
    assert.equal(parseZone(info, 2).utcOffsetMinutes, 120)
  })

  it('values of the registry: text without an end, and a number that is cut', () => {
    assert.equal(parseValue(1, Buffer.from('a\0b', 'utf16le')).text, 'a')
    assert.equal(parseValue(2, Buffer.from('ab', 'utf16le')).text, 'ab')
    assert.deepEqual([parseValue(4, Buffer.alloc(2)).number, parseValue(3, Buffer.alloc(2)).text], [null, null])
    assert.deepEqual(wideTexts(Buffer.from('a\0bc\0\0', 'utf16le')), ['a', 'bc'])
  })

  it('the folder is for SYSTEM and Administrators alone, and a path in a command is quoted', () => {
    assert.equal(folderPolicy(null), 'D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
    assert.equal(folderPolicy('S-1-5-21-1'), 'D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;S-1-5-21-1)')
    assert.equal(quoted('C:\\Program Files\\x\\'), '"C:\\Program Files\\x\\\\"')
  })

  it("errors have node:fs's codes, so that gaps tell denied from unsupported", () => {
    assert.deepEqual(
      [5, 2, 127, 87].map((it) => new CallError('x', it).code),
      ['EACCES', 'ENOENT', 'ENOENT', 'EIO'],
    )
  })
})
