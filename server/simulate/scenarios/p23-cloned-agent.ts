import { clock, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * The agent's folder was copied: the laptop at home continues as before, and elsewhere a second machine uses its key
 * at the same time.
 *
 * Variants  'same': the copy claims to be the same hardware: two countries within minutes, and reused numbers
 *           remain. 'played': not a machine but a recording: while the laptop is shut, yesterday's events are
 *           sent again from the same house: their numbers remain.
 * Source    threat model P23, #98.
 */
export const p23: Scenario = {
  id: 'P23',
  title: 'an agent that was cloned',
  truth: 'infiltrator',
  people: 1,
  days: 8,
  variants: ['same', 'played'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, operator, system } = settingOf(cast)
    const home = cast.home(claimed)
    const there = variant === 'played' ? home : cast.home(operator, { name: 'there' })
    const first = worker.workday(2 + below(random, 2))
    worker.livesAt(home).role('developer').system(system).hours('09:00', '17:30')
    const fingerprint = variant === null ? { fingerprint: cast.hash('other hardware', 64) } : {}
    worker.on([first, first + 1], (stage) => {
      if (variant !== 'played') stage.works('09:00', '12:30').works('13:00', '17:30')
      const at = variant === 'played' ? clock(random, '20:00', '22:00') : clock(random, '10:00', '15:00')
      const moment = stage.at(at).session({ site: there, ...fingerprint })
      for (let left = 3 + below(random, 5); left > 0; left--) {
        moment.wait(between(random, 0.2, 3))
        if (pick(random, [true, false])) moment.numberUsedBefore('agent_state', { Action: 'summary' })
        else moment.numberUsedBefore('process_creation', { Image: '/usr/bin/bash', CommandLine: 'bash' })
      }
      if (variant !== 'played') moment.wait(between(random, 4, 20)).session({ site: home })
    })
  },
}
