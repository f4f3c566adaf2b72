/** Single-key shortcuts. They can be switched off (WCAG 2.1.4), and are ignored while somebody types. */
import { effect, signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

export const keysOn = signal(localStorage.getItem('tellwire.keys') !== 'off')
effect(() => localStorage.setItem('tellwire.keys', keysOn.value ? 'on' : 'off'))

export type Keys = Record<string, (event: KeyboardEvent) => void>

export function useKeys(keys: Keys): void {
  // The newest handlers, without a new listener at every draw.
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !keysOn.value) return
      if (document.querySelector('dialog[open]') || typing(event.target)) return
      const act = latest.current[event.key]
      if (!act) return
      event.preventDefault()
      act(event)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
