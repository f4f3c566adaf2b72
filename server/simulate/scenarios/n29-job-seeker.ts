import { clock } from '../operators.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Somebody looks for another job, with one extension that fills in applications. That is their own business.
 *
 * Variants  'diligent': two more such extensions, and the one for one-time codes that many have.
 * Source    threat model N29: no remote control, nothing else.
 */
export const n29: Scenario = {
  id: 'N29',
  title: 'a job seeker',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['diligent'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    worker
      .livesAt(cast.home(pick(random, ['Atlanta', 'Manchester', 'Munich'])))
      .role('developer')
      .hours('09:00', '17:30')
    const wanted = variant === 'diligent' ? [SIMPLIFY, TEAL, HUNTR, CODES] : [SIMPLIFY]
    for (const [nth, [Name, Identifier]] of wanted.entries())
      worker.on(worker.workday(3 + 2 * nth), (stage) =>
        stage
          .at(clock(stage.random, '12:00', '13:30'))
          .saw('software', { Name, Kind: 'browser_extension', Identifier, Version: '2.1.0' }),
      )
  },
}

const SIMPLIFY = ['Simplify Copilot', 'pbanhockgagggenencehbnadejlgchfc'] as const
const TEAL = ['Teal', 'opafjjlpbiaicbbgifbejoochmmeikep'] as const
const HUNTR = ['Huntr', 'mihdfbecejheednfigjpdacgeilhlmnf'] as const
const CODES = ['Authenticator', 'bhghoamapcdpbohphigoooaddinpkbai'] as const
