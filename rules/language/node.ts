/**
 * The nodes of a YAML document, with their positions.
 *
 * Units   `at` is an offset into the file's text.
 */
export interface Scalar {
  kind: 'scalar'
  value: string | number | bigint | boolean | null
  /** As written in the file: '010', 'True'. For quoted and block scalars the value. */
  text: string
  at: number
  /** In double quotes, with an escape that looks like a part of a path: `"C:\temp"` has a tab. */
  hasDoubtfulEscape?: true
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

/** The node as plain data, for parts that are not interpreted (tests). */
export function plain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(plain)
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]))
}
