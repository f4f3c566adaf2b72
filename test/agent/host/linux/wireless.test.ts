/**
 * Wireless networks as nl80211 tells them: messages built after the layouts in the kernel's headers, because no machine
 * of ours has a radio, or a simulated one. The way to the kernel and back is tested with a family that it has.
 */
import assert from 'node:assert/strict'
import { attribute, attributesIn } from '../../../../agent/host/linux/netlink.ts'
import { linuxCalls } from '../../../../agent/host/linux/open.ts'
import { command, familyOf, parseAccessPoint, parseInterface } from '../../../../agent/host/linux/wireless.ts'
import { needsLinux } from '../../needs-linux.ts'

const u32 = (value: number) => {
  const it = Buffer.alloc(4)
  it.writeUInt32LE(value)
  return it
}
const BSSID = Buffer.from('02fc00000005', 'hex')
const element = (id: number, value: Buffer) => Buffer.concat([Buffer.of(id, value.length), value])
const RATES = element(1, Buffer.of(0x82, 0x84))

/** NL80211_CMD_NEW_INTERFACE as a kernel answers it. */
const wlan = ({ type = 2, ssid = Buffer.from('home'), number = 7 } = {}) => ({
  type: 30,
  body: Buffer.concat([
    command(number, 1),
    attribute(3, u32(4)),
    attribute(4, Buffer.from('wlp3s0\0')),
    attribute(1, u32(0)),
    attribute(5, u32(type)),
    attribute(6, BSSID),
    ...(ssid.length > 0 ? [attribute(52, ssid)] : []),
  ]),
})

/** NL80211_CMD_NEW_SCAN_RESULTS. `status` null: one that was only heard. */
const heard = ({ status = 1 as number | null, elements = element(0, Buffer.from('home')), bssid = BSSID } = {}) => ({
  type: 30,
  body: Buffer.concat([
    command(34, 1),
    attribute(46, u32(900)),
    attribute(3, u32(4)),
    // The flag says that there are attributes in it.
    attribute(
      0x8000 | 47,
      Buffer.concat([
        attribute(1, bssid),
        attribute(2, u32(5180)),
        attribute(6, Buffer.concat([RATES, elements])),
        ...(status === null ? [] : [attribute(9, u32(status))]),
      ]),
    ),
  ]),
})

describe('agent/host/linux/wireless', () => {
  it('an interface that is a station', () => {
    assert.deepEqual(parseInterface(wlan()), { index: 4, name: 'wlp3s0', ssid: Buffer.from('home') })
    assert.equal(parseInterface(wlan({ ssid: Buffer.alloc(0) }))?.ssid, null)
    assert.equal(parseInterface(wlan({ type: 3 })), null, 'an access point')
    assert.equal(parseInterface(wlan({ number: 8 })), null, 'another message')
  })

  const points: [name: string, message: { type: number; body: Buffer }, expected: [string, string | null] | null][] = [
    ['the one it is connected to', heard(), ['02:fc:00:00:00:05', 'home']],
    ['another one', heard({ status: null }), null],
    ['one that it has only authenticated with', heard({ status: 0 }), null],
    ['a hidden name', heard({ elements: element(0, Buffer.alloc(0)) }), ['02:fc:00:00:00:05', null]],
    ['a hidden name of zeros', heard({ elements: element(0, Buffer.alloc(4)) }), ['02:fc:00:00:00:05', null]],
    ['no name at all', heard({ elements: Buffer.alloc(0) }), ['02:fc:00:00:00:05', null]],
    ['a name that is cut', heard({ elements: Buffer.of(0, 9, 104) }), ['02:fc:00:00:00:05', null]],
    ['a name that is too long', heard({ elements: element(0, Buffer.alloc(40, 65)) }), ['02:fc:00:00:00:05', null]],
    ['an address that is none', heard({ bssid: Buffer.of(1, 2) }), null],
    ['another message', wlan(), null],
  ]
  for (const [name, message, expected] of points)
    it(`an access point: ${name}`, () => {
      const found = parseAccessPoint(message)
      assert.deepEqual(found && [found.bssid, found.ssid?.toString() ?? null], expected)
    })

  it('cut messages give nothing, or what is before the cut', () => {
    for (const { body } of [wlan(), heard()])
      for (let length = 0; length < body.length; length++) {
        const message = { type: 30, body: body.subarray(0, length) }
        assert.equal(parseInterface(message)?.name ?? 'wlp3s0', 'wlp3s0')
        assert.equal(parseAccessPoint(message)?.bssid ?? '02:fc:00:00:00:05', '02:fc:00:00:00:05')
      }
    assert.equal(attributesIn(Buffer.of(3, 0, 1, 0), 0).size, 0)
  })

  it("this machine's kernel: the number of a family, and that it has no such one", function () {
    needsLinux(this)
    assert.equal(familyOf('nlctrl'), 16)
    assert.throws(() => familyOf('tellwire'), { code: 'ENOENT' })
  })

  it("this machine's kernel: its wireless networks, or that it has none", function () {
    needsLinux(this)
    try {
      for (const it of linuxCalls.wirelessLinks()) assert.match(it.bssid, /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    } catch (cause) {
      assert.equal((cause as NodeJS.ErrnoException).code, 'ENOENT')
    }
  })
})
