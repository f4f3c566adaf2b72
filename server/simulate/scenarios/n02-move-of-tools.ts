import { clock } from '../operators.ts'
import { approves, midnight, nextWeekday } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * The company that manages the laptops moves all of them from TeamViewer to AnyDesk in one weekend.
 *
 * Variants  'stragglers': two laptops are off that weekend and follow on Tuesday and Wednesday, and the window is
 *           extended for them on Monday. 'unattended': the new tool gets a fleet-wide password, as for maintenance
 *           at night.
 * Source    threat model N2: a window with a ticket in which both are approved, started by the fleet's management, on
 *           all laptops.
 */
export const n02: Scenario = {
  id: 'N2',
  title: 'a fleet moved to another tool',
  truth: 'benign',
  people: 6,
  days: 16,
  variants: ['stragglers', 'unattended'],
  play(cast) {
    const { random, variant } = cast
    const saturday = nextWeekday(cast, 6, 5)
    const approvedBy = 'IT'
    const old = (to: number) => ({ tool: 'TeamViewer', from: midnight(cast, -400), to, approvedBy, ticket: 'CHG-7' })
    const fresh = { tool: 'AnyDesk', from: midnight(cast, saturday - 1), approvedBy, ticket: 'CHG-7' }
    for (const [nth, worker] of cast.people.entries()) {
      const late = variant === 'stragglers' && nth >= 4
      const moved = late ? saturday + nth - 1 : saturday
      const city = pick(random, ['Berlin', 'Munich', 'Hamburg'])
      worker.livesAt(cast.home(city, { name: worker.worker })).hours('09:00', '17:30')
      worker.system(nth % 3 === 2 ? 'macos' : 'windows')
      worker.contract(approves(old(midnight(cast, 400))))
      worker.amends(saturday - 4, approves(old(midnight(cast, saturday + 2)), fresh))
      if (late) worker.amends(saturday + 2, approves(old(midnight(cast, saturday + 6)), fresh))
      worker.on(0, (stage) =>
        stage
          .at('09:30')
          .saw('software', { Action: 'present', Name: 'TeamViewer', Publisher: 'TeamViewer Germany GmbH' }),
      )
      worker.on('workdays', (stage) => {
        if (stage.day === moved) return
        stage.at('09:40').tool(stage.day < moved ? 'teamviewer' : 'anydesk', { installed: true, managed: true })
      })
      worker.on(moved, (stage) => {
        stage
          .at(late ? '09:45' : clock(stage.random, '08:00', '12:00'))
          .uninstalls('teamviewer')
          .wait(2)
          .tool('anydesk', { managed: true, unattended: variant === 'unattended' })
      })
    }
  },
}
