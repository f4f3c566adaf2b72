import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * All traffic goes through the company's gateway, whose exit is in another state. In the morning the laptop is seen
 * from home for a few minutes, until the tunnel is up.
 *
 * Variants  'failover': the exits of a cloud service, in a data centre; for two days they are in another country.
 * Source    threat model N5: the exit is on the contract's list; before the tunnel is up, the laptop is seen at home.
 */
export const n05: Scenario = {
  id: 'N5',
  title: "the company's gateway",
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['failover'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const failing = variant === 'failover'
    const asn = failing ? 62_044 : 64_497
    const cities = pick(random, [['Ashburn', 'Atlanta'], ['Dallas', 'Los Angeles'], ['Chicago']])
    const exit = (city: string) =>
      failing
        ? cast.exit(city, { class: 'hosting', asn, asName: 'Zscaler' })
        : cast.exit(city, { class: 'corporate', asn, asName: 'Company gateway' })
    worker.livesAt(cast.home('Denver')).hours('09:00', '17:30').system('windows')
    const away = worker.workday(7)
    worker.contract({ approvedEgress: [{ asn, approvedBy: 'IT', ticket: 'IT-210' }] })
    worker.on(0, (stage) => stage.at('09:10').tool('zscaler-client-connector', { managed: true }))
    worker.on('workdays', (stage) => {
      const out = failing && (stage.day === away || stage.day === away + 1)
      stage.works('09:00', '12:30').works('13:15', '17:40')
      stage.tunnels(exit(out ? 'Toronto' : pick(stage.random, cities)), '09:04', '24:00')
    })
  },
}
