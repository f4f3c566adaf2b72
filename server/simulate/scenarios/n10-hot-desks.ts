import { below } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Eight people share five desks of an office, each with a monitor; most days everyone sits at another desk.
 *
 * Variants  'docks': each desk has a dock with keyboard and mouse, which then also has many users.
 * Source    threat model N10: the office's network; a monitor with many users, and a keyboard that is not tied to it.
 */
export const n10: Scenario = {
  id: 'N10',
  title: 'hot desks',
  truth: 'benign',
  people: 8,
  days: 7,
  variants: ['docks'],
  play(cast) {
    const office = cast.office('Berlin')
    const desks = [1, 2, 3, 4, 5].map((nth) => ({ ...office, monitors: [cast.monitor(`desk ${nth}`)] }))
    for (const [nth, worker] of cast.people.entries()) {
      worker.livesAt(cast.home('Berlin', { name: `${nth}` }))
      worker.on('workdays', (stage) => {
        if ((stage.weekday + nth) % 5 > 2) return
        const desk = below(stage.random, desks.length)
        stage.sits(desks[desk]!, '05:00', '18:00')
        if (cast.variant !== 'docks') return
        stage.works('09:00', '12:20').works('13:00', '17:20')
        const SerialNumber = cast.hash(`dock ${desk}`, 12).toUpperCase()
        stage
          .at('09:05')
          .saw('usb_device', { ...DOCK, SerialNumber })
          .saw('usb_device', DOCK_KEYBOARD)
        stage.hands({ keyboard: 'Dell KB216 Wired Keyboard', pointer: 'Dell MS116 USB Optical Mouse' })
      })
    }
  },
}

/** Its network card has the dock's serial number. */
const DOCK = {
  ...{ VendorId: '17ef', ProductId: '3082', Manufacturer: 'Lenovo', ProductName: 'ThinkPad Thunderbolt 3 Dock' },
  ...{ InterfaceClasses: ['02', '0a'], HasKeyboard: false, HasNetwork: true, ParentPort: '2-1.1' },
}

/** As Linux reports it: 'New USB device strings: Mfr=0, Product=2, SerialNumber=0' (kernel logs in public reports). */
const DOCK_KEYBOARD = {
  ...{ VendorId: '413c', ProductId: '2113', Manufacturer: null, ProductName: 'Dell KB216 Wired Keyboard' },
  ...{ SerialNumber: null, InterfaceClasses: ['03', '03'], ParentPort: '2-1.3' },
}
