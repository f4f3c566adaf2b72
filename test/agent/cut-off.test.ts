import assert from 'node:assert/strict'
import { addressesInHosts, cutOffWatch, namedElsewhere, readHosts } from '../../agent/cut-off.ts'
import { fakeHost } from './fake-host.ts'
import { connectionTo } from './laptop.ts'

const MINUTE = 60_000
const OWN = '/opt/tellwire/node'
const DOWN = { connected: false, throttled: false, failure: 'ECONNREFUSED' }
const UP = { connected: true, throttled: false, failure: null }
const to = (DestinationIp: string, Image: string | null = '/usr/bin/curl') => ({
  ...{ ...connectionTo(443), DestinationIp },
  Image,
})

describe('agent/cut-off', () => {
  function watched() {
    let now = 5 * MINUTE
    const watch = cutOffWatch(() => now, OWN)
    const later = (minutes: number, status: Parameters<typeof watch.take>[0] = DOWN) => {
      now += minutes * MINUTE
      return watch.take(status)
    }
    return { watch, later }
  }

  it('is told once it has lasted ten minutes while another program was online, and again when it is over', () => {
    const { watch, later } = watched()
    assert.equal(later(30, UP), null)
    watch.see(to('203.0.113.5'))
    assert.equal(later(9), null)
    assert.deepEqual(later(1), { seconds: 600, by: 'refused', isOver: false })
    assert.equal(later(20), null, 'once')
    assert.deepEqual(later(30, UP), { seconds: 3_600, by: 'refused', isOver: true })
    assert.equal(later(30, UP), null)
  })

  for (const [name, seen] of [
    ['nothing', null],
    ["the agent's own attempts", to('203.0.113.5', OWN)],
    ['a connection of an unknown program', to('203.0.113.5', null)],
    ['one within the home', to('192.168.1.7')],
    ['one within the home, by IPv6', to('fe80::1')],
    ['one that came from outside', { ...to('203.0.113.5'), Initiated: false }],
  ] as const)
    it(`a laptop of which only this is seen is offline: ${name}`, () => {
      const { watch, later } = watched()
      later(1, UP)
      if (seen) watch.see(seen)
      assert.equal(later(60), null)
    })

  it('a server that is busy is reached', () => {
    const { watch, later } = watched()
    watch.see(to('203.0.113.5'))
    assert.equal(later(60, { ...DOWN, throttled: true }), null)
  })

  it('what was online before it began does not count', () => {
    const { watch, later } = watched()
    watch.see(to('203.0.113.5'))
    later(1, UP)
    assert.equal(later(60), null)
    watch.see(to('2001:db8::7'))
    assert.equal(later(1)?.seconds, 3_660)
  })

  for (const [failure, by] of [
    ['ETIMEDOUT', 'timeout'],
    ['silent', 'timeout'],
    ['ENOTFOUND', 'unresolved'],
    ['EAI_AGAIN', 'unresolved'],
    ['agent.server', 'other_server'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'other_server'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'other_server'],
    ['EPERM', 'other'],
    [null, 'other'],
  ] as const)
    it(`${failure} is ${by}`, () => {
      const { watch, later } = watched()
      watch.see(to('203.0.113.5'))
      assert.equal(later(10, { ...DOWN, failure })?.by, by)
    })

  const HOSTS = `
127.0.0.1 localhost
# 127.0.0.1 tellwire.example
10.0.0.9\ttellwire.example  other.example # ours
::1 Tellwire.Example
`

  it('reads a hosts file', async () => {
    assert.equal(addressesInHosts(HOSTS, 'TELLWIRE.example'), '10.0.0.9 ::1')
    assert.equal(addressesInHosts(HOSTS, 'wire.example'), '')
    const host = fakeHost({ '/etc/hosts': HOSTS })
    assert.equal(await readHosts(host, 'linux', 'other.example'), '10.0.0.9')
    assert.equal(await readHosts(fakeHost({}), 'linux', 'other.example'), '', 'one that cannot be read')
  })

  for (const [name, addresses, reached, expected] of [
    ['tellwire.invalid', '127.0.0.1', null, 'hosts_file'],
    ['tellwire.invalid', '0.0.0.0 ::', '0.0.0.0 ::', 'hosts_file'],
    ['tellwire.invalid', '203.0.113.9', '10.0.0.9', 'hosts_file'],
    // As IT has set it: the server is down.
    ['tellwire.invalid', '10.0.0.9', '10.0.0.9', null],
    ['tellwire.invalid', '10.0.0.9', null, null],
    ['tellwire.invalid', '', null, null],
    ['localhost', '127.0.0.1', null, null],
    ['127.0.0.1', '', null, null],
  ] as const)
    it(`${name}, in the hosts file '${addresses}', '${reached}' when it was reached: ${expected}`, async () => {
      assert.equal(await namedElsewhere(name, addresses, reached), expected)
    })
})
