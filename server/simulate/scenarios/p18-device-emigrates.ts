import { clock, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * The laptop works for a week in the house it was sent to, is silent for days, and then appears in another country.
 * No travel was announced.
 *
 * Variants  'router': there, it is behind a router with a VPN in the claimed city: another gateway and long round
 *           trips remain. 'account': it never reappears; the account is used on, from unmanaged machines.
 * Source    threat model P18, #58, #59; 49 laptops that were sent on in Chapman's case, one to a town at the border.
 */
export const p18: Scenario = {
  id: 'P18',
  title: 'a laptop that emigrates',
  truth: 'infiltrator',
  people: 1,
  days: 28,
  variants: ['router', 'account'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { house, operator, system } = settingOf(cast)
    const abroad = pick(random, [operator, 'Dandong', 'Shenyang', 'Vientiane', 'Dubai'])
    const home = cast.home(house, { monitors: [] })
    const there = cast.home(abroad, { name: 'there' })
    const behind = { ...there, exit: cast.vpn('expressvpn', house) }
    const joined = worker.workday(0)
    const sent = worker.workday(5 + below(random, 2))
    const arrives = sent + Math.round(between(random, 4, 10))
    worker.claims(house).livesAt(home).role('developer').system(system).hours('09:00', '17:30').joins(joined, '10:00')
    worker.begins(sent, '00:00')
    const gone = variant === 'account' ? cast.days - 1 : arrives - 1
    worker.on({ from: sent, to: gone }, (stage) => {
      stage.rests()
      if (variant !== 'account' || !stage.working) return
      const far = cast.exit(operator, { name: stage.day % 3 === 0 ? 'one' : 'other' })
      const moment = stage.at(clock(stage.random, '09:10', '10:00'))
      for (const App of ['sso', 'desktop', 'code'])
        moment.wait(between(stage.random, 5, 120)).feed('idp_login', { App, ManagedDevice: false, Mobile: false }, far)
      moment.wait(30).feed('repo_audit', { Action: 'push', Bytes: 30_000 }, far)
    })
    if (variant === 'account') return
    worker.on({ from: arrives, to: cast.days - 1 }, (stage) => void stage.sits(variant === 'router' ? behind : there))
  },
}
