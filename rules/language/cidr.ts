/** Networks and addresses as 128-bit prefixes; IPv4 addresses are mapped to IPv6, so that both forms compare equal. */
export interface Network {
  /** Eight 16-bit words. */
  words: readonly number[]
  bits: number
}

/** Null: not a network. 'host bits': an address within a network instead of the network itself. */
export function parseNetwork(text: string): Network | 'host bits' | null {
  const [address = '', bitsText, more] = text.trim().split('/')
  const words = parseAddress(address)
  if (!words || more !== undefined || (bitsText !== undefined && !/^\d{1,3}$/.test(bitsText))) return null
  const isV4 = !address.includes(':')
  const given = bitsText === undefined ? (isV4 ? 32 : 128) : Number(bitsText)
  if (given > (isV4 ? 32 : 128)) return null
  const bits = isV4 ? given + 96 : given
  return words.every((word, i) => (word & ~mask(bits, i)) === 0) ? { words, bits } : 'host bits'
}

export function inNetwork(network: Network, address: string): boolean {
  const words = parseAddress(address)
  return words?.every((word, i) => (word & mask(network.bits, i)) === network.words[i]) ?? false
}

function mask(bits: number, word: number): number {
  const ones = Math.min(16, Math.max(0, bits - word * 16))
  return (0xffff << (16 - ones)) & 0xffff
}

function parseAddress(text: string): number[] | null {
  if (text.length > 45) return null
  if (!text.includes(':')) {
    const v4 = parseV4(text)
    return v4 && [0, 0, 0, 0, 0, 0xffff, ...v4]
  }
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head, tail] = halves.map(parseWords)
  if (!head || tail === null) return null
  if (tail === undefined) return head.length === 8 ? head : null
  const missing = 8 - head.length - tail.length
  return missing < 1 ? null : [...head, ...new Array<number>(missing).fill(0), ...tail]
}

function parseWords(text: string): number[] | null {
  if (text === '') return []
  const words: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    const v4 = i === groups.length - 1 && group.includes('.') ? parseV4(group) : null
    if (v4) words.push(...v4)
    else if (/^[0-9a-fA-F]{1,4}$/.test(group)) words.push(parseInt(group, 16))
    else return null
  }
  return words
}

function parseV4(text: string): [number, number] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) return null
  const [a, b, c, d] = match.slice(1).map(Number) as [number, number, number, number]
  if (a > 255 || b > 255 || c > 255 || d > 255) return null
  return [a * 256 + b, c * 256 + d]
}
