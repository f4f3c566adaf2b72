import { takenFor } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A farm without cable: the dish on the roof comes out at a ground station in the neighbouring country, with round trips
 * that go up and down.
 *
 * Variants  'moves': halfway through, the provider assigns another station, in a third country. 'mast': the dish is new;
 *           until the sixth day the laptop was behind a telephone.
 * Source    judgement section 8, N32; AS14593 is Starlink's. Its exits serve several countries (its own geofeed).
 */
export const n32: Scenario = {
  id: 'N32',
  title: 'a satellite that lands next door',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['moves', 'mast'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const [city, station, other] = pick(random, [
      ['Cluj-Napoca', 'Warsaw', 'Berlin'],
      ['Porto', 'Madrid', 'London'],
      ['Dublin', 'London', 'Madrid'],
    ] as const)
    const dish = cast.home(city, { name: 'dish', monitors: [] })
    const line = cast.exit(city, { name: 'dish', class: 'residential', asn: 14_593, asName: 'SPACEX-STARLINK' })
    const landing = (where: string) => ({
      ...dish,
      exit: { ...takenFor(line, where), lastMileMs: 38, jitterMs: 22 },
    })
    const phone = cast.site('mobile', city, { name: 'phone' })
    worker.claims(city).livesAt(landing(station)).role('developer').hours('09:00', '17:30')
    const half = worker.workday(5)
    worker.on('every', (stage) => {
      if (variant === 'moves' && stage.day >= half) stage.sits(landing(other), '00:00', '30:00')
      if (variant === 'mast' && stage.day < half) stage.sits(phone, '00:00', '30:00')
    })
  },
}
