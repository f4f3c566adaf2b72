/** A number, or a text that is a decimal number and nothing else. Null otherwise. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'bigint') return Number(value)
  if (
    typeof value !== 'string' ||
    value.length > 64 ||
    !/^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$/.test(value)
  )
    return null
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}
