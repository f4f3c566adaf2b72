import { cityCalled } from '../cities.ts'
import { utcOffsetMs } from '../local-time.ts'
import { midnight } from '../ordinary.ts'
import type { Cast, Scenario } from '../scene.ts'

/**
 * Clocks go forward or back by an hour where somebody lives; and a dual-boot laptop wakes with a clock an hour or more
 * off, until NTP corrects it.
 *
 * Variants  'battery': the clock's battery is empty, so the clock is hours behind after every restart.
 * Source    threat model N28. In a run without a change of clocks in any city, nobody's change: 21 days from mid
 *           September have only Sydney's, on the first Sunday of October.
 */
export const n28: Scenario = {
  id: 'N28',
  title: 'clocks that change',
  truth: 'benign',
  people: 2,
  days: 21,
  variants: ['battery'],
  play(cast) {
    const [moved, wrong] = cast.people
    const change = changeOf(cast)
    moved!.livesAt(cast.home(change?.city ?? 'Sydney')).hours('09:00', '17:30')
    if (change)
      moved!.on(change.day, (stage) => {
        stage.at('10:00').saw('clock_place', { UtcOffsetMinutes: change.offsetMinutes })
      })
    wrong!.livesAt(cast.home('Berlin')).role('developer').system('linux').hours('09:00', '17:30')
    const battery = cast.variant === 'battery'
    wrong!.on([2, 4, 7, 9].slice(0, battery ? 4 : 1).map(wrong!.workday), (stage) => {
      const minutes = battery ? -(200 + 90 * stage.random()) : 120
      stage.works('09:00', '12:30').works('13:10', '17:30').restarts()
      stage.at('08:50').setsClock(minutes, { unseen: true })
      stage.at('09:01').setsClock(-minutes)
    })
  },
}

/** The first change of clocks within the run, in a city that has one. */
function changeOf(cast: Cast): { city: string; day: number; offsetMinutes: number } | null {
  for (let day = 1; day < cast.days; day++)
    for (const city of ['Berlin', 'New York', 'Sydney']) {
      const { zone } = cityCalled(city)
      // At noon local or later on both days.
      const [before, after] = [day - 1, day].map((it) => utcOffsetMs(zone, midnight(cast, it) + 43_200_000))
      if (before !== after) return { city, day, offsetMinutes: after! / 60_000 }
    }
  return null
}
