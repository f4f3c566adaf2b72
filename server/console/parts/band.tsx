/** A band by shape, word and colour: each of the three is sufficient. */
import type { Band } from '../../model/assessment.ts'
import './band.css'

/** Paths in a square of 16. */
export const SHAPES: Record<Band, string> = {
  none: 'M4 8h8',
  low: 'M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6z',
  medium: 'M8 3l5.4 9.6H2.6z',
  high: 'M8 1.8L14.2 8L8 14.2L1.8 8z',
  critical: 'M5.2 1.6h5.6l3.6 3.6v5.6l-3.6 3.6H5.2l-3.6-3.6V5.2z',
}

export const BAND_WORDS: Record<Band, string> = {
  none: 'None',
  low: 'Low',
  medium: 'Medium',
  high: 'High',
  critical: 'Critical',
}

const ORDER: readonly Band[] = ['none', 'low', 'medium', 'high', 'critical']

export function isBelow(band: Band, other: Band): boolean {
  return ORDER.indexOf(band) < ORDER.indexOf(other)
}

export function BandIcon({ band }: { band: Band }) {
  return (
    <svg class="band-icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[band]} />
    </svg>
  )
}

export function BandChip({ band, large = false }: { band: Band; large?: boolean }) {
  return (
    <span class={`band band-${band}${large ? ' band-large' : ''}`}>
      <BandIcon band={band} />
      {BAND_WORDS[band]}
    </span>
  )
}
