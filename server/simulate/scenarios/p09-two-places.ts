import { clock, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * While somebody works at the laptop, the same account is used from elsewhere: a session cookie was copied to an
 * unmanaged machine.
 *
 * Variants  'proxy': from a household's line in the worker's own city: only the unknown machine remains.
 *           'device': the stolen session claims to be the company's laptop: only the place remains.
 * Source    threat model P9, #50 to #52; the FBI on cookies used from non-company devices, section 1.2.
 */
export const p09: Scenario = {
  id: 'P9',
  title: 'one person in two places',
  truth: 'infiltrator',
  people: 1,
  days: 7,
  variants: ['proxy', 'device'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, operator, system } = settingOf(cast)
    const far =
      variant === 'proxy' ? cast.exit(claimed, { name: 'a proxy', asn: 22773, asName: 'Cox' }) : cast.exit(operator)
    worker.livesAt(cast.home(claimed)).role('developer').system(system).hours('09:00', '17:30')
    const days = [worker.workday(1 + below(random, 2)), worker.workday(3)]
    for (const [nth, day] of days.entries())
      worker.on(day, (stage) => {
        stage.works('09:00', '17:30')
        const moment = stage.at(clock(random, '09:40', '15:00'))
        // Somebody uses the laptop in the same minutes.
        moment.saw('logon', { LogonType: 'unlock' })
        for (let left = 2 + below(random, 3); left > 0; left--)
          moment.wait(between(random, 2, 18)).feed(
            'idp_login',
            {
              DeviceId: variant === 'device' ? worker.device : null,
              ManagedDevice: variant === 'device',
              Mobile: false,
              App: pick(random, ['code', 'wiki', 'storage', 'mail']),
            },
            far,
          )
        if (nth > 0 || random() < 0.5)
          moment
            .wait(between(random, 1, 6))
            .feed('repo_audit', { Action: 'token_created', Repository: null, Count: 1 }, far)
      })
  },
}
