import { between, logNormal } from '../random.ts'
import type { Moment, Scenario } from '../scene.ts'

/**
 * A developer's first week: five repositories of the team, and the monorepo of forty gigabytes.
 *
 * Variants  'two-teams': also works for a second team: nine repositories in three days, three of them of another team.
 * Source    threat model N15: few repositories, of the own team; bytes alone do not count.
 */
export const n15: Scenario = {
  id: 'N15',
  title: 'a new hire clones',
  truth: 'benign',
  people: 1,
  days: 10,
  variants: ['two-teams'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const home = cast.home('Amsterdam')
    worker.livesAt(home).role('developer').hours('09:00', '17:30')
    const first = worker.workday(1)
    worker.joins(first, '09:00')
    const clone = (moment: Moment, name: string, Bytes: number, OutsideTeam = false) =>
      moment
        .wait(between(random, 5, 30))
        .saw('repository', { Action: 'clone', Bytes })
        .saw('egress', { BytesSent: Math.round(Bytes / 90), BytesReceived: Bytes })
        .feed('repo_audit', { Action: 'clone', Repository: `company/${name}`, Bytes, OutsideTeam }, home.exit)
    const usual = () => Math.round(logNormal(random, 30e6, 1))
    worker.on(first, (stage) => {
      const moment = stage.at('10:30')
      for (const name of ['web', 'api', 'design-system', 'deploy']) clone(moment, name, usual())
    })
    worker.on(worker.workday(2), (stage) => clone(clone(stage.at('10:00'), 'docs', usual()), 'monorepo', 40e9))
    if (variant === 'two-teams')
      worker.on(worker.workday(3), (stage) => {
        const moment = stage.at('11:00')
        for (const name of ['ledger', 'payouts', 'invoices']) clone(moment, name, usual(), true)
      })
  },
}
