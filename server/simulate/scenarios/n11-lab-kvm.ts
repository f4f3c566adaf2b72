import { kvm, plugsIn } from '../kvms.ts'
import { BROWSERS, clock } from '../operators.ts'
import { midnight } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * An administrator of lab servers has a PiKVM on them, and uses it in the browser. One afternoon they test its new
 * firmware on their own laptop, which the asset list allows for some weeks.
 *
 * Variants  'lapsed': the exception ended the day before; by the threat model a lapsed exception excuses nothing,
 *           so this one must alert.
 * Source    threat model N11: role, and an exception with an end.
 */
export const n11: Scenario = {
  id: 'N11',
  title: 'an administrator with a PiKVM',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['lapsed'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const system = pick(random, ['linux', 'macos'] as const)
    const box = kvm('pikvm', cast.hash('box', 12))
    worker.livesAt(cast.home('Warsaw')).role('platform engineer').system(system).hours('09:00', '17:30')
    const day = worker.workday(6)
    worker.contract({
      roles: ['platform engineer', 'lab administrator'],
      peripherals: [
        {
          ...{
            kind: 'ip_kvm',
            vendorId: box.usb.VendorId!,
            productId: box.usb.ProductId!,
            serial: box.usb.SerialNumber,
          },
          ...{ from: midnight(cast, -30), to: midnight(cast, variant === 'lapsed' ? day - 1 : day + 30) },
          ...{ approvedBy: 'the head of the lab', ticket: 'LAB-12' },
        },
      ],
    })
    worker.on('workdays', (stage) => {
      if (stage.weekday % 2 === 0) return
      stage.at(clock(stage.random, '10:00', '16:00')).saw('network_connection', {
        ...{ Image: BROWSERS[system], DestinationIp: '192.168.60.14' },
        DestinationHostname: system === 'linux' ? null : 'pikvm.lab.company.example',
      })
    })
    worker.on(day, (stage) => {
      const moment = plugsIn(stage.at('14:00'), box).wait(95)
      moment.saw('usb_device', { ...box.usb, Action: 'removed' }).saw('display', { ...box.display, Action: 'removed' })
    })
  },
}
