import { midnight } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A week in Germany, in a hotel and at a customer's, and back home. The laptop keeps the time zone of home.
 *
 * Variants  'extended': two days longer than announced; the notice is amended when the second of them has begun.
 *           'unannounced': no notice; there is nothing but the trip itself, so a question about it is fair.
 * Source    threat model N4: travel notice; address, network and round trips move together.
 */
export const n04: Scenario = {
  id: 'N4',
  title: 'a journey',
  truth: 'benign',
  people: 1,
  days: 19,
  variants: ['extended', 'unannounced'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    worker.livesAt(cast.home(pick(random, ['Boston', 'New York', 'Atlanta']))).hours('09:00', '17:30')
    const [from, city] = [worker.workday(6), pick(random, ['Berlin', 'Munich', 'Hamburg'])]
    const announced = from + 6
    const to = variant === 'extended' ? announced + 2 : announced
    const hotel = cast.site('public', city, { name: 'hotel' })
    const customer = cast.site('public', city, { name: 'customer' })
    const notice = (until: number) => ({
      travelNotices: [
        { from: midnight(cast, from - 1), to: midnight(cast, until + 2), country: 'DE', approvedBy: 'a manager' },
      ],
    })
    if (variant !== 'unannounced') worker.amends(Math.max(0, from - 5), notice(announced))
    if (variant === 'extended') worker.amends(to, notice(to))
    // Flies overnight.
    worker.on(from - 1, (stage) => stage.works('08:00', '13:00'))
    worker.on({ from, to }, (stage) => {
      stage.sits(hotel, '00:00', '30:00')
      if (!stage.working) return
      // 09:00 to 17:30 in Germany.
      stage.works('03:00', '06:30').works('07:15', '11:30')
      if (stage.weekday !== 1) stage.sits(customer, '03:30', '11:00')
    })
    worker.on(to + 1, (stage) => stage.rests())
  },
}
