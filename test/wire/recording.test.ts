import assert from 'node:assert/strict'
import { Recorded } from '../../wire/recording.ts'

const TIME = Date.UTC(2026, 10, 22, 10)
const login = { category: 'idp_login', Ip: '203.0.113.9', Result: 'success' }
const feed = (event: object, about: object = {}) => ({ type: 'feed', worker: 'w1', time: TIME, event, ...about })

function read(line: object) {
  const record = Recorded.parse(line)
  assert.ok(record.type === 'feed')
  return record.event
}

describe('wire/recording: a feed line written by hand', () => {
  it('gets an envelope and explicit nulls', () =>
    assert.deepEqual(read(feed(login)), {
      ...login,
      id: read(feed(login)).id,
      seq: null,
      time: TIME,
      product: 'tellwire',
      collector: 'feed',
      Worker: 'w1',
      Country: null,
      DeviceId: null,
      ManagedDevice: null,
      Mobile: null,
      MfaDeviceHash: null,
      MfaIp: null,
      MfaCountry: null,
      AccountHash: null,
      App: null,
    }))

  it('is unchanged when it is read again', () => {
    const record = Recorded.parse(feed(login))
    assert.deepEqual(Recorded.parse(JSON.parse(JSON.stringify(record))), record)
  })

  it('takes the country from its address facts, unless it has one', () => {
    const geo = { country: 'DE' }
    const country = (event: object) => {
      const found = read(feed(event, { geo }))
      return found.category === 'idp_login' && found.Country
    }
    assert.equal(country(login), 'DE')
    assert.equal(country({ ...login, Country: 'FR' }), 'FR')
  })

  const same: { name: string; other: object; same: boolean }[] = [
    { name: 'keys in another order', other: feed(Object.fromEntries(Object.entries(login).reverse())), same: true },
    { name: 'an explicit null', other: feed({ ...login, App: null }), same: true },
    { name: 'another receivedAt', other: feed(login, { receivedAt: TIME + 1 }), same: true },
    { name: 'another worker', other: feed(login, { worker: 'w2' }), same: false },
    { name: 'another time', other: feed(login, { time: TIME + 1 }), same: false },
    { name: 'another result', other: feed({ ...login, Result: 'failure' }), same: false },
  ]
  for (const { name, other, ...expected } of same)
    it(`${name}: ${expected.same ? 'the same id' : 'another id'}`, () =>
      assert.equal(read(other).id === read(feed(login)).id, expected.same))

  const invalid: { name: string; line: object; path: string }[] = [
    { name: 'an unknown field', line: feed({ ...login, Reslt: 1 }), path: 'event' },
    { name: 'an invalid address', line: feed({ ...login, Ip: 'home' }), path: 'event.Ip' },
    { name: 'a missing required field', line: feed({ category: 'idp_login' }), path: 'event.Result' },
    { name: 'a category of agents', line: feed({ category: 'presence' }), path: 'event.category' },
    {
      name: 'a category that is an inherited property',
      line: feed({ category: 'constructor' }),
      path: 'event.category',
    },
    { name: 'no event', line: { ...feed({}), event: undefined }, path: 'event' },
  ]
  for (const { name, line, path } of invalid)
    it(`rejects ${name}, with its path`, () => {
      const paths = Recorded.safeParse(line).error?.issues.map((it) => it.path.join('.'))
      assert.deepEqual(paths, [path])
    })

  it('a device line may omit what is unknown', () =>
    assert.deepEqual(Recorded.parse({ type: 'device', device: 'd1', worker: 'w1', from: TIME }), {
      type: 'device',
      device: 'd1',
      worker: 'w1',
      from: TIME,
      to: null,
    }))
})
