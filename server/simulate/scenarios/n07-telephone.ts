import { takenFor } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Two afternoons a week behind a telephone, whose carrier's addresses the databases put some hundred kilometres off.
 *
 * Variants  'only': there is no other line in that village: always behind the carrier, every day in another city.
 * Source    threat model N7: a carrier's network. Of where the system itself places the laptop nothing is collected, so
 *           that half of the row is in no recording.
 */
export const n07: Scenario = {
  id: 'N7',
  title: 'behind a telephone',
  truth: 'benign',
  people: 1,
  days: 7,
  variants: ['only'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const [city, others] = pick(random, [
      ['Munich', ['Berlin', 'Hamburg']],
      ['Nashville', ['Atlanta', 'Raleigh']],
      ['Lyon', ['Paris']],
    ] as const)
    const behind = (day: number, other: string) => {
      const phone = cast.site('mobile', city, { name: `${day}` })
      // One telephone: the network is the same, the address is whatever the carrier has free.
      return { ...cast.site('mobile', city), exit: takenFor(phone.exit, other) }
    }
    worker.livesAt(variant === 'only' ? behind(-1, others[0]) : cast.home(city)).claims(city)
    worker.on('every', (stage) => {
      if (variant === 'only') stage.sits(behind(stage.day, pick(stage.random, [city, ...others])), '00:00', '30:00')
      else if (stage.weekday === 2 || stage.weekday === 4)
        stage.sits(behind(stage.day, pick(stage.random, others)), '13:30', '18:30')
    })
  },
}
