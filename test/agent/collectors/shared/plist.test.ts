import assert from 'node:assert/strict'
import { PlistId, parsePlist, record } from '../../../../agent/collectors/shared/plist.ts'

/** libplist's plistutil 2.2 wrote the binary form of this XML. */
const XML = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>idVendor</key><integer>1133</integer>
	<key>negative</key><integer>-2</integer>
	<key>large</key><integer>18446744073709551615</integer>
	<key>real</key><real>2.5</real>
	<key>yes</key><true/>
	<key>date</key><date>2026-11-02T09:00:00Z</date>
	<key>data</key><data>AP///////wA=</data>
	<key>text</key><string>a &amp; b</string>
	<key>wide</key><string>größe €</string>
	<key>list</key><array><integer>1</integer><string>x</string><array/></array>
	<key>long list</key><array>${Array.from({ length: 16 }, (_, n) => `<integer>${n}</integer>`).join('')}</array>
	<key>inner</key><dict><key>__proto__</key><string>no</string></dict>
</dict>
</plist>`
const BINARY = Buffer.from(
  [
    'YnBsaXN0MDDcAQMFBwkLDQ8RExgpAgQGCAoMDhASFBkqWGlkVmVuZG9yEQRtWG5lZ2F0aXZlE//////////+VWxhcmdlFAAAAAAAAAAA',
    '//////////9UcmVhbCJAIAAAU3llcwlUZGF0ZTNByExESAAAAFRkYXRhSAD///////8AVHRleHRVYSAmIGJUd2lkZWcAZwByAPYA3wBl',
    'ACAgrFRsaXN0oxUWFxABUXigWWxvbmcgbGlzdK8QEBoVGxwdHh8gISIjJCUmJygQABACEAMQBBAFEAYQBxAIEAkQChALEAwQDRAOEA9V',
    'aW5uZXLRKyxZX19wcm90b19fUm5vCCEqLTY/RVZbYGRlanN4gYaMkaClqautrrjLzc/R09XX2dvd3+Hj5efp7/L8AAAAAAAAAQEAAAAA',
    'AAAALQAAAAAAAAAAAAAAAAAAAP8=',
  ].join(''),
  'base64',
)
/** Python's plistlib wrote this: `{'root': UID(1), '$objects': ['$null', 'x']}`. */
const WITH_ID = Buffer.from(
  'YnBsaXN0MDDSAQIDBlgkb2JqZWN0c1Ryb290ogQFVSRudWxsUXiAAQgNFhseJCYAAAAAAAABAQAAAAAAAAAHAAAAAAAAAAAAAAAAAAAAKA==',
  'base64',
)

describe('agent/collectors/shared/plist', () => {
  it('XML and binary give the same', () => {
    const found = record(parsePlist(Buffer.from(XML)))!
    assert.deepEqual(record(parsePlist(BINARY)), found)
    assert.deepEqual(
      [found.idVendor, found.negative, found.large, found.real, found.yes],
      [1_133, -2, 18_446_744_073_709_551_615n, 2.5, true],
    )
    assert.deepEqual([found.text, found.wide, found.date], ['a & b', 'größe €', new Date('2026-11-02T09:00:00Z')])
    assert.deepEqual(found.data, Buffer.from('00ffffffffffff00', 'hex'))
    assert.deepEqual(found.list, [1, 'x', []])
    assert.equal(Object.getPrototypeOf(found.inner), null)
  })

  it("an archive's ids", () => assert.deepEqual(record(parsePlist(WITH_ID))?.root, new PlistId(1)))

  const refused: [name: string, bytes: Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('no list')],
    ['a cut XML', Buffer.from(XML.slice(0, 400))],
    ['text between values', Buffer.from('<plist><array>x</array></plist>')],
    ['a value without a key', Buffer.from('<plist><dict><string>x</string></dict></plist>')],
    ['an unknown element', Buffer.from('<plist><script/></plist>')],
    ['too deep', Buffer.from(`<plist>${'<array>'.repeat(100)}`)],
    ['a number that is none', Buffer.from('<plist><integer>0x</integer></plist>')],
    ['a trailer alone', Buffer.concat([Buffer.from('bplist00'), Buffer.alloc(32)])],
  ]
  for (const [name, bytes] of refused) it(`refuses ${name}`, () => assert.throws(() => parsePlist(bytes), SyntaxError))

  it('a binary list that is cut, or damaged anywhere, is refused or read, and never more', () => {
    for (let length = 0; length < BINARY.length; length++)
      assert.throws(() => parsePlist(BINARY.subarray(0, length)), SyntaxError)
    for (let at = 8; at < BINARY.length; at++) {
      const bytes = Buffer.from(BINARY)
      bytes[at] = bytes[at]! ^ 0xff
      try {
        parsePlist(bytes)
      } catch (cause) {
        assert.ok(cause instanceof SyntaxError, `byte ${at}: ${String(cause)}`)
      }
    }
  })

  it('a list that contains itself is refused', () => {
    // One object, an array of one, which is the first object again.
    const bytes = Buffer.concat([Buffer.from('bplist00'), Buffer.from([0xa1, 0, 8]), Buffer.alloc(32)])
    bytes[11 + 6] = bytes[11 + 7] = 1
    bytes.writeBigUInt64BE(1n, 11 + 8)
    bytes.writeBigUInt64BE(10n, 11 + 24)
    assert.throws(() => parsePlist(bytes), /refers to itself/)
  })
})
