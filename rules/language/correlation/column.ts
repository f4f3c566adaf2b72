/** Typed arrays that grow: one number per event or group, without an object for each. */
export type Column = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array

/** The column with room for `least` values; it grows by at least half. */
export function withRoom<C extends Column>(column: C, least: number): C {
  if (least <= column.length) return column
  const size = Math.max(least, 64, column.length + (column.length >> 1))
  const grown = new (column.constructor as new (size: number) => C)(size)
  grown.set(column)
  return grown
}
