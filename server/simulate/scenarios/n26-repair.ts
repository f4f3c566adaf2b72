import type { Scenario } from '../scene.ts'

/**
 * The support tool updates itself; a laptop is replaced by a new one; another comes back from repair with a new board.
 *
 * Variants  'twice': the update fails and the tool is installed again an hour later; the repaired laptop goes back for
 *           its disk within the week.
 * Source    threat model N26: the same publisher; the old one has stopped first.
 */
export const n26: Scenario = {
  id: 'N26',
  title: 'updates and repairs',
  truth: 'benign',
  people: 3,
  days: 18,
  variants: ['twice'],
  play(cast) {
    const [updated, swapped, repaired] = cast.people
    const twice = cast.variant === 'twice'
    const relay = 'company.screenconnect.com'
    updated!.livesAt(cast.home('Dallas')).system('windows').hours('09:00', '17:30')
    updated!.on([updated!.workday(3), updated!.workday(9)], (stage) => {
      const moment = stage.at('12:10').uninstalls('screenconnect').wait(3)
      if (twice) moment.wait(55)
      moment.tool('screenconnect', { managed: true, relay, version: `25.${stage.day}` })
    })
    swapped!.livesAt(cast.home('Bucharest')).hours('09:00', '17:30').swapsLaptop(swapped!.workday(6))
    repaired!.livesAt(cast.home('Guadalajara')).hours('09:00', '17:30')
    const back = repaired!.workday(8)
    repaired!.on({ from: repaired!.workday(5), to: back - 1 }, (stage) => stage.rests())
    repaired!.on(back, (stage) => stage.repaired())
    if (!twice) return
    const again = repaired!.workday(11)
    repaired!.on(again - 1, (stage) => stage.rests())
    repaired!.on(again, (stage) => stage.repaired())
  },
}
