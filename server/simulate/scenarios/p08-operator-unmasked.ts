import { clock, REMOTE_TOOLS, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Everything looks right, until the operator's VPN drops for a moment: the tool's own log has the address from which
 * the laptop is driven. Some days later it happens again.
 *
 * Variants  'once': only one such moment. 'vpn': the operator is always behind a consumer VPN in the claimed country.
 *           'residential': always behind a household's line in the claimed city. Then nothing shows where they are,
 *           only that somebody else drives the laptop, all day.
 * Source    threat model P8, #25; Mandiant's two laptops with AnyDesk and Astrill in section 1.3.
 */
export const p08: Scenario = {
  id: 'P8',
  title: 'an operator unmasked',
  truth: 'infiltrator',
  people: 1,
  days: 12,
  variants: ['once', 'vpn', 'residential'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, operator, vpnCity, system } = settingOf(cast)
    // Only these two log the address.
    const tool = pick(random, REMOTE_TOOLS.slice(0, 2))
    const far = cast.exit(operator)
    const mask =
      variant === 'residential'
        ? cast.exit(claimed, { name: 'somebody' })
        : cast.vpn(pick(random, ['astrill', 'mullvad']), vpnCity)
    worker.livesAt(cast.home(claimed)).role('developer').system(system).hours('09:00', '17:30')
    const first = 1 + below(random, 3)
    const bare = variant === null ? [first, first + 2 + below(random, 2)] : variant === 'once' ? [first] : []
    worker.on(worker.workday(0), (stage) => stage.at(clock(random, '11:00', '13:00')).tool(tool.id))
    for (let nth = 0; nth < 7; nth++)
      worker.on(worker.workday(nth), (stage) => {
        const moment = stage.at(clock(random, '13:05', '13:20'))
        if (nth > 0) moment.controlled(tool.log, between(random, 90, 220), { id: cast.hash('operator'), from: mask })
        if (bare.includes(nth))
          moment.wait(1).controlled(tool.log, between(random, 1, 20), { id: cast.hash('operator'), from: far })
      })
  },
}
