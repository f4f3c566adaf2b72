/** An expression of PCRE2's syntax as a tree, with sets of characters in RE2's syntax. */

export type Node =
  /** One character of a set, as RE2 text; `read` is the same for `regex-demands.ts`. */
  | { kind: 'set'; re2: string; read: string; i: boolean }
  | { kind: 'assert'; re2: string; read: string }
  /** The end, or before a last \n. */
  | { kind: 'end' }
  | { kind: 'sequence'; of: Node[] }
  | { kind: 'choice'; of: Node[] }
  | { kind: 'atomic'; of: Node; written: string }
  | { kind: 'repeat'; of: Node; least: number; most: number; lazy: boolean }
