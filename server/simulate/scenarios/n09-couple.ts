import type { Scenario } from '../scene.ts'

/**
 * Two people who live together and both work for the company: one router, one Wi-Fi, separate work.
 *
 * Variants  'undeclared': the contracts do not name the household.
 * Source    threat model N9: separate peripherals and hours, and the laptops are seen elsewhere too.
 */
export const n09: Scenario = {
  id: 'N9',
  title: 'a couple with one router',
  truth: 'benign',
  people: 2,
  days: 7,
  variants: ['undeclared'],
  play(cast) {
    const flat = cast.home('Lyon')
    const cafe = cast.site('public', 'Lyon', { name: 'café' })
    const [one, other] = cast.people
    one!.livesAt(flat).role('designer').hours('10:00', '18:30')
    other!.livesAt(flat).role('developer').hours('08:00', '16:30')
    if (cast.variant !== 'undeclared') {
      one!.contract({ household: [other!.worker] })
      other!.contract({ household: [one!.worker] })
    }
    one!.on('workdays', (stage) => {
      if (stage.weekday === 3) stage.sits(cafe, '13:00', '18:30')
    })
    other!.on('workdays', (stage) => {
      if (stage.weekday === 5) stage.sits(cast.site('public', 'Paris', { name: 'client' }))
    })
  },
}
