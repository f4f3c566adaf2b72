import { settingOf } from '../operators.ts'
import { below, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * The laptop is far away from the first day on, behind a router whose VPN exit is in the claimed city. Nothing on the
 * laptop shows it: only the long round trips and the VPN's exit remain.
 *
 * Variants  'residential': the exit is a household's line in the claimed city: only the round trips remain.
 *           'flap': now and then the tunnel drops for minutes, and the true address is seen.
 * Source    threat model P22, #46, #48, #53; Amazon's laptop in Arizona, section 1.3.
 */
export const p22: Scenario = {
  id: 'P22',
  title: 'a VPN in the router',
  truth: 'infiltrator',
  people: 1,
  days: 14,
  variants: ['residential', 'flap'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, operator, system } = settingOf(cast)
    const city = pick(random, [claimed, 'Phoenix', 'Los Angeles'])
    const there = cast.home(operator, { name: 'there' })
    const exit =
      variant === 'residential'
        ? cast.exit(city, { name: 'a household' })
        : cast.vpn(pick(random, ['astrill', 'nordvpn', 'expressvpn']), city)
    worker
      .claims(city)
      .livesAt({ ...there, exit })
      .role('developer')
      .system(system)
    worker.hours('09:00', '17:30').joins(worker.workday(0), '09:30').begins(worker.workday(0), '09:30')
    if (variant !== 'flap') return
    for (const nth of [2 + below(random, 2), 6 + below(random, 2)])
      worker.on(worker.workday(nth), (stage) => {
        const at = 10 + below(stage.random, 5)
        stage.works('09:00', '17:30').sits(there, `${at}:00`, `${at}:0${3 + below(stage.random, 6)}`)
      })
  },
}
