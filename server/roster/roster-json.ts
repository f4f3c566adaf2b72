/** A roster in JSON: an array, one object per line, or `{"contracts":[],"devices":[]}`. */
import * as z from 'zod'
import { Contract, Device } from '../../wire/contract.ts'
import { Fault } from '../../wire/fault.ts'
import { type Entry, entry, refused } from './roster-entry.ts'

export function* jsonEntries(json: string, fileName: string, now: number): Generator<Entry> {
  const text = json.replace(/^\uFEFF/, '')
  const whole = tryJson(text)
  if ('value' in whole) {
    for (const [at, value] of items(whole.value).entries()) yield object(at + 1, value, now)
    return
  }
  if (!holdsLines(text)) throw new Fault('roster.invalid', { where: fileName, why: `It is not JSON: ${whole.why}` })
  for (const { line, text: row } of lines(text)) {
    const read = tryJson(row)
    yield 'value' in read ? object(line, read.value, now) : refused(line, null, `it is not JSON: ${read.why}`)
  }
}

/** The text is NDJSON when one of the first lines is an object; otherwise it is one document with a syntax error. */
function holdsLines(text: string): boolean {
  return lines(text)
    .take(LOOKED_AT)
    .some(({ text: row }) => {
      const read = tryJson(row)
      return 'value' in read && typeof read.value === 'object' && read.value !== null
    })
}

const LOOKED_AT = 1_000

/** The lines that are not blank, one at a time: 30 MB can have 15 million lines. */
function* lines(text: string): Generator<{ line: number; text: string }> {
  for (let at = 0, line = 1; at < text.length; line++) {
    const newline = text.indexOf('\n', at)
    const end = newline === -1 ? text.length : newline
    const row = text.slice(at, end)
    if (row.trim() !== '') yield { line, text: row }
    at = end + 1
  }
}

function tryJson(text: string): { value: unknown } | { why: string } {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (cause) {
    return { why: cause instanceof Error ? cause.message.slice(0, 200) : 'unreadable' }
  }
}

const Several = z.array(z.unknown()).default([])
const AnyObject = z.record(z.string(), z.unknown())
const TwoLists = z.strictObject({ contracts: Several, devices: Several })

function items(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  const lists = TwoLists.safeParse(value)
  if (!lists.success) return [value]
  const devices = lists.data.devices.map((it) =>
    AnyObject.safeParse(it).success ? { type: 'device', ...(it as object) } : it,
  )
  return [...lists.data.contracts, ...devices]
}

/** Additional keys are allowed, but another spelling of a known key is a mistake. */
const simple = (key: string) => key.toLowerCase().replace(/[\s_-]/g, '')
const SPELLING = {
  contract: new Map(Object.keys(Contract.shape).map((key) => [simple(key), key])),
  device: new Map(Object.keys(Device.shape).map((key) => [simple(key), key])),
}

function object(line: number, value: unknown, now: number): Entry {
  const parsed = AnyObject.safeParse(value)
  if (!parsed.success) return refused(line, null, 'a contract or device is an object')
  const { type = 'contract', receivedAt: _, ...fields } = parsed.data
  if (type !== 'contract' && type !== 'device')
    return refused(line, 'type', "a roster holds 'contract' and 'device' only")
  for (const key of Object.keys(fields)) {
    const meant = SPELLING[type].get(simple(key))
    if (meant !== undefined && meant !== key) return refused(line, key, `write ${meant}`)
  }
  if (type === 'device') return entry(line, [], [{ from: now, to: null, ...fields }])
  if ('device' in fields || 'devices' in fields)
    return refused(line, 'device', 'a laptop is an object of its own, of type device')
  return entry(line, [{ from: now, ...fields }], [])
}
