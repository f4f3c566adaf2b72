/**
 * Property lists, in XML and in binary. Anybody may have written them.
 *
 * Shape   plain values: text, number, bigint above 2^53, boolean, Date, Buffer, list, record without a prototype. An id of
 *         an archive (NSKeyedArchiver) is a `PlistId`.
 * Errors  throws a SyntaxError for what is none, is cut, refers to itself, or has more than 200,000 values.
 * Source  plist(5); the layout of binary lists as in CoreFoundation's CFBinaryPList.c. Checked with lists that libplist
 *         wrote.
 */

export type Plist = string | number | bigint | boolean | Date | Buffer | PlistId | Plist[] | PlistRecord
export interface PlistRecord {
  [name: string]: Plist
}
export class PlistId {
  readonly id: number
  constructor(id: number) {
    this.id = id
  }
}

const MAX_VALUES = 200_000
const MAX_DEPTH = 64
/** Seconds between the beginnings of Unix's and Apple's time. */
const APPLE_EPOCH_S = 978_307_200

export function parsePlist(bytes: Buffer): Plist {
  return bytes.subarray(0, 8).toString('latin1').startsWith('bplist0') ? parseBinary(bytes) : parseXml(bytes)
}

export function record(value: Plist | undefined): PlistRecord | null {
  const isRecord =
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !Buffer.isBuffer(value) &&
    !(value instanceof Date) &&
    !(value instanceof PlistId)
  return isRecord ? value : null
}

export function list(value: Plist | undefined): Plist[] {
  return Array.isArray(value) ? value : []
}

export function text(value: Plist | undefined): string | null {
  return typeof value === 'string' ? value : null
}

export function whole(value: Plist | undefined): number | null {
  return typeof value === 'number' && Number.isInteger(value) ? value : null
}

function invalid(why: string): SyntaxError {
  return new SyntaxError(`a property list ${why}`)
}

/** A trailer of 32 bytes says where the table of offsets is; each object is found by its number. */
function parseBinary(bytes: Buffer): Plist {
  if (bytes.length < 40) throw invalid('is cut')
  const trailer = bytes.subarray(bytes.length - 32)
  const [offsetSize, referenceSize] = [trailer[6]!, trailer[7]!]
  const [count, top, table] = [8, 16, 24].map((at) => Number(trailer.readBigUInt64BE(at)))
  if (!isSize(offsetSize) || !isSize(referenceSize) || count! > MAX_VALUES) throw invalid('has a wrong trailer')
  let left = MAX_VALUES
  return read(top!, 0)

  function read(number: number, depth: number): Plist {
    if (number >= count! || depth > MAX_DEPTH || --left < 0) throw invalid('refers to itself, or nowhere')
    const at = integer(table! + number * offsetSize, offsetSize)
    const [kind, info] = [at < bytes.length ? bytes[at]! >> 4 : 15, bytes[at]! & 15]
    if (kind === 0 && (info === 8 || info === 9)) return info === 9
    if (kind === 0) return ''
    if (kind === 1) return number64(at + 1, 1 << info)
    if (kind === 2) return info === 2 ? slice(at + 1, 4).readFloatBE() : slice(at + 1, 8).readDoubleBE()
    if (kind === 3) return new Date((slice(at + 1, 8).readDoubleBE() + APPLE_EPOCH_S) * 1_000)
    if (kind === 8) return new PlistId(integer(at + 1, info + 1))
    const { length, from } = sizeOf(at, info)
    if (kind === 4) return Buffer.from(slice(from, length))
    if (kind === 5) return slice(from, length).toString('latin1')
    if (kind === 6)
      return Buffer.from(slice(from, length * 2))
        .swap16()
        .toString('utf16le')
    const reference = (n: number) => integer(from + n * referenceSize, referenceSize)
    if (kind === 10 || kind === 11 || kind === 12) {
      slice(from, length * referenceSize)
      return Array.from({ length }, (_, n) => read(reference(n), depth + 1))
    }
    if (kind !== 13) throw invalid(`has an object of kind ${kind}`)
    slice(from, 2 * length * referenceSize)
    const found = Object.create(null) as PlistRecord
    for (let n = 0; n < length; n++) {
      const name = read(reference(n), depth + 1)
      if (typeof name === 'string') found[name] = read(reference(length + n), depth + 1)
    }
    return found
  }

  /** A length of 15 says that the length follows, as a number of its own. */
  function sizeOf(at: number, info: number): { length: number; from: number } {
    if (info !== 15) return { length: info, from: at + 1 }
    const size = 1 << ((bytes[at + 1] ?? 0) & 15)
    return { length: integer(at + 2, size), from: at + 2 + size }
  }

  function number64(at: number, size: number): number | bigint {
    // One of 16 bytes has its value in the last eight.
    const value = size === 16 ? slice(at + 8, 8).readBigUInt64BE() : size === 8 ? slice(at, 8).readBigInt64BE() : null
    if (value === null) return integer(at, size)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  function integer(at: number, size: number): number {
    if (size === 8) return Number(slice(at, 8).readBigUInt64BE())
    if (size > 6) throw invalid('has a number of a wrong size')
    return slice(at, size).readUIntBE(0, size)
  }

  function slice(at: number, length: number): Buffer {
    if (!(at >= 0 && length >= 0 && at + length <= bytes.length)) throw invalid('is cut')
    return bytes.subarray(at, at + length)
  }
}

function isSize(size: number): boolean {
  return size === 1 || size === 2 || size === 3 || size === 4 || size === 8
}

const TOKEN = /<(\/?)([a-z]+)\s*(\/?)>|<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!DOCTYPE[^>]*>|([^<]+)/y
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Of XML only what property lists have: no attributes but the version's, and no entities of its own. */
function parseXml(bytes: Buffer): Plist {
  const source = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .replace(/<plist\b[^>]*>/, '<plist>')
  let at = 0
  let left = MAX_VALUES
  const next = (): { tag: string; closes: boolean; empty: boolean; text: string } | null => {
    for (;;) {
      TOKEN.lastIndex = at
      const found = TOKEN.exec(source)
      if (found === null) return null
      at = TOKEN.lastIndex
      const [, slash, tag, end, plain] = found
      if (tag !== undefined) return { tag, closes: slash === '/', empty: end === '/', text: '' }
      if (plain !== undefined) return { tag: '', closes: false, empty: false, text: unescaped(plain) }
    }
  }
  const tagAfterSpace = () => {
    for (;;) {
      const token = next()
      if (token === null) throw invalid('is cut')
      if (token.tag !== '') return token
      if (token.text.trim() !== '') throw invalid('has text between its values')
    }
  }
  const root = tagAfterSpace()
  return read(root.tag === 'plist' ? tagAfterSpace() : root, 0)

  function read(token: { tag: string; closes: boolean; empty: boolean }, depth: number): Plist {
    const { tag } = token
    if (token.closes || depth > MAX_DEPTH || --left < 0) throw invalid(`has '${tag.slice(0, 20)}' in a wrong place`)
    if (tag === 'true' || tag === 'false') {
      if (!token.empty) content(tag)
      return tag === 'true'
    }
    if (tag === 'array') return token.empty ? [] : [...values(tag, depth)]
    if (tag === 'dict') {
      const found = Object.create(null) as PlistRecord
      if (token.empty) return found
      for (;;) {
        const key = tagAfterSpace()
        if (key.closes && key.tag === 'dict') return found
        if (key.tag !== 'key' || key.closes) throw invalid('has a value without a key')
        const name = key.empty ? '' : content('key')
        found[name] = read(tagAfterSpace(), depth + 1)
      }
    }
    const plain = token.empty ? '' : content(tag)
    if (tag === 'string' || tag === 'ustring') return plain
    if (tag === 'integer') return integerOf(plain.trim())
    if (tag === 'real') return Number(plain)
    if (tag === 'data') return Buffer.from(plain, 'base64')
    if (tag === 'date') return new Date(plain.trim())
    throw invalid(`has a '${tag.slice(0, 20)}'`)
  }

  function* values(tag: string, depth: number): Iterable<Plist> {
    for (;;) {
      const token = tagAfterSpace()
      if (token.closes && token.tag === tag) return
      yield read(token, depth + 1)
    }
  }

  function content(tag: string): string {
    let found = ''
    for (;;) {
      const token = next()
      if (token === null) throw invalid('is cut')
      if (token.tag === '') found += token.text
      else if (token.closes && token.tag === tag) return found
      else throw invalid(`has '${token.tag.slice(0, 20)}' in a '${tag}'`)
    }
  }
}

function integerOf(plain: string): number | bigint {
  if (!/^-?\d{1,20}$|^0x[0-9a-f]{1,16}$/i.test(plain)) throw invalid('has a number that is none')
  const value = Number(plain)
  return Number.isSafeInteger(value) ? value : BigInt(plain)
}

function unescaped(plain: string): string {
  return plain.replace(/&(?:#(x?)([0-9a-f]{1,6})|(lt|gt|amp|quot|apos));/gi, (all, hex: string, code, name: string) => {
    if (name) return ENTITIES[name.toLowerCase()]!
    const point = Number.parseInt(code as string, hex ? 16 : 10)
    return point <= 0x10ffff ? String.fromCodePoint(point) : all
  })
}
