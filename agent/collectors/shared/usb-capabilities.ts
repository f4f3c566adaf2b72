/** What a USB device can do, by the class codes of its interfaces. Source  usb.org/defined-class-codes. */
export interface UsbInterface {
  class: string
  subclass: string
  protocol: string
}

const REALTEK = '0bda'

export function capabilitiesOf(interfaces: readonly UsbInterface[], vendor: string) {
  const is = (...codes: string[]) =>
    interfaces.some((it) => codes.includes(`${it.class}/${it.subclass}/${it.protocol}`))
  const of = (code: string, ...subclasses: string[]) =>
    interfaces.some((it) => it.class === code && subclasses.includes(it.subclass))
  return {
    input: interfaces.some((it) => it.class === '03'),
    keyboard: is('03/01/01', '03/00/01'),
    storage: interfaces.some((it) => it.class === '08'),
    // CDC: ECM, EEM, NCM, MBIM. RNDIS has three class codes. Linux drivers/net/usb: ipheth (an iPhone's tethering),
    // and r8152 (Realtek), whose class many other devices have, too.
    network:
      of('02', '06', '0c', '0d', '0e') ||
      is('02/02/ff', 'e0/01/03', 'ef/04/01', 'ff/fd/01') ||
      (vendor === REALTEK && is('ff/ff/00')),
  }
}
