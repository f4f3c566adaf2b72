import { clock, driven, settingOf } from '../operators.ts'
import { approves } from '../ordinary.ts'
import { between } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Nothing is installed: the company's own support tool is on the laptop, in the company's tenant, as the contract
 * approves. From one day on somebody who is no technician sits in it all day, from another country.
 *
 * Variants  'vpn': the far end comes through a VPN in the claimed country: who, how long and unattended remain.
 *           'short': sessions of less than fifty minutes, three a day. 'once': a single working day.
 * Source    judgement section 8: an approval lowers and never silences; Microsoft on approved tools in laptop farms.
 */
export const p26: Scenario = {
  id: 'P26',
  title: 'the approved tool, driven from abroad',
  truth: 'infiltrator',
  people: 1,
  days: 16,
  variants: ['vpn', 'short', 'once'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, operator, vpnCity, system } = settingOf(cast)
    const by = {
      id: cast.hash('somebody'),
      from: variant === 'vpn' ? cast.vpn('mullvad', vpnCity) : cast.exit(operator),
      unattended: true,
    }
    const desk = { id: cast.hash('technician'), from: cast.exit('Austin', { name: 'desk', class: 'corporate' }) }
    worker.livesAt(cast.home(claimed)).role('developer').system(system).hours('09:00', '17:30').contract(approves())
    // Help that was asked for, before.
    worker.on(worker.workday(1), (stage) =>
      stage.at(clock(stage.random, '10:00', '12:00')).controlled('ScreenConnect', 14, { ...desk, unattended: false }),
    )
    const day = worker.workday(4)
    worker.begins(day, '08:30')
    worker.on({ from: day, to: variant === 'once' ? day : cast.days - 1 }, (stage) => {
      if (variant !== 'short') return driven(stage, 'ScreenConnect', by)
      if (!stage.working) return
      const moment = stage.at(clock(stage.random, '09:10', '10:00'))
      for (let nth = 0; nth < 3; nth++)
        moment.controlled('ScreenConnect', between(stage.random, 30, 48), by).wait(between(stage.random, 45, 110))
    })
    if (variant !== 'once') return
    // That day they take what they came for.
    worker.on(day, (stage) => {
      const moment = stage.at('15:00')
      for (let nth = 0; nth < 5; nth++)
        moment
          .wait(between(random, 2, 6))
          .saw('repository', { Action: 'clone', Bytes: Math.round(between(random, 10e6, 60e6)) })
    })
  },
}
