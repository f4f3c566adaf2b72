import { takenFor } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Two afternoons a week behind a phone's hotspot; the databases place the carrier's addresses about 300 km away.
 *
 * Variants  'only': there is no other line in that village: always behind the carrier, on some days here, on others
 *           there.
 * Source  threat model N7: a carrier's network. The system's own location of the laptop is not collected, so that half
 *         of the row is in no recording.
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
      // One phone: the network stays the same, the address is any that the carrier assigns.
      return { ...cast.site('mobile', city), exit: takenFor(phone.exit, seenIn) }
    }
    worker.livesAt(variant === 'only' ? behind(-1, other) : cast.home(city)).claims(city)
    worker.on('every', (stage) => {
      if (variant === 'only') stage.sits(behind(stage.day, pick(stage.random, [city, other])), '00:00', '30:00')
      else if (stage.weekday === 2 || stage.weekday === 4) stage.sits(behind(stage.day, other), '13:30', '18:30')
    })
  },
}
