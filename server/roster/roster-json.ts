/** A roster in JSON: an array, one object a line, or `{"contracts":[],"devices":[]}`. */
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
  const lines = text.split('\n').map((line) => (line.trim() === '' ? null : tryJson(line)))
  // Lines are NDJSON when one of them is an object; else this is one document with a fault in it.
  if (!lines.some((it) => it && 'value' in it && typeof it.value === 'object'))
    throw new Fault('roster.invalid', { where: fileName, todo: `It is not JSON: ${whole.why}.` })
  for (const [at, line] of lines.entries()) {
    if (line === null) continue
    yield 'value' in line ? object(at + 1, line.value, now) : refused(at + 1, null, `it is not JSON: ${line.why}`)
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

/** Keys beyond the schema's may stand there; one that is a known key in another spelling is a slip. */
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
