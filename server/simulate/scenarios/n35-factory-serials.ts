import { hexOf, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A department was given one model of dock and one of monitor. The maker wrote one serial number into all of the docks,
 * so twenty-four people have 'the same' device at home, each in another city.
 *
 * Variants  'unremarkable': the number looks like any other. 'monitors': the monitors' EDID is the same too, with the
 *           serial number of the sample.
 * Source    judgement sections 7 and 8, N35: factory serials identify a model, never a thing.
 */
export const n35: Scenario = {
  id: 'N35',
  title: 'docks with one serial number',
  truth: 'benign',
  people: 24,
  days: 7,
  variants: ['unremarkable', 'monitors'],
  play(cast) {
    const { random, variant } = cast
    const SerialNumber = variant === 'unremarkable' ? cast.hash('serial', 10).toUpperCase() : pick(random, FACTORY)
    for (const [nth, worker] of cast.people.entries()) {
      const city = pick(random, ['Boston', 'Denver', 'Dallas', 'Manchester', 'Hamburg', 'Lyon', 'Toronto'])
      worker.livesAt(cast.home(city, { name: `${nth}`, monitors: [] })).hours('09:00', '17:30')
      worker.on('workdays', (stage) => {
        const moment = stage.at('09:02').wait(stage.random() * 20)
        for (const it of DOCK) moment.saw('usb_device', { ...it, SerialNumber })
        const own = variant === 'monitors' ? 'K7N2019SAMPLE' : cast.hash(`monitor ${nth}`, 10).toUpperCase()
        moment.saw('display', {
          ...{ MakerId: 'DEL', ProductCode: '0xd0f8', MonitorName: 'DELL U2720Q', SerialText: own },
          ...{ WidthMm: 597, HeightMm: 336, Port: 'card1-DP-1', EdidHash: hexOf(`edid DEL 0xd0f8 ${own}`, 64) },
        })
      })
    }
  },
}

const FACTORY = ['000000000001', '0123456789ABCDEF', '11AD1D0A0B2C3E00', 'MSFT30000001']
const DOCK = [
  {
    ...{ VendorId: '17ef', ProductId: '3082', Manufacturer: 'Lenovo', ProductName: 'ThinkPad Thunderbolt 3 Dock' },
    ...{ InterfaceClasses: ['02', '0a'], HasKeyboard: false, HasNetwork: true, ParentPort: '4-1' },
  },
  {
    ...{ VendorId: '17ef', ProductId: '3083', Manufacturer: 'Lenovo', ProductName: 'ThinkPad Dock USB Audio' },
    ...{ InterfaceClasses: ['01', '03'], HasKeyboard: false, ParentPort: '3-1.5' },
  },
]
