/**
 * How wireless networks are spelled before they are hashed, so that two laptops with different systems tell the same.
 *
 * Shape   an access point as the MAC address of a gateway: six pairs of lower-case hex digits with colons. A network's
 *         name as text, after 'ssid '; one that is not UTF-8 as its bytes in hex, after 'ssid 0x'.
 */
import { isUtf8 } from 'node:buffer'

/** '02-FC-00-00-00-05', '2:fc:0:0:0:5' and '02fc00000005' are the same. */
export function bssidName(text: string): string {
  const parts = /[:-]/.test(text) ? text.split(/[:-]/) : (text.match(/../g) ?? [])
  return parts.map((it) => it.padStart(2, '0').toLowerCase()).join(':')
}

export function ssidName(bytes: Buffer): string {
  return isUtf8(bytes) ? `ssid ${bytes.toString('utf8')}` : `ssid 0x${bytes.toString('hex')}`
}
