import { BUILT_IN_CAMERA, OWN_KEYBOARD, OWN_RECEIVER } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A shut laptop under a 27-inch monitor, with its owner's keyboard and a mouse with a Logitech receiver. Monitor and
 * receiver appear in the same second every morning, because both are on one cable.
 *
 * Variants  'desk-bound': it never leaves, never sleeps and is never opened.
 * Source    threat model N12: a genuine receiver, two input devices, a camera in use. Bluetooth is not collected.
 */
export const n12: Scenario = {
  id: 'N12',
  title: 'a shut laptop on a desk',
  truth: 'benign',
  people: 1,
  days: 7,
  variants: ['desk-bound'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const flat = cast.home(pick(random, ['London', 'Krakow', 'Valencia']), { monitors: [cast.monitor('27 inch')] })
    worker.livesAt(flat).role('developer').system('linux').hours('09:00', '17:30')
    if (variant === 'desk-bound') worker.neverSleeps()
    worker.on('workdays', (stage) => {
      stage.works('09:00', '12:30').works('13:20', '17:40')
      stage.hands({ keyboard: 'Keychron K2', pointer: 'Logitech MX Master 3' })
      const moment = stage.at('09:01').saw('usb_device', OWN_KEYBOARD).saw('usb_device', OWN_RECEIVER)
      if (stage.weekday !== 5) moment.saw('power_state', { LidClosed: true })
      stage.at('09:05').saw('usb_device', BUILT_IN_CAMERA)
      // On Fridays the daily meeting is in the kitchen, with the lid open and the built-in camera.
      if (stage.weekday === 5) stage.at('11:00').saw('power_state', { LidClosed: false, OnBattery: true })
    })
  },
}
