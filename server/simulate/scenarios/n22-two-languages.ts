import { midnight } from '../ordinary.ts'
import type { Scenario } from '../scene.ts'

/**
 * One adds a Korean keyboard layout in Los Angeles; the other lives and works in Seoul, as in the contract.
 *
 * Variants  'family': the first works from their parents' home in Seoul for ten days, announced.
 * Source    threat model N22: names, languages and layouts never count; the claims match what is seen.
 */
export const n22: Scenario = {
  id: 'N22',
  title: 'two languages',
  truth: 'benign',
  people: 2,
  days: 19,
  variants: ['family'],
  play(cast) {
    const [bilingual, abroad] = cast.people
    bilingual!.livesAt(cast.home('Los Angeles')).role('developer').hours('09:00', '17:30')
    bilingual!.on(bilingual!.workday(3), (stage) =>
      stage.at('09:30').saw('clock_place', { KeyboardLayouts: ['us', 'kr'] }),
    )
    if (cast.variant === 'family') {
      const [from, to] = [bilingual!.workday(5), bilingual!.workday(5) + 9]
      const parents = cast.home('Seoul', { name: 'parents' })
      const notice = { from: midnight(cast, from - 2), to: midnight(cast, to + 2), country: 'KR' }
      bilingual!.amends(Math.max(0, from - 5), { travelNotices: [{ ...notice, approvedBy: 'a manager' }] })
      // The working day in Seoul begins in the evening of the day before in Los Angeles.
      bilingual!.on({ from, to }, (stage) => {
        stage.sits(parents, '00:00', '30:00')
        if (stage.working) stage.works('17:00', '20:30').works('21:00', '24:30')
      })
      bilingual!.on([from - 1, to + 1], (stage) => stage.rests())
    }
    abroad!
      .livesAt(cast.home('Seoul', { name: 'own' }))
      .role('developer')
      .hours('09:30', '18:30')
    abroad!.on(0, (stage) => stage.at('09:40').saw('clock_place', { KeyboardLayouts: ['kr', 'us'] }))
  },
}
