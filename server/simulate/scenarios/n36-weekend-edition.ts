import { takenFor } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Over the weekend the server's address database is updated, and on Monday twelve lines of one city are in another one.
 * Nobody moved: routers, addresses, round trips and clocks are those of Friday. The recording does not say which edition
 * placed what.
 *
 * Variants  'abroad': the other city is in the next country. 'few': three of the twelve only.
 * Source    judgement sections 2 and 8, N36: the same gateway, address and round trip is the same place.
 */
export const n36: Scenario = {
  id: 'N36',
  title: 'a city that moved over the weekend',
  truth: 'benign',
  people: 12,
  days: 14,
  variants: ['abroad', 'few'],
  play(cast) {
    const { random, variant } = cast
    const [city, within, abroad] = pick(random, [
      ['Denver', 'Los Angeles', 'Toronto'],
      ['Munich', 'Hamburg', 'Amsterdam'],
      ['Manchester', 'London', 'Dublin'],
    ] as const)
    const wrong = variant === 'abroad' ? abroad : within
    const saturday = 5 + ((6 - new Date(cast.start + 5 * 86_400_000).getUTCDay() + 7) % 7)
    for (const [nth, worker] of cast.people.entries()) {
      const home = cast.home(city, { name: `${nth}`, monitors: [] })
      worker.livesAt(home).hours('09:00', '17:30')
      if (variant === 'few' && nth >= 3) continue
      const moved = { ...home, exit: takenFor(home.exit, wrong) }
      worker.on({ from: saturday, to: cast.days - 1 }, (stage) => void stage.sits(moved, '00:00', '30:00'))
    }
  },
}
