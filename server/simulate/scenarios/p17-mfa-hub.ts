import { clock, settingOf } from '../operators.ts'
import { below, between } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Two workers of two cities whose sign-ins are approved with one phone, and whose laptops use one VPN exit.
 *
 * Variants  'weekly': each has a phone of their own, and the shared one approves only renewals of sessions, once a
 *           week. 'apart': two exits, in two cities: the phone remains.
 * Source    threat model P17, #4, #12; Microsoft on one authenticator for several accounts. The approval's address
 *           is the phone's, not the session's.
 */
export const p17: Scenario = {
  id: 'P17',
  title: 'one telephone for two',
  truth: 'infiltrator',
  people: 2,
  days: 16,
  variants: ['weekly', 'apart'],
  play(cast) {
    const { random, variant } = cast
    const { operator, vpnCity } = settingOf(cast)
    const telephone = cast.hash('one telephone')
    const there = cast.exit(operator, { class: 'mobile' })
    const claims = ['Denver', 'Atlanta']
    const first = 1 + below(random, 2)
    for (const [nth, worker] of cast.people.entries()) {
      const home = cast.home(claims[nth]!)
      const exit = cast.vpn('mullvad', variant === 'apart' ? claims[nth]! : vpnCity)
      worker.livesAt(home).role('developer').hours('09:00', '17:30')
      if (variant !== 'weekly') worker.approvesWith(telephone).begins(0)
      worker.on('every', (stage) => void stage.tunnels(exit))
      for (let workday = first + nth; workday < 11; workday += variant === 'weekly' ? 5 : 2)
        worker.on(worker.workday(workday), (stage) => {
          stage
            .at(clock(stage.random, '09:30', '11:30'))
            .wait(between(stage.random, 0, 20))
            .feed(
              'idp_login',
              {
                ...{ DeviceId: worker.device, ManagedDevice: true, Mobile: false, MfaDeviceHash: telephone },
                ...{ MfaIp: there.address, MfaCountry: there.geo.country },
              },
              exit,
            )
        })
    }
  },
}
