import assert from 'node:assert/strict'
import { networkOf, remoteAddress } from '../../../server/ingest/address.ts'

describe('the client address of a request', () => {
  const cases = [
    { what: 'the socket', socket: '203.0.113.9', header: undefined, is: '203.0.113.9' },
    { what: 'IPv4 mapped into IPv6', socket: '::ffff:203.0.113.9', header: undefined, is: '203.0.113.9' },
    { what: 'a zone', socket: 'fe80::1%eth0', header: undefined, is: 'fe80::1' },
    { what: 'a header from an untrusted address', socket: '203.0.113.9', header: '198.51.100.1', is: '203.0.113.9' },
    { what: 'one proxy', socket: '127.0.0.1', header: '198.51.100.1', is: '198.51.100.1' },
    { what: 'a mapped proxy', socket: '::ffff:127.0.0.1', header: '198.51.100.1', is: '198.51.100.1' },
    { what: 'two proxies', socket: '127.0.0.1', header: '198.51.100.1, 10.1.2.3', is: '198.51.100.1' },
    {
      what: 'a hop that the client wrote itself',
      socket: '127.0.0.1',
      header: '8.8.8.8, 198.51.100.1',
      is: '198.51.100.1',
    },
    { what: 'several headers', socket: '127.0.0.1', header: ['8.8.8.8', '198.51.100.1'], is: '198.51.100.1' },
    { what: 'a port and brackets', socket: '127.0.0.1', header: '[2001:db8::1]:443', is: '2001:db8::1' },
    { what: 'an unreadable hop', socket: '127.0.0.1', header: '198.51.100.1, unknown', is: '127.0.0.1' },
    { what: 'a proxy alone', socket: '127.0.0.1', header: undefined, is: '127.0.0.1' },
    { what: 'proxies all the way', socket: '127.0.0.1', header: '10.1.2.3', is: '10.1.2.3' },
    { what: 'IPv6 against an IPv4 range', socket: '2001:db8::1', header: '198.51.100.1', is: '2001:db8::1' },
    { what: 'a trusted IPv6 range', socket: 'fd00::7', header: '198.51.100.1', is: '198.51.100.1' },
    { what: 'a closed socket', socket: undefined, header: undefined, is: '0.0.0.0' },
  ]
  for (const { what, socket, header, is } of cases)
    it(what, () => assert.equal(remoteAddress(socket, header, ['127.0.0.1', '10.0.0.0/8', 'fd00::/8']), is))
})

describe('the network of an address', () => {
  const cases = [
    { what: 'IPv4', address: '203.0.113.9', is: '203.0.113.9' },
    { what: 'IPv4 mapped into IPv6', address: '::ffff:203.0.113.9', is: '203.0.113.9' },
    { what: 'IPv6', address: '2001:db8:1:2:aaaa:bbbb:cccc:dddd', is: '2001:db8:1:2::/64' },
    { what: 'the same /64', address: '2001:db8:1:2::1', is: '2001:db8:1:2::/64' },
    { what: 'another /64', address: '2001:db8:1:3::1', is: '2001:db8:1:3::/64' },
    { what: 'no address', address: 'unknown', is: 'unknown' },
  ]
  for (const { what, address, is } of cases) it(what, () => assert.equal(networkOf(address), is))
})
