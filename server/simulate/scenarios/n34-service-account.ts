import { clock } from '../operators.ts'
import type { Scenario } from '../scene.ts'

/**
 * Three people share the account of a deployment service, because its maker charges by the head: one authenticator, on
 * the team's own phone. For everything else each has a phone of their own.
 *
 * Variants  'app': the authenticator's secret is in the team's password safe, so approvals come from each one's own
 *           laptop. 'names': the feed has each one's own account, and says nothing about the shared one.
 * Source    judgement section 8, N34; faults F19.
 */
export const n34: Scenario = {
  id: 'N34',
  title: 'a shared service account',
  truth: 'benign',
  people: 3,
  days: 14,
  variants: ['app', 'names'],
  play(cast) {
    const { variant } = cast
    const shared = cast.hash('authenticator of the deployment service')
    const account = cast.hash('deploy@company.example')
    const teamPhone = cast.exit('Warsaw', { name: 'team phone', class: 'mobile' })
    for (const [nth, worker] of cast.people.entries()) {
      const home = cast.home(['Warsaw', 'Krakow', 'Wroclaw'][nth]!, { name: `${nth}` })
      worker
        .livesAt(home)
        .role(nth === 0 ? 'platform engineer' : 'developer')
        .hours('09:00', '17:30')
      worker.on('workdays', (stage) => {
        if ((stage.day + nth) % 3 === 2) return
        stage.at(clock(stage.random, '11:00', '16:00')).feed(
          'idp_login',
          {
            ...{ DeviceId: worker.device, ManagedDevice: true, Mobile: false, App: 'deploy' },
            ...{ MfaDeviceHash: shared, AccountHash: variant === 'names' ? null : account },
            ...(variant !== 'app' && { MfaIp: teamPhone.address, MfaCountry: teamPhone.geo.country }),
          },
          home.exit,
        )
      })
    }
  },
}
