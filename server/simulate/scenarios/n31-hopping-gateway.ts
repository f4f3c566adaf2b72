import { SASES } from '../company.ts'
import { hashOf, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Three people behind a cloud security service. Its nearest location is in another country, and now and then it sends
 * them out through a third one for an hour, in the middle of the day.
 *
 * Variants  'declared': the contracts name its network. 'far': for two days all of Europe comes out in Singapore, as
 *           after a fault at the provider.
 * Source    judgement section 8, N31; Zscaler's and Netskope's lists of locations (general knowledge).
 */
export const n31: Scenario = {
  id: 'N31',
  title: 'a gateway that hops between countries',
  truth: 'benign',
  people: 3,
  days: 14,
  variants: ['declared', 'far'],
  play(cast) {
    const { random, variant } = cast
    const { id, provider } = pick(random, [SASES.zscaler, SASES.netskope])
    const [asn, asName] = provider
    const exit = (city: string, which: number) =>
      cast.exit(city, { name: `${which % 3}`, class: 'hosting', asn, asName })
    for (const [nth, worker] of cast.people.entries()) {
      worker
        .livesAt(cast.home(pick(random, ['Porto', 'Krakow', 'Lyon', 'Cluj-Napoca']), { name: worker.worker }))
        .hours('09:00', '17:30')
      if (variant === 'declared') worker.contract({ approvedEgress: [{ asn, approvedBy: 'IT', ticket: 'IT-231' }] })
      worker.on(0, (stage) => stage.at('09:05').tool(id, { managed: true }))
      const fault = worker.workday(6)
      worker.on('workdays', (stage) => {
        stage.works('09:00', '12:30').works('13:15', '17:40')
        const out = variant === 'far' && (stage.day === fault || stage.day === fault + 1)
        stage.tunnels(exit(out ? 'Singapore' : 'Amsterdam', nth), '09:04', '30:00')
        if (out || (hashOf(`${worker.worker} ${stage.day}`) & 3) > 1) return
        stage.tunnels(exit(pick(stage.random, ['London', 'Paris', 'Munich', 'Warsaw']), nth), '11:00', '12:10')
      })
    }
  },
}
