import { disguised, plugsIn } from '../kvms.ts'
import { clock, settingOf } from '../operators.ts'
import { below, between, chance, logNormal, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A real citizen rents out identity, home and face: they passed the interview, live where the contract says, and sit in
 * the calls. Somebody else does the work, through a box at the laptop's ports that calls itself a keyboard and a
 * monitor. There is no remote-control program, no VPN, and the lid is never opened.
 *
 * Variants  'relative': the box shows a keyboard and a mouse as two devices, without an absolute pointer and without a
 *           serial. 'weekends': on Saturdays the citizen opens the lid and uses the laptop's own keyboard. 'desk': the
 *           laptop came with a dock of the company, and box and dock take turns.
 * Source    judgement section 8; U.S. v. Knoot and U.S. v. Chapman for rented identities; #39, #40. Timing: a stroke
 *           that crossed an ocean arrives on the ticks of the box's own polling, so intervals bunch (assumed).
 */
export const p25: Scenario = {
  id: 'P25',
  title: 'a rented face',
  truth: 'infiltrator',
  people: 1,
  days: 16,
  variants: ['relative', 'weekends', 'desk'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, system } = settingOf(cast)
    const box = disguised(pick(random, ['logitech', 'microsoft', 'dell']))
    // Neither drive nor jiggler, and a monitor of which many exist.
    const { maker, product, name, serial, widthMm, heightMm } = cast.monitor('cloned')
    Object.assign(box.usb, { InterfaceClasses: ['03', '03'], HasStorage: false, ScsiInquiry: [] })
    Object.assign(box.display, {
      ...{ MakerId: maker, ProductCode: product, MonitorName: name, SerialText: serial },
      ...{ WidthMm: widthMm, HeightMm: heightMm, EdidHash: cast.hash('edid', 64) },
    })
    if (variant === 'relative') {
      Object.assign(box.usb, { HasAbsolutePointer: false, InterfaceClasses: ['03'], ParentPort: '1-2' })
      box.hands = { keyboard: box.hands.keyboard, pointer: 'USB OPTICAL MOUSE' }
    }
    const flat = cast.home(claimed, variant === 'desk' ? {} : { monitors: [] })
    const day = worker.workday(1 + below(random, 2))
    worker.claims(claimed).livesAt(flat).role('developer').system(system).hours('09:00', '17:30')
    worker.neverSleeps().joins(day, clock(random, '09:00', '10:00'))
    worker.on(day, (stage) => {
      const moment = plugsIn(stage.at(clock(stage.random, '12:00', '14:00')), box)
      if (variant === 'relative')
        moment.saw('usb_device', { ...MOUSE, SerialNumber: '' }).saw('power_state', { LidClosed: true })
      else moment.saw('power_state', { LidClosed: true })
    })
    worker.on({ from: day, to: cast.days - 1 }, (stage) => {
      const own = variant === 'weekends' && stage.weekday === 6
      const docked = variant === 'desk' && stage.weekday === 3
      if (own) {
        stage.works('11:00', '12:10').at('10:58').saw('power_state', { LidClosed: false })
        stage.at('12:12').saw('power_state', { LidClosed: true })
        return
      }
      stage.hands(
        docked ? { keyboard: 'Dell KB216 Wired Keyboard', pointer: 'Dell MS116 USB Optical Mouse' } : box.hands,
      )
      if (docked || !stage.working) return
      // A restart of the laptop shows the box again.
      if (stage.day > day && chance(stage.random, 0.15))
        plugsIn(stage.at(clock(stage.random, '09:05', '09:30')), {
          usb: { ...box.usb, Action: 'present' },
          display: { ...box.display, Action: 'present' },
        })
      for (const at of ['10:20', '14:20', '16:20']) {
        const Events = Math.round(logNormal(stage.random, 1_400, 0.4))
        const ticks = Math.round(Events * between(stage.random, 0.62, 0.75))
        stage.at(at).saw('input_pattern', {
          ...{ SourceDevice: box.hands.keyboard, Kind: 'keyboard', Events },
          IntervalHistogramMs: { '50': ticks, '100': Math.round(ticks / 20), '200': 0, '1000': Events - ticks },
        })
      }
    })
  },
}

const MOUSE = {
  ...{ VendorId: '1bcf', ProductId: '0005', Manufacturer: 'Sunplus', ProductName: 'USB OPTICAL MOUSE' },
  ...{ InterfaceClasses: ['03'], HasKeyboard: false, ParentPort: '1-2' },
  ...{ SpeedMbps: 480, BcdDevice: '0100', MaxPowerMa: 250 },
}
