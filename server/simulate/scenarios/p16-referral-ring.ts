import { clock, driven, settingOf } from '../operators.ts'
import { below, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * One of them has been detected: remote control on a laptop driven from abroad. Two more follow on their
 * recommendation, live behind one router, and are driven by the same operator.
 *
 * Variants  'uplink': the two who follow have no tool: they only share the house. 'mfa': three houses and no
 *           tool: only one authenticator approves all their sign-ins.
 * Source    threat model P16, #4, #5, #7, #26; worker A referred worker B in Mandiant's case, section 1.3.
 */
export const p16: Scenario = {
  id: 'P16',
  title: 'a ring by recommendation',
  truth: 'infiltrator',
  people: 3,
  days: 24,
  variants: ['uplink', 'mfa'],
  play(cast) {
    const { random, variant } = cast
    const [first, ...others] = cast.people
    const { operator, vpnCity, system } = settingOf(cast)
    const claims = ['Las Vegas', 'Portland', 'Dallas']
    const house = cast.home(claims[1]!, { name: 'of the two', monitors: [] })
    const by = { id: cast.hash('operator'), from: cast.vpn('astrill', vpnCity) }
    const far = { ...by, from: cast.exit(operator) }
    const authenticator = cast.hash('one telephone')
    const found = first!.workday(1)
    first!.claims(claims[0]!).livesAt(cast.home(claims[0]!)).role('developer').system(system)
    if (variant === 'mfa') first!.approvesWith(authenticator).begins(0)
    first!.on(found, (stage) => stage.at(clock(random, '10:00', '14:00')).tool('anydesk', { unattended: true }))
    first!.on({ from: found + 1, to: cast.days - 1 }, (stage) => {
      if (stage.working && stage.random() < 0.2) stage.at('08:20').controlled('AnyDesk', 12, far)
      driven(stage, 'AnyDesk', by)
    })
    for (const [nth, worker] of others.entries()) {
      const day = worker.workday(6 + nth * 3 + below(random, 2))
      const boot = clock(random, '09:00', '10:30')
      worker
        .claims(claims[nth + 1]!)
        .role('developer')
        .system(pick(random, ['windows', 'macos']))
        .joins(day, boot)
      worker.livesAt(variant === 'mfa' ? cast.home(claims[nth + 1]!, { name: `${nth}` }) : house)
      worker.hours('09:00', '17:30').contract({ referredBy: first!.worker })
      if (variant === 'mfa') worker.approvesWith(authenticator)
      else worker.neverSleeps()
      worker.hearsFromHr(day - 3, '14:00', { Action: 'referral', Relation: first!.worker })
      worker.begins(day, boot)
      if (variant === null) worker.on(day, (stage) => stage.at(boot).wait(60).tool('anydesk', { unattended: true }))
      worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => {
        if (variant === null) driven(stage, 'AnyDesk', by)
        else if (variant === 'uplink') stage.hands(null)
      })
    }
  },
}
