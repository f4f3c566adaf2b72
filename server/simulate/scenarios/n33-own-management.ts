import { RMMS } from '../company.ts'
import { clock } from '../operators.ts'
import { anySystem, approves, midnight } from '../ordinary.ts'
import { between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Eight people of one department, whose laptops have the company's remote management: a service of the system that was
 * there before us, dials the company's tenant, and lets two technicians in when something does not work.
 *
 * Variants  'unapproved': nobody wrote it into a contract. 'at-night': the technicians work unattended, on Tuesday
 *           nights, all eight laptops in a row.
 * Source    judgement sections 3 and 8, N33: on every laptop, before the agent, one tenant, few operators for many.
 */
export const n33: Scenario = {
  id: 'N33',
  title: "the company's own management",
  truth: 'benign',
  people: 8,
  days: 14,
  variants: ['unapproved', 'at-night'],
  play(cast) {
    const { random, variant } = cast
    const { id, log, host } = pick(random, [RMMS.ninjaone, RMMS.datto, RMMS.atera])
    const desk = cast.exit('Manila', { name: 'managed services', class: 'corporate', asn: 64_498, asName: 'Acme MSP' })
    const use = { managed: true, relay: host }
    for (const [nth, worker] of cast.people.entries()) {
      const system = anySystem(random)
      const city = pick(random, ['Austin', 'Denver', 'Toronto', 'Atlanta'])
      worker
        .livesAt(cast.home(city, { name: worker.worker }))
        .system(system)
        .hours('09:00', '17:30')
      if (variant !== 'unapproved')
        worker.contract(approves({ tool: log, tenant: 'company', approvedBy: 'IT', to: midnight(cast, 365) }))
      worker.on(0, (stage) =>
        stage.at('09:20').saw('software', { Action: 'present', Name: PACKAGES[id] ?? log, InstalledAt: null }),
      )
      worker.on('workdays', (stage) => stage.at('09:25').tool(id, { ...use, installed: true }))
      const by = { id: cast.hash(`technician ${nth % 2}`), from: desk }
      if (variant === 'at-night')
        worker.on('every', (stage) => {
          if (stage.weekday !== 2) return
          stage
            .awake('21:50', '24:00')
            .at('22:00')
            .wait(nth * 12)
            .controlled(log, 9, { ...by, unattended: true })
        })
      else
        worker.on([worker.workday(2 + (nth % 4)), worker.workday(7 + (nth % 2))], (stage) =>
          stage
            .at(clock(stage.random, '10:00', '15:00'))
            .controlled(log, between(stage.random, 8, 24), { ...by, unattended: false }),
        )
    }
  },
}

/** As the tool's own installer registers it. */
const PACKAGES: Readonly<Record<string, string>> = {
  'ninjaone-ninjarmm': 'NinjaRMMAgent',
  atera: 'AteraAgent',
  'datto-rmm-centrastage': 'CagService',
}
