/**
 * Text from laptops, which is hostile: shown as text, with invisible characters made visible and long text cut.
 *
 * Control characters, bidirectional overrides, zero-width and private characters, blank look-alikes and piled-up
 * combining marks become small labels ('U+202E'), so that no name can look like another or turn its line around.
 */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import './text.css'

const INVISIBLE = /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}\p{DI}\u2800]|\p{M}{3,}/gu
const CUT = 240
/** The limit even after 'show all', so that a huge text cannot freeze the page. */
const ALL = 20_000

export function Text({ value, max = CUT }: { value: string; max?: number }) {
  const whole = useSignal(false)
  if (value.length <= max) return <bdi class="text">{pieces(value)}</bdi>
  const size = value.length.toLocaleString()
  return (
    <bdi class="text">
      {pieces(cut(value, whole.value ? ALL : max))}
      {whole.value ? (value.length > ALL ? '…' : '') : '… '}
      <button
        type="button"
        class="more"
        aria-expanded={whole.value}
        onClick={(event) => {
          event.preventDefault()
          whole.value = !whole.value
        }}
      >
        {whole.value ? 'show less' : `show all ${size} characters`}
      </button>
    </bdi>
  )
}

/** For a single line, and for attributes: no elements, the same labels in brackets. */
export function plain(value: string, max = CUT): string {
  const short = cut(value, max).replace(INVISIBLE, (found) => [...found].map((it) => `[${label(it)}]`).join(''))
  return value.length > max ? `${short}…` : short
}

function pieces(value: string): ComponentChildren[] {
  const out: ComponentChildren[] = []
  let from = 0
  for (const { 0: found, index } of value.matchAll(INVISIBLE)) {
    out.push(value.slice(from, index))
    for (const one of found) {
      out.push(
        <span class="unseen" title="A character that cannot be seen, shown by its number">
          {label(one)}
        </span>,
      )
    }
    from = index + found.length
  }
  out.push(value.slice(from))
  return out
}

function label(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}

/** Never cuts between the halves of one character. */
function cut(value: string, max: number): string {
  const end = value.charCodeAt(max - 1)
  return value.slice(0, end >= 0xd800 && end <= 0xdbff ? max - 1 : max)
}
