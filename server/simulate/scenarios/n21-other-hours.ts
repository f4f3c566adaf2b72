import type { Scenario } from '../scene.ts'

/**
 * Three people whose hours are not nine to five: on call for a week of nights; in Warsaw on New York's hours; and a
 * parent who works early and late.
 *
 * Variants  'swapped': a colleague takes over the week on call, and the contract is amended a day late.
 * Source    threat model N21: declared hours; hours alone never score much.
 */
export const n21: Scenario = {
  id: 'N21',
  title: 'other hours',
  truth: 'benign',
  people: 3,
  days: 14,
  variants: ['swapped'],
  play(cast) {
    const [onCall, other, parent] = cast.people
    const week = [1, 2, 3, 4, 5]
    const nights = {
      declaredHours: [USUAL, { days: [...week, 6, 7], start: '21:00', end: '06:00', approvedBy: 'rota' }],
    }
    onCall!.livesAt(cast.home('Seattle')).role('platform engineer').hours('09:00', '17:00')
    const days = { from: onCall!.workday(5), to: onCall!.workday(9) }
    onCall!.contract({ roles: ['platform engineer', 'on call'], declaredHours: [USUAL] })
    onCall!.amends(cast.variant === 'swapped' ? days.from + 1 : Math.max(0, days.from - 3), nights)
    onCall!.on(days, (stage) => {
      stage.works('13:00', '17:00').works('22:00', '23:30').works('25:30', '28:00')
    })
    other!.livesAt(cast.home('Warsaw')).role('support').hours('15:00', '23:00')
    other!.contract({ declaredHours: [{ days: week, start: '15:00', end: '23:30', approvedBy: 'a manager' }] })
    parent!.livesAt(cast.home('Madrid')).role('developer')
    parent!.contract({
      declaredHours: [
        { days: week, start: '05:00', end: '08:30', approvedBy: 'a manager' },
        { days: week, start: '19:30', end: '00:00', approvedBy: 'a manager' },
      ],
    })
    parent!.on('workdays', (stage) => stage.works('05:10', '08:20').works('19:40', '23:40'))
  },
}

const USUAL = { days: [1, 2, 3, 4, 5], start: '08:00', end: '18:30' }
