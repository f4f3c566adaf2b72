import { chance } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Six contractors of one city work in the same coworking space: one address and one Wi-Fi for all. In the evening
 * each takes the laptop home.
 *
 * Variants  'consumer-line': the space has an ordinary cable line, as small ones do. 'every-day': nobody works at
 *           home; they only read mails there in the evening.
 * Source    threat model N8: a business network, laptops that roam and have homes of their own, no remote control.
 */
export const n08: Scenario = {
  id: 'N8',
  title: 'a coworking space',
  truth: 'benign',
  people: 6,
  days: 7,
  variants: ['consumer-line', 'every-day'],
  play(cast) {
    const { variant } = cast
    const city = 'Porto'
    const business = { name: 'space', class: 'corporate', asn: 64_511, asName: 'Desk Space Business Internet' } as const
    const space = cast.site('public', city, {
      name: 'coworking',
      ...(variant !== 'consumer-line' && { exit: cast.exit(city, business) }),
    })
    for (const [nth, worker] of cast.people.entries()) {
      worker.livesAt(cast.home(city, { name: `${nth}` })).role(nth % 2 ? 'developer' : 'designer')
      worker.hours(nth % 3 ? '09:00' : '10:00', nth % 3 ? '17:30' : '19:00')
      worker.on('every', (stage) => {
        const there = variant === 'every-day' || (stage.working && chance(stage.random, 0.7))
        if (stage.working && there) stage.sits(space, '06:00', '19:15')
        // Some mails in the evening.
        if (stage.working) stage.awake('21:00', '21:40')
      })
    }
  },
}
