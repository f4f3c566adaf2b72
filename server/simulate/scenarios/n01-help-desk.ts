import { clock } from '../operators.ts'
import { anySystem, approves, COMPANY_ASN, helped, midnight } from '../ordinary.ts'
import { between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Three people ask the help desk for help. The same technician connects with the company's own tool, while they watch.
 *
 * Variants  'abroad': the desk is in Manila, behind the company's own exit. 'long': toolchains are reinstalled: three
 *           calls of an hour and a half each, and the client is updated in between.
 * Source    threat model N1: approved with our tenant and a lapse, attended, one operator of the desk for many.
 */
export const n01: Scenario = {
  id: 'N1',
  title: 'the help desk, when asked',
  truth: 'benign',
  people: 3,
  days: 14,
  variants: ['abroad', 'long'],
  play(cast) {
    const { random, variant } = cast
    const desk = cast.exit(variant === 'abroad' ? 'Manila' : 'Austin', {
      ...{ name: 'help desk', class: 'corporate', asn: COMPANY_ASN, asName: 'Company gateway' },
    })
    const by = { id: cast.hash('technician'), from: desk }
    for (const worker of cast.people) {
      const system = anySystem(random)
      const city = pick(random, ['Austin', 'Chicago', 'Boston', 'Toronto'])
      worker
        .livesAt(cast.home(city, { name: worker.worker }))
        .system(system)
        .hours('09:00', '17:30')
      worker.contract({
        approvedTools: approves().approvedTools.map((it) => ({ ...it, to: midnight(cast, 365) })),
        approvedEgress: [{ asn: COMPANY_ASN, approvedBy: 'IT' }],
      })
      const calls = variant === 'long' ? [3, 4, 6] : [3, 8]
      for (const nth of calls)
        worker.on(worker.workday(nth), (stage) => {
          const minutes = variant === 'long' ? 90 : between(stage.random, 14, 25)
          const moment = stage.at(clock(stage.random, '10:00', '11:30'))
          if (variant === 'long' && nth === 4) moment.uninstalls('screenconnect').tool('screenconnect', UPDATE)
          helped(moment, system, minutes, by)
        })
    }
  },
}

const UPDATE = { managed: true, version: '25.6.1', relay: 'company.screenconnect.com' }
