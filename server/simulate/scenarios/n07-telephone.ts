import { takenFor } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Two afternoons a week behind a telephone, whose carrier's addresses the databases put some 300 km off.
 *
 * Variants  'only': there is no other line in that village: always behind the carrier, some days here, others there.
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
    const [city, other] = pick(random, [
      ['Hamburg', 'Berlin'],
      ['Nashville', 'Atlanta'],
      ['Lyon', 'Paris'],
      ['Valencia', 'Madrid'],
    ] as const)
    const behind = (day: number, seenIn: string) => {
      const phone = cast.site('mobile', city, { name: `${day}` })
      // One telephone: the network is the same, the address is whatever the carrier has free.
      return { ...cast.site('mobile', city), exit: takenFor(phone.exit, seenIn) }
    }
    worker.livesAt(variant === 'only' ? behind(-1, other) : cast.home(city)).claims(city)
    worker.on('every', (stage) => {
      if (variant === 'only') stage.sits(behind(stage.day, pick(stage.random, [city, other])), '00:00', '30:00')
      else if (stage.weekday === 2 || stage.weekday === 4) stage.sits(behind(stage.day, other), '13:30', '18:30')
    })
  },
}
