/** The place in an expression that is being read, and the flags that hold there. */

/** `m` and `s` decide between nodes; `x` is only needed while reading. */
export interface Flags {
  i: boolean
  m: boolean
  s: boolean
  x: 0 | 1 | 2
}

export interface Reader {
  readonly source: string
  at: number
  depth: number
}

export function readPoint(reader: Reader): number {
  const point = reader.source.codePointAt(reader.at)!
  reader.at += point > 0xffff ? 2 : 1
  return point
}
