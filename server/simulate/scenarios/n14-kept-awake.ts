import { clock } from '../operators.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * `caffeinate` during a build of three hours, and during a presentation.
 *
 * Variants  'nightly': the release is built after hours on five nights, three and a half hours each.
 * Source    threat model N14: it belongs to the build or presentation, ends with it, and lasts less than four hours.
 */
export const n14: Scenario = {
  id: 'N14',
  title: 'kept awake for a build',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['nightly'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    worker
      .livesAt(cast.home(pick(random, ['Berlin', 'Seattle', 'Toronto'])))
      .role('developer')
      .system('macos')
    worker.hours('09:00', '17:30')
    const talk = worker.workday(7)
    const building = (from: string) => (stage: Parameters<Parameters<typeof worker.on>[1]>[0]) =>
      stage
        .at(from)
        .runs('/usr/bin/caffeinate', 'caffeinate -dims make -j8 release', { ParentImage: '/bin/zsh' })
        .runs('/usr/bin/make', 'make -j8 release', { ParentImage: '/usr/bin/caffeinate' })
    if (variant === 'nightly')
      worker.on([5, 6, 7, 8, 9].map(worker.workday), (stage) => {
        stage.works('09:00', '17:30').awake('17:30', '22:00')
        building('18:10')(stage)
      })
    else
      worker.on([worker.workday(3), worker.workday(9)], (stage) => {
        stage.works('09:00', '17:30')
        building(clock(stage.random, '10:00', '14:00'))(stage)
      })
    worker.on(talk, (stage) => {
      stage.works('09:00', '17:30')
      stage.at('13:55').runs('/Applications/Keynote.app/Contents/MacOS/Keynote', 'Keynote review.key')
      stage.at('13:56').runs('/usr/bin/caffeinate', 'caffeinate -d -t 5400', { ParentImage: '/bin/zsh' })
    })
  },
}
