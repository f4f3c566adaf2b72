import assert from 'node:assert/strict'
import fc from 'fast-check'
import { mismatch } from '../../wire/mismatch.ts'
import { Recorded } from '../../wire/recording.ts'

const T0 = 1_795_876_200_000
const login = (event: object) => ({
  ...{ type: 'feed', worker: 'w1', time: T0 },
  event: { category: 'idp_login', Ip: '203.0.113.9', Result: 'success', ...event },
})
const told = (value: unknown) => {
  const parsed = Recorded.safeParse(value)
  if (parsed.success) return null
  const { path, why } = mismatch(parsed.error.issues, value)
  return `${path}: ${why}`
}

describe('wire/mismatch', () => {
  const rows: { name: string; value: unknown; says: string | RegExp | null }[] = [
    { name: 'a login', value: login({}), says: null },
    {
      name: 'a misspelt field, before the one that is missing',
      value: login({ Result: undefined, Rsult: 'success' }),
      says: "event.Rsult: There is no such field. Did you mean 'Result'?",
    },
    {
      name: 'a misspelt field that may be omitted',
      value: login({ DeviceID: 'd1' }),
      says: "event.DeviceID: There is no such field. Did you mean 'DeviceId'?",
    },
    {
      name: 'a field like no other',
      value: login({ Zzzzzzzzzz: 1 }),
      says: 'event.Zzzzzzzzzz: There is no such field.',
    },
    {
      name: 'a field like no other, where one is missing',
      value: login({ Result: undefined, outcome: 'SUCCESS' }),
      says: 'event.outcome: There is no such field. Missing: Result.',
    },
    { name: 'a missing field', value: login({ Result: undefined }), says: 'event.Result: It is missing.' },
    { name: 'another type', value: { ...login({}), time: '2026' }, says: 'time: Write a number, not a string.' },
    { name: 'null', value: { ...login({}), time: null }, says: 'time: Write a number, not null.' },
    {
      name: 'a misspelt category',
      value: login({ category: 'idp_logn' }),
      says: "event.category: Did you mean 'idp_login'?",
    },
    {
      name: 'a category of no feed',
      value: login({ category: 'weather' }),
      says: /^event\.category: Write one of contract_event, idp_login, .*\.$/,
    },
    { name: 'no category', value: login({ category: undefined }), says: 'event.category: It is missing.' },
    { name: 'a misspelt type of line', value: { ...login({}), type: 'fed' }, says: "type: Did you mean 'feed'?" },
    {
      name: 'no address',
      value: login({ Ip: 'here' }),
      says: 'event.Ip: It is not an IP address.',
    },
    {
      name: 'no country code',
      value: { type: 'contract', worker: 'w1', from: T0, country: 'USA' },
      says: 'country: Write a code such as US.',
    },
    { name: 'no object', value: 7, says: ': Write an object, not a number.' },
  ]
  for (const { name, value, says } of rows)
    it(name, () => {
      const found = told(value)
      if (says instanceof RegExp) assert.match(found ?? '', says)
      else assert.equal(found, says)
    })

  it('has a short sentence for anything', () => {
    fc.assert(
      fc.property(fc.object(), fc.constantFrom('event', 'feed', 'contract', 'device', 'clock', 'x'), (value, type) => {
        const found = told({ ...value, type })
        assert.ok(found === null || (found.length <= 520 && /^[^\n]*: .+[.?]$/s.test(found)), `${found}`)
      }),
    )
  })
})
