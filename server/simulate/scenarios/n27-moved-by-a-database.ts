import { takenFor } from '../ordinary.ts'
import type { Scenario } from '../scene.ts'

/**
 * A provider's address blocks change owners: a new edition of a database suddenly places twenty-four lines of Dallas
 * in London. Nobody moved. Four other lines have the same new edition and the same place as before.
 *
 * Variants  'within': it says Seattle instead, 2,700 km away in the same country. 'back': after five days a third
 *           edition is correct again.
 * Source    threat model N27: many unrelated people at once, each still behind the same address.
 */
export const n27: Scenario = {
  id: 'N27',
  title: 'moved by a database',
  truth: 'benign',
  people: 28,
  days: 12,
  variants: ['within', 'back'],
  play(cast) {
    const { variant } = cast
    const changed = 5
    for (const [nth, worker] of cast.people.entries()) {
      const name = `${nth}`
      const home = cast.home('Dallas', { name, monitors: [] })
      const line = cast.exit('Dallas', { name, asn: 7018, asName: 'AT&T' })
      const wrong = variant === 'within' ? 'Seattle' : 'London'
      const placedBy = (edition: string, city: string) => ({ ...home, exit: takenFor(line, city, edition) })
      const before = placedBy('dbip-city 2026-08-01', 'Dallas')
      const after = placedBy('dbip-city 2026-09-01', nth < 24 ? wrong : 'Dallas')
      const corrected = placedBy('dbip-city 2026-10-01', 'Dallas')
      worker.livesAt(before)
      worker.on({ from: changed, to: cast.days - 1 }, (stage) => {
        const isBack = variant === 'back' && stage.day >= changed + 5
        stage.sits(isBack ? corrected : after, '00:00', '30:00')
      })
    }
  },
}
