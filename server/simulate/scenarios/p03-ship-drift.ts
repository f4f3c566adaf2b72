import { clock, settingOf } from '../operators.ts'
import { between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * The laptop was to go to New York. A few days before it is sent the address changes, to a forwarder; it is first
 * started in yet another place, and is never seen where the worker claims to live.
 *
 * Variants  'domestic': it stays in the country, some states away. 'router': a router with a VPN in the claimed city
 *           is in front of it from the third day on: only the first days, the round trips and the paperwork remain.
 * Source    threat model P3, #1 to #3; GTIG's laptop that ran in London, section 1.3.
 */
export const p03: Scenario = {
  id: 'P3',
  title: 'an address that drifts',
  truth: 'infiltrator',
  people: 1,
  days: 25,
  variants: ['domestic', 'router'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { system } = settingOf(cast)
    const claimed = pick(random, ['New York', 'Boston', 'Atlanta'])
    const forwarder = pick(random, ['Miami', 'Portland', 'Raleigh'])
    const place = pick(
      random,
      variant === 'domestic' ? ['Phoenix', 'Las Vegas', 'Seattle'] : ['London', 'Warsaw', 'Dubai'],
    )
    const house = cast.home(place)
    const behind = cast.home(place, { ...house, exit: cast.vpn('nordvpn', claimed) })
    worker.claims(claimed).livesAt(house).role('developer').system(system)
    const announced = worker.workday(3)
    const day = worker.workday(6)
    worker.joins(day, clock(random, '09:00', '11:00'))
    const at = clock(random, '10:00', '16:00')
    worker.hearsFromHr(announced, at, { Action: 'ship_to_changed', ToThirdParty: true }).begins(announced, at)
    const { country, region, city, lat, lon } = cast.site('public', forwarder).city
    worker.amends(announced, { shipTo: { country, region, city, latitude: lat, longitude: lon } })
    if (variant === 'router') {
      const day3 = day + Math.round(between(random, 2, 4))
      worker.on({ from: day3, to: cast.days - 1 }, (stage) => stage.sits(behind))
    }
  },
}
