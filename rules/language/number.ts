/**
 * Numbers in values, and JSON whose integers keep all their digits.
 */

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

/** The same, with integers beyond 2^53 exact: as bigint. */
export function exactNumberOf(value: unknown): number | bigint | null {
  if (typeof value === 'bigint') return value
  const number = numberOf(value)
  if (number === null || typeof value !== 'string' || Number.isSafeInteger(number)) return number
  const whole = /^\s*\+?(-?\d+)(?:\.0*)?\s*$/.exec(value)
  return whole ? BigInt(whole[1]!) : number
}

/** Parses JSON; integers that a number would round are bigint. Errors: SyntaxError, as JSON.parse. */
export function parseExactly(json: string): unknown {
  const value: unknown = JSON.parse(json)
  // Hardly any text has such an integer, and a reviver is slow.
  if (!hasUnsafe(value, 0)) return value
  try {
    return JSON.parse(json, exact)
  } catch {
    // The reviver overflows the stack where the parser alone does not, in arrays within a million arrays.
    return value
  }
}

/** The third argument and `rawJSON` are ECMAScript's "JSON.parse source text access"; TypeScript lacks them so far. */
function exact(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

const MAX_DEPTH = 64

function hasUnsafe(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER
  if (typeof value !== 'object' || value === null) return false
  if (depth > MAX_DEPTH) return true
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key]
    if (typeof inner !== 'string' && hasUnsafe(inner, depth + 1)) return true
  }
  return false
}

/** Writes what `parseExactly` read. */
export function writeExactly(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? rawJson(String(inner)) : inner))
}

const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown }
