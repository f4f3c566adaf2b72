/**
 * Sigma read straight off its specification, one value at a time, with none of the engine's code: patterns become
 * JavaScript expressions, networks go to node:net, conditions are rewritten as text until a digit is left.
 *
 * Shape   a rule's `detection` as plain data, an event, and the verdict. Only rules that are valid; nothing is checked.
 */
import { BlockList, isIPv4 } from 'node:net'

type Data = { [key: string]: unknown }

const LOGSOURCE = ['category', 'product', 'service']

export function verdict(detection: Data, event: Data): boolean {
  const { condition, ...selections } = detection
  const truth = new Map(Object.entries(selections).map(([name, selection]) => [name, selected(selection, event)]))
  return [condition].flat().some((each) => decide(String(each), truth))
}

function decide(condition: string, truth: ReadonlyMap<string, boolean>): boolean {
  const digit = (value: boolean) => (value ? '1' : '0')
  let text = ` ${condition.replace(/[()]/g, ' $& ').replace(/\s+/g, ' ').trim()} `
  text = text.replace(/ (\d+|any|all) of (\S+)(?= )/gi, (_, count: string, pattern: string) => {
    const wanted =
      pattern === 'them' ? /^[^_]/ : new RegExp(`^${pattern.replace(/[-.]/g, '\\$&').replace(/\*/g, '.*')}$`)
    const members = [...truth].filter(
      ([name]) => wanted.test(name) && (pattern.startsWith('_') || !name.startsWith('_')),
    )
    const holding = members.filter(([, holds]) => holds).length
    return ` #${digit(count.toLowerCase() === 'all' ? holding === members.length : holding >= (Number(count) || 1))}`
  })
  text = text.replace(/ ([^\s()#]\S*)(?= )/g, (whole, word: string) =>
    truth.has(word) ? ` #${digit(truth.get(word)!)}` : whole.toLowerCase(),
  )
  for (let before = ''; before !== text; ) {
    before = text
    text = text.replace(/ \( #([01]) \)/, ' #$1')
    if (text === before) text = text.replace(/ not #([01])/, (_, value) => ` #${digit(value === '0')}`)
    if (text === before) text = text.replace(/ #([01]) and #([01])/, (_, a, b) => ` #${digit(a === '1' && b === '1')}`)
    // An `or` waits until nothing binds tighter on either side.
    if (text === before)
      text = text.replace(
        /(?<! and| not) #([01]) or #([01])(?! and)/,
        (_, a, b) => ` #${digit(a === '1' || b === '1')}`,
      )
  }
  if (!/^ #[01] $/.test(text)) throw new Error(`the naive reader is stuck at '${text}'`)
  return text === ' #1 '
}

function selected(selection: unknown, event: Data): boolean {
  if (Array.isArray(selection)) return selection.some((each) => selected(each, event))
  if (typeof selection !== 'object' || selection === null) return item('', selection, event)
  return Object.entries(selection).every(([key, value]) => item(key, value, event))
}

function item(key: string, value: unknown, event: Data): boolean {
  const [field = '', ...modifiers] = key.split('|')
  const values = [value].flat()
  const one = (each: unknown) => holds(field, modifiers, each, event)
  const result = modifiers.includes('all') ? values.every(one) : values.some(one)
  return modifiers.includes('neq') ? !result : result
}

function holds(field: string, modifiers: readonly string[], value: unknown, event: Data): boolean {
  const has = (name: string) => modifiers.includes(name)
  const found =
    field === ''
      ? leaves(Object.entries(event).flatMap(([key, each]) => (LOGSOURCE.includes(key) ? [] : [each])))
      : allOf([find(event, field)])
  const present = found.some((each) => each !== null && each !== undefined)
  if (has('exists')) return (find(event, field) !== undefined) === value
  if (value === null) return !present
  const texts = found.filter((each) => ['string', 'number', 'boolean'].includes(typeof each)).map(String)
  const flags = has('cased') ? 'su' : 'siu'
  if (has('re'))
    return texts.some((text) =>
      new RegExp(asPcre(String(value), has('m')), `u${['i', 'm', 's'].filter(has).join('')}`).test(text),
    )
  if (has('cidr')) return texts.some((text) => inNetwork(String(value), text))
  if (has('fieldref')) {
    const others = allOf([find(event, String(value))])
      .filter((each) => ['string', 'number', 'boolean'].includes(typeof each))
      .map(String)
    return texts.some((text) => others.some((other) => new RegExp(framed(escaped(other), modifiers), flags).test(text)))
  }
  const unit = ['minute', 'hour', 'day', 'week', 'month', 'year'].find(has)
  const compare = ['lt', 'lte', 'gt', 'gte'].find(has)
  if (unit) return found.some((each) => compares(compare, dated(each, unit), Number(value)))
  if (compare)
    return found.some((each) =>
      compares(
        compare,
        typeof each === 'number'
          ? each
          : /^\s*[+-]?(\d+(\.\d*)?|\.\d+)\s*$/.test(String(each)) && typeof each === 'string'
            ? Number(each)
            : Number.NaN,
        Number(value),
      ),
    )
  const frame = field === '' && !has('startswith') && !has('endswith') ? ['contains'] : modifiers
  return sources(String(value), typeof value === 'string', modifiers).some((source) =>
    texts.some((text) => new RegExp(framed(source, frame), flags).test(text)),
  )
}

/** PCRE's `$` stands before a last line break, too. The random expressions escape none. */
function asPcre(source: string, isMultiline: boolean): string {
  return isMultiline ? source : source.replaceAll('$', '(?=\\n?$)')
}

/** The regular expressions for a value. */
function sources(value: string, isPattern: boolean, modifiers: readonly string[]): string[] {
  let values = [value]
  let bytes: Buffer | null = null
  let encoded = false
  for (const modifier of modifiers) {
    const plain = () => bytes ?? Buffer.from(values[0]!.replace(/\\([*?\\])/g, '$1'))
    if (modifier === 'windash') values = values.flatMap(dashes)
    if (modifier === 'wide' || modifier === 'utf16le') bytes = Buffer.from(plain().toString(), 'utf16le')
    if (modifier === 'utf16be') bytes = Buffer.from(plain().toString(), 'utf16le').swap16()
    if (modifier === 'utf16') bytes = Buffer.from(`\ufeff${plain()}`, 'utf16le')
    if (modifier === 'base64') [values, bytes, encoded] = [[plain().toString('base64')], null, true]
    if (modifier === 'base64offset') {
      const raw = plain()
      // By brute force: what stays the same whatever stands before and after.
      values = [0, 1, 2].map((offset) =>
        common(
          [0, 255].flatMap((fill) =>
            [0, 1, 2, 3].map((after) =>
              Buffer.concat([Buffer.alloc(offset, fill), raw, Buffer.alloc(after, fill)]).toString('base64'),
            ),
          ),
          offset,
          raw.length,
        ),
      )
      ;[bytes, encoded] = [null, true]
    }
  }
  if (bytes) [values, encoded] = [[bytes.toString('latin1')], true]
  return values.map((each) => (encoded || !isPattern ? escaped(each) : pattern(each)))
}

/** The characters that hold bits of these bytes only. */
function common(forms: readonly string[], offset: number, length: number): string {
  const from = Math.ceil((offset * 8) / 6)
  const to = Math.floor(((offset + length) * 8) / 6)
  return forms[0]!.slice(from, to)
}

function dashes(value: string): string[] {
  const at = [...value.matchAll(/(?<![\p{L}\p{N}_])[-/–—―](?=[\p{L}\p{N}_])/gu)].map(({ index }) => index)
  let all = [value]
  for (const index of at)
    all = all.flatMap((each) =>
      ['-', '/', '–', '—', '―'].map((dash) => each.slice(0, index) + dash + each.slice(index + 1)),
    )
  return all
}

function pattern(text: string): string {
  return text.replace(/\\[*?\\]|[*?]|[\s\S]/gu, (part) =>
    part === '*' ? '.*' : part === '?' ? '.' : escaped(part.length === 2 && part[0] === '\\' ? part[1]! : part),
  )
}

function framed(source: string, modifiers: readonly string[]): string {
  const front = modifiers.includes('contains') || modifiers.includes('endswith') ? '.*' : ''
  const back = modifiers.includes('contains') || modifiers.includes('startswith') ? '.*' : ''
  return `^${front}(?:${source})${back}$`
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function inNetwork(network: string, address: string): boolean {
  const list = new BlockList()
  const family = (text: string) => (isIPv4(text) ? 'ipv4' : 'ipv6')
  const [base = '', bits = isIPv4(base) ? '32' : '128'] = network.split('/')
  list.addSubnet(base, Number(bits), family(base))
  try {
    return list.check(address, family(address))
  } catch {
    return false
  }
}

function compares(by: string | undefined, value: number, than: number): boolean {
  if (by === undefined) return value === than
  return { lt: value < than, lte: value <= than, gt: value > than, gte: value >= than }[by]!
}

function dated(value: unknown, unit: string): number {
  if (typeof value === 'string' && /^\s*\d+\s*$/.test(value)) return dated(Number(value), unit)
  if (typeof value === 'string' && !/^\d{4}-/.test(value)) return Number.NaN
  const date =
    typeof value === 'number'
      ? new Date(value < 1e11 ? value * 1000 : value)
      : new Date(/Z$/.test(String(value)) ? String(value) : `${String(value).replace(' ', 'T')}Z`)
  if ((typeof value !== 'number' && typeof value !== 'string') || Number.isNaN(date.getTime())) return Number.NaN
  if (unit !== 'week')
    return {
      minute: date.getUTCMinutes(),
      hour: date.getUTCHours(),
      day: date.getUTCDate(),
      month: date.getUTCMonth() + 1,
      year: date.getUTCFullYear(),
    }[unit]!
  // The week of the Thursday in the same Monday-to-Sunday week.
  const day = new Date(date)
  while (day.getUTCDay() !== 4)
    day.setUTCDate(day.getUTCDate() + (day.getUTCDay() === 0 || day.getUTCDay() > 4 ? -1 : 1))
  return (
    Math.floor((Math.floor(day.getTime() / 86_400_000) - Date.UTC(day.getUTCFullYear(), 0, 1) / 86_400_000) / 7) + 1
  )
}

function allOf(values: readonly unknown[]): unknown[] {
  return values.flatMap((each) => (Array.isArray(each) ? allOf(each) : [each]))
}

function leaves(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value]
}

/** Exactly; as a path; with the event's spaces left out. */
function find(event: unknown, name: string): unknown {
  if (Array.isArray(event)) {
    const found = event.map((each) => find(each, name)).filter((each) => each !== undefined)
    return found.length > 0 ? found : undefined
  }
  if (typeof event !== 'object' || event === null) return undefined
  const entries = Object.entries(event)
  const exact = entries.find(([key]) => key === name)
  if (exact) return exact[1]
  for (const [key, value] of entries)
    if (name.startsWith(`${key}.`)) {
      const nested = find(value, name.slice(key.length + 1))
      if (nested !== undefined) return nested
    }
  return entries.find(([key]) => key.replaceAll(' ', '') === name)?.[1]
}
