import { disguised, jiggles, KVMS, kvm, plugsIn } from '../kvms.ts'
import { clock, settingOf } from '../operators.ts'
import { below, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A box at the laptop's USB and HDMI ports acts as keyboard, mouse, drive and monitor. The lid is shut, nobody touches
 * the laptop, and at night the box keeps the screen awake.
 *
 * Variants  'disguised': it calls itself a keyboard and a monitor of well-known makers; its drive, its absolute pointer
 *           and its cadence remain. 'quiet': disguised, its drive and jiggler switched off, reached over a mesh VPN
 *           that runs on the box, without an agent: an absolute pointer beside a keyboard, a monitor in the same
 *           minute, and no other input remain. 'homoglyph': other ids, and letters that only look the same, with markup
 *           in them: the shape remains.
 * Source    threat model P6, #31 to #40, #63, #76.
 */
export const p06: Scenario = {
  id: 'P6',
  title: 'a seat behind a KVM',
  truth: 'infiltrator',
  people: 1,
  days: 9,
  variants: ['disguised', 'quiet', 'homoglyph'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, system } = settingOf(cast)
    const name = pick(random, KVMS)
    const unit = cast.hash('unit', 12)
    const masked = variant === 'disguised' || variant === 'quiet'
    const box = masked ? disguised(pick(random, ['logitech', 'microsoft', 'dell'])) : kvm(name, unit)
    if (variant === 'quiet')
      Object.assign(box.usb, { InterfaceClasses: ['03', '03'], HasStorage: false, ScsiInquiry: [] })
    if (variant === 'homoglyph') {
      Object.assign(box.usb, {
        ...{ VendorId: '1209', ProductId: '0001', SerialNumber: '' },
        // Cyrillic letters, and a right-to-left override.
        ...{ Manufacturer: 'Р\u0456KVM', ProductName: '<img src=x onerror=alert(1)> \u202eecived etisopmoC MVKiP' },
      })
      Object.assign(box.display, { MakerId: 'XXX', ProductCode: '0x0001', MonitorName: 'Р\u0456KVM', SerialText: unit })
    }
    const day = worker.workday(1 + below(random, 2))
    const at = clock(random, '11:00', '15:00')
    worker
      .claims(claimed)
      .livesAt(cast.home(claimed, { monitors: [] }))
      .role('developer')
      .system(system)
    worker
      .neverSleeps()
      .hours('09:00', '17:30')
      .joins(day, clock(random, '09:00', '10:00'))
    worker.on(day, (stage) => {
      const moment = plugsIn(stage.at(at), box)
      if (box.usb.HasStorage && random() < 0.5)
        moment
          .wait(6)
          .saw('volume_mounted', { VolumeKind: 'optical', Label: 'TOOLS', SizeBytes: 700_000_000, VirtualMedia: true })
      moment.saw('power_state', { LidClosed: true })
      stage.hands(box.hands)
    })
    worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => {
      stage.hands(box.hands)
      if (variant === 'quiet') return
      jiggles(stage, box, 0, 8)
      jiggles(stage, box, 19, 24)
    })
  },
}
