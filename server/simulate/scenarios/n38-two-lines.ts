import { clock } from '../operators.ts'
import { chance } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A flat with the lines of two providers, and a computer of the worker's own: now and then they sign in there, to read
 * mail, in the middle of their work at the laptop. The router balances, so either computer is behind either line.
 *
 * Variants  'apart': the laptop is always behind one line, the worker's own computer always behind the other.
 * Source    ours: the look-alike of an account that is used on two lines at once (P9).
 */
export const n38: Scenario = {
  id: 'N38',
  title: 'a flat with two lines',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['apart'],
  play(cast) {
    const worker = cast.people[0]!
    const line = (name: string, asn: number) => cast.exit('Lisbon', { name, class: 'residential', asn, asName: name })
    const [fibre, cable] = [line('Fibra Portugal', 64_631), line('Cabo Lisboa', 64_632)]
    const flat = cast.home('Lisbon')
    const isApart = cast.variant === 'apart'
    worker
      .claims('Lisbon')
      .livesAt({ ...flat, exit: fibre })
      .role('developer')
      .hours('09:00', '17:30')
    worker.on('workdays', (stage) => {
      if (!isApart && chance(stage.random, 0.5)) stage.sits({ ...flat, exit: cable }, '13:00', '30:00')
      if (!chance(stage.random, 0.3)) return
      const exit = isApart || chance(stage.random, 0.5) ? cable : fibre
      stage
        .at(clock(stage.random, '10:00', '16:30'))
        .feed('idp_login', { App: 'mail', ManagedDevice: false, Mobile: false }, exit)
    })
  },
}
