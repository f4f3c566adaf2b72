import { between, logNormal } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A platform engineer's laptop clones two hundred repositories every night at two, under a service account.
 *
 * Variants  'one-off': one morning, three hundred repositories of an acquired company.
 * Source    threat model N16: the role, the schedule, a service account.
 */
export const n16: Scenario = {
  id: 'N16',
  title: 'a nightly mirror of repositories',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['one-off'],
  play(cast) {
    const { variant } = cast
    const worker = cast.people[0]!
    const home = cast.home('Krakow')
    worker.livesAt(home).role('platform engineer').system('linux').hours('09:00', '17:30').neverSleeps()
    worker.contract({ roles: ['platform engineer', 'repository mirror'] })
    const day = worker.workday(8)
    const AccountHash = cast.hash('svc-mirror')
    const mirror = (moment: ReturnType<Parameters<Parameters<typeof worker.on>[1]>[0]['at']>, count: number) => {
      moment.runs('/usr/bin/git', 'git clone --mirror', {
        ...{ User: 'svc-mirror', ParentImage: '/usr/lib/systemd/systemd', CurrentDirectory: '/srv/mirror' },
      })
      for (let nth = 0; nth < count; nth++) {
        const Bytes = Math.round(logNormal(cast.random, 4e6, 1))
        const audit = {
          Action: 'clone' as const,
          Repository: `company/mirrored-${nth}`,
          Bytes,
          AccountHash,
          OutsideTeam: false,
        }
        moment.wait(between(cast.random, 0.05, 0.2)).saw('repository', { Action: 'clone', Bytes })
        moment.feed('repo_audit', audit, home.exit)
      }
    }
    worker.on('every', (stage) => mirror(stage.at('02:00'), 200))
    if (variant === 'one-off') worker.on(day, (stage) => mirror(stage.at('10:00'), 300))
  },
}
