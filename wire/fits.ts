/**
 * A fast check whether a schema accepts a value without changing it, several times faster than parsing.
 *
 * Shape   true: parsing succeeds and gives an equal value. False: parse the value, because it may be invalid, or the
 *         schema may fill in or remove something. A kind of schema that is not handled here gives false: slow, not
 *         wrong.
 */
import type * as z from 'zod'

export type Fits = (value: unknown) => boolean

export function fits(schema: z.core.$ZodType): Fits {
  const { def } = (schema as z.core.$ZodTypes)._zod
  const checks = [
    ...('check' in def ? [def as Checked] : []),
    ...(def.checks ?? []).map((it) => it._zod.def as Checked),
  ]
  const further = checks.map(passes)
  const is = typeOf(def)
  const [only] = further
  if (!only) return is
  if (further.length === 1) return (value) => is(value) && only(value)
  return (value) => is(value) && further.every((it) => it(value))
}

const never: Fits = () => false

function typeOf(def: z.core.$ZodTypes['_zod']['def']): Fits {
  switch (def.type) {
    case 'string':
      return 'coerce' in def && def.coerce ? never : (value) => typeof value === 'string'
    case 'number':
      return 'coerce' in def && def.coerce ? never : Number.isFinite
    case 'boolean':
      return def.coerce ? never : (value) => typeof value === 'boolean'
    case 'literal':
    case 'enum': {
      const values = new Set<unknown>(def.type === 'enum' ? Object.values(def.entries) : def.values)
      const [one] = values
      return values.size === 1 ? (value) => value === one : (value) => values.has(value)
    }
    case 'nullable':
    case 'optional': {
      const [inner, absent] = [fits(def.innerType), def.type === 'nullable' ? null : undefined]
      return (value) => value === absent || inner(value)
    }
    case 'array': {
      const element = fits(def.element)
      return (value) => Array.isArray(value) && value.every(element)
    }
    case 'record': {
      const [key, each] = [fits(def.keyType), fits(def.valueType)]
      return (value) => isPlain(value) && Object.keys(value).every((it) => key(it) && each(value[it]))
    }
    case 'object':
      return objectOf(def)
    case 'union':
      return unionOf(def)
    default:
      return never
  }
}

/** No keys other than those of the shape: a schema would reject or remove them, or validate them further. */
function objectOf({ shape, catchall }: z.core.$ZodObjectDef): Fits {
  if (catchall && catchall._zod.def.type !== 'never') return never
  const fields = Object.entries(shape).map(([key, schema]) => ({ key, fits: fits(schema) }))
  return (value) => {
    if (!isPlain(value)) return false
    let left = 0
    for (const _ in value) left++
    for (let at = 0; at < fields.length; at++) {
      const { key, fits } = fields[at]!
      const it = value[key]
      if (!fits(it)) return false
      if (it !== undefined) left--
    }
    return left === 0
  }
}

/**
 * Zod takes the first option that parses, which might change the value although a later option would not. So only
 * discriminated unions and unions of scalars are handled.
 */
function unionOf(def: z.core.$ZodUnionDef | z.core.$ZodDiscriminatedUnionDef): Fits {
  const all = def.options.map((it) => ({ fits: fits(it), schema: it as z.core.$ZodTypes }))
  if (!('discriminator' in def)) {
    const isScalar = all.every((it) => SCALAR.has(it.schema._zod.def.type))
    return isScalar ? (value) => all.some((it) => it.fits(value)) : never
  }
  const key = def.discriminator
  const options = new Map<unknown, Fits>()
  for (const { fits, schema } of all) for (const value of schema._zod.propValues?.[key] ?? []) options.set(value, fits)
  return (value) => isPlain(value) && (options.get(value[key])?.(value) ?? false)
}

const SCALAR: ReadonlySet<string> = new Set(['string', 'number', 'boolean', 'literal', 'enum'])

type Checked =
  | z.core.$ZodCheckMaxLengthDef
  | z.core.$ZodCheckMinLengthDef
  | z.core.$ZodCheckLessThanDef
  | z.core.$ZodCheckGreaterThanDef
  | z.core.$ZodCheckNumberFormatDef
  | z.core.$ZodCheckStringFormatDef
  | { check: 'custom'; fn?: (value: unknown) => unknown }
  | { check: 'overwrite'; tx: (value: unknown) => unknown }

function passes(def: Checked): Fits {
  switch (def.check) {
    case 'max_length':
      return (value) => (value as string | unknown[]).length <= def.maximum
    case 'min_length':
      return (value) => (value as string | unknown[]).length >= def.minimum
    case 'less_than':
      return (value) => (value as number) < (def.value as number) || (def.inclusive && value === def.value)
    case 'greater_than':
      return (value) => (value as number) > (def.value as number) || (def.inclusive && value === def.value)
    case 'number_format':
      return def.format === 'safeint' ? Number.isSafeInteger : never
    case 'string_format': {
      const { pattern, format } = def
      const isWhole = (format === 'regex' || format === 'uuid') && pattern && !pattern.global && !pattern.sticky
      return isWhole ? (value) => pattern.test(value as string) : never
    }
    case 'overwrite': {
      const { tx } = def
      return (value) => tx(value) === value
    }
    case 'custom': {
      const { fn } = def
      return fn ? (value) => fn(value) === true : never
    }
    default:
      return never
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
