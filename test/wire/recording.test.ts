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

describe('wire/recording: a feed line made by hand', () => {
  it('gets its envelope, and its nulls written out', () =>
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

  it('is read again as it was written', () => {
    const record = Recorded.parse(feed(login))
    assert.deepEqual(Recorded.parse(JSON.parse(JSON.stringify(record))), record)
  })

  it('takes the country of its address facts, unless it says one', () => {
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
    { name: 'a null written out', other: feed({ ...login, App: null }), same: true },
    { name: 'when the server learnt of it', other: feed(login, { receivedAt: TIME + 1 }), same: true },
    { name: 'another worker', other: feed(login, { worker: 'w2' }), same: false },
    { name: 'another time', other: feed(login, { time: TIME + 1 }), same: false },
    { name: 'another result', other: feed({ ...login, Result: 'failure' }), same: false },
  ]
  for (const { name, other, ...expected } of same)
    it(`${name}: ${expected.same ? 'the same id' : 'another id'}`, () =>
      assert.equal(read(other).id === read(feed(login)).id, expected.same))

  const refused: { name: string; line: object; path: string }[] = [
    { name: 'a field that is not known', line: feed({ ...login, Reslt: 1 }), path: 'event' },
    { name: 'an address that is none', line: feed({ ...login, Ip: 'home' }), path: 'event.Ip' },
    { name: 'what must be there and is not', line: feed({ category: 'idp_login' }), path: 'event.Result' },
    { name: 'a category of agents', line: feed({ category: 'presence' }), path: 'event.category' },
    { name: 'a category that is an inherited name', line: feed({ category: 'constructor' }), path: 'event.category' },
    { name: 'no event', line: { ...feed({}), event: undefined }, path: 'event' },
  ]
  for (const { name, line, path } of refused)
    it(`refuses ${name}, and says where`, () => {
      const paths = Recorded.safeParse(line).error?.issues.map((it) => it.path.join('.'))
      assert.deepEqual(paths, [path])
    })

  it('a device line may leave away what is not known', () =>
    assert.deepEqual(Recorded.parse({ type: 'device', device: 'd1', worker: 'w1', from: TIME }), {
      type: 'device',
      device: 'd1',
      worker: 'w1',
      from: TIME,
      to: null,
    }))
})
