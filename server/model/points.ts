/** The score in words, for page and command line alike. No schema: the page must not load zod. */
import type { Band, Part } from './assessment.ts'

/** In decibans, with its sign: at +10, ten times as many infiltrators as others have it. */
export function signed(points: number): string {
  return points < 0 ? `−${-points}` : `+${points}`
}

/** Without evidence there is nothing to add up: the prior alone says nothing about somebody. */
export function pointsOf({ band, points }: { band: Band; points: number }): string {
  return band === 'none' ? '–' : signed(points)
}

/** 'no colleague of 412 shows this'; null: nobody was counted, or nobody else is there. */
export function howCommon(colleagues: Part['colleagues']): string | null {
  if (!colleagues || colleagues.of === 0) return null
  const of = colleagues.of.toLocaleString('en')
  if (colleagues.shown === 0) return `no colleague of ${of} shows this`
  return `${colleagues.shown.toLocaleString('en')} of ${of} colleagues ${colleagues.shown === 1 ? 'shows' : 'show'} this`
}
