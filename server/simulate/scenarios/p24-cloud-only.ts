import { clock, repositories, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A contractor who never got a laptop of the company: mail, wiki, code and a virtual desktop from a machine of their own.
 * It comes through a VPN in the claimed country; one morning the VPN is not up yet.
 *
 * Variants  'residential': through lines of households in the claimed city, a new one every few days, and never
 *           unmasked; three machines take turns. 'unknown': the identity provider says nothing about machines.
 * Source    LevelBlue, March 2026: hired, never seen, VPN exits of one provider, one login from China; found by the
 *           identity provider's own logs. Numbers are assumed.
 */
export const p24: Scenario = {
  id: 'P24',
  title: 'an operator in the cloud only',
  truth: 'infiltrator',
  people: 1,
  days: 14,
  variants: ['residential', 'unknown'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, operator, vpnCity } = settingOf(cast)
    const machines = [0, 1, 2].map((nth) => cast.hash(`machine ${nth}`, 32))
    const begins = worker.workday(1)
    const far = cast.exit(operator)
    const unmasked = worker.workday(4 + below(random, 3))
    const line = (day: number) =>
      variant === 'residential'
        ? cast.exit(claimed, { name: `line ${Math.floor(day / 3)}` })
        : cast.vpn('astrill', Math.floor(day / 4) % 2 === 0 ? vpnCity : claimed)
    worker.claims(claimed).livesAt(cast.home(claimed)).role('developer').hours('09:00', '17:30')
    worker
      .withoutLaptop(variant === 'unknown' ? null : machines[0]!)
      .joins(begins, '09:00')
      .begins(begins, '09:00')
    worker.on({ from: begins, to: cast.days - 1 }, (stage) => {
      const exit = line(stage.day)
      stage.tunnels(exit, '00:00', '30:00')
      if (!stage.working) return
      const machine = (other: number) => ({
        DeviceId: variant === 'unknown' ? null : machines[variant === 'residential' ? (stage.day + other) % 3 : 0]!,
        ManagedDevice: variant === 'unknown' ? null : false,
        Mobile: false,
      })
      if (stage.day === unmasked && variant !== 'residential')
        stage
          .at(clock(stage.random, '08:30', '09:00'))
          .feed('idp_login', { ...machine(0), App: 'mail' }, far)
          .wait(1.5)
          .feed('idp_login', { ...machine(0), App: 'sso', Result: 'failure' }, far)
      const moment = stage.at(clock(stage.random, '10:00', '11:00'))
      for (const App of ['desktop', 'code', pick(stage.random, ['wiki', 'tickets'])])
        moment.wait(between(stage.random, 5, 60)).feed('idp_login', { ...machine(1), App }, exit)
    })
    // In the second week they take the code, in the browser: no laptop sees it.
    worker.on([worker.workday(7), worker.workday(8)], (stage) => {
      const moment = stage.at(clock(stage.random, '11:00', '14:00'))
      for (const Repository of repositories(stage.random, 6 + below(stage.random, 4)))
        moment
          .wait(between(stage.random, 1, 9))
          .feed('repo_audit', { Action: 'clone', Repository, Bytes: 20_000_000, OutsideTeam: true }, line(stage.day))
    })
  },
}
