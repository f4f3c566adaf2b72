import { approves, midnight } from '../ordinary.ts'
import { between } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Somebody who does not type: a head tracker that is keyboard and absolute pointer in one device, dictation
 * software, and unattended remote control from their computer at home, every day for hours.
 *
 * Variants  'replaced': the tracker breaks, and another one is used for two days before it is declared.
 * Source    threat model N23: declared, with a ticket and no reason: no recording says what it is for.
 */
export const n23: Scenario = {
  id: 'N23',
  title: 'other ways of input',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['replaced'],
  play(cast) {
    const { variant } = cast
    const worker = cast.people[0]!
    const home = cast.home('Toronto')
    const approval = { approvedBy: 'HR', ticket: 'HR-9', to: midnight(cast, 400) }
    const declared = (serial: string) => ({
      kind: 'approved device',
      vendorId: '1209',
      productId: '4e01',
      serial,
      ...approval,
    })
    worker.livesAt(home).role('developer').system('windows').hours('09:00', '17:30')
    const day = worker.workday(6)
    const [first, second] = ['first', 'second'].map((it) => `HT-${cast.hash(it, 8)}`) as [string, string]
    worker.contract({ ...approves({ tool: 'AnyDesk', ...approval }), peripherals: [declared(first)] })
    if (variant === 'replaced') worker.amends(day + 2, { peripherals: [declared(first), declared(second)] })
    const own = { id: cast.hash('the computer at home'), from: home.exit, unattended: true }
    worker.on(0, (stage) => stage.at('09:20').tool('anydesk', { installed: true, managed: true, unattended: true }))
    worker.on('workdays', (stage) => {
      stage.works('09:00', '12:30').works('13:30', '17:30')
      const SerialNumber = variant === 'replaced' && stage.day >= day ? second : first
      stage.hands({ keyboard: 'Dictation', pointer: 'Head Tracker', absolute: true, virtual: true })
      stage.at('09:02').saw('usb_device', { ...TRACKER, SerialNumber })
      stage.at('09:10').controlled('AnyDesk', between(stage.random, 150, 195), own)
      stage.at('13:35').controlled('AnyDesk', between(stage.random, 150, 220), own)
    })
  },
}

const TRACKER = {
  ...{ VendorId: '1209', ProductId: '4e01', Manufacturer: 'Assistive Works', ProductName: 'Head Tracker' },
  ...{ InterfaceClasses: ['03', '03'], HasKeyboard: true, HasAbsolutePointer: true, ParentPort: '1-2' },
}
