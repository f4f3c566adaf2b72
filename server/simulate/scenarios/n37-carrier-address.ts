import { chance, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Ten colleagues of one city have the same provider, which has fewer addresses than customers: on most days several of
 * them come out of one address, each behind a router of their own.
 *
 * Variants  'mobile': behind their telephones instead, at the carrier's gateway. 'one': a single address for all ten,
 *           all the time.
 * Source    judgement section 8, N37; RFC 6888: carrier-grade NAT, commonly with tens of customers an address.
 */
export const n37: Scenario = {
  id: 'N37',
  title: "a carrier's shared address",
  truth: 'benign',
  people: 10,
  days: 10,
  variants: ['mobile', 'one'],
  play(cast) {
    const { random, variant } = cast
    const city = pick(random, ['Bucharest', 'Manila', 'Buenos Aires', 'Warsaw'])
    const kind = variant === 'mobile' ? 'mobile' : 'residential'
    const pool = (variant === 'one' ? [0] : [0, 1, 2]).map((nth) =>
      cast.exit(city, { name: `pool ${nth}`, class: kind, asn: 64_620, asName: 'Metro Broadband' }),
    )
    for (const [nth, worker] of cast.people.entries()) {
      const own =
        variant === 'mobile'
          ? cast.site('mobile', city, { name: `telephone ${nth}` })
          : cast.home(city, { name: `${nth}`, monitors: [] })
      worker
        .claims(city)
        .livesAt({ ...own, exit: pool[nth % pool.length]! })
        .hours('09:00', '17:30')
      worker.on('every', (stage) => {
        // The address holds for the day; now and then the router is started again.
        const today = pool[(nth + stage.day) % pool.length]!
        stage.sits({ ...own, exit: today }, '00:00', '30:00')
        if (chance(stage.random, 0.2)) stage.sits({ ...own, exit: pick(stage.random, pool) }, '13:00', '30:00')
      })
    }
  },
}
