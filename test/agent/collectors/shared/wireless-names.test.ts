import assert from 'node:assert/strict'
import { bssidName, ssidName } from '../../../../agent/collectors/shared/wireless-names.ts'

describe('agent/collectors/shared/wireless-names', () => {
  it('an access point is spelled as a gateway is', () => {
    for (const text of ['02:fc:00:00:00:05', '02-FC-00-00-00-05', '2:fc:0:0:0:5', '02FC00000005'])
      assert.equal(bssidName(text), '02:fc:00:00:00:05')
  })

  it('a name is text where it is UTF-8', () => {
    assert.equal(ssidName(Buffer.from('Café 5G')), 'ssid Café 5G')
    assert.equal(ssidName(Buffer.of(0xff, 0x41)), 'ssid 0xff41')
  })
})
