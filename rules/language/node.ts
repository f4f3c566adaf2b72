/**
 * What a YAML document is read into: plain nodes with their positions.
 *
 * Units   `at` is an offset into the file's text.
 */
export interface Scalar {
  kind: 'scalar'
  value: string | number | bigint | boolean | null
  /** As written: '010', 'True'. For quoted and block scalars the same as the value. */
  text: string
  at: number
}
export interface List {
  kind: 'list'
  items: Node[]
  at: number
}
export interface Entry {
  at: number
  value: Node
}
export interface Mapping {
  kind: 'map'
  entries: Map<string, Entry>
  at: number
}
export type Node = Scalar | List | Mapping

/** Plain data, for parts that are kept as they are (tests). */
export function plain(node: Node): unknown {
  if (node.kind === 'scalar') return typeof node.value === 'bigint' ? Number(node.value) : node.value
  if (node.kind === 'list') return node.items.map(plain)
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]))
}
