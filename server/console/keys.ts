/**
 * Single-key shortcuts. They can be switched off (WCAG 2.1.4), and are ignored while somebody types.
 *
 * Shape   keys that are pressed while a page loads, or while a form is being sent, wait and then have their effect in
 *         order: an analyst who knows the next step does not have to wait for it.
 */
import { effect, signal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'

export const keysOn = signal(localStorage.getItem('tellwire.keys') !== 'off')
effect(() => localStorage.setItem('tellwire.keys', keysOn.value ? 'on' : 'off'))

/** A handler that returns false leaves the key to the browser. */
export type Keys = Record<string, (event: KeyboardEvent) => unknown>

export function useKeys(keys: Keys): void {
  // The newest handlers, without a new listener at every draw.
  const latest = useRef(keys)
  latest.current = keys
  // Before the page is painted, so that the next key finds them.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isCommand(event) || !keysOn.value) return
      if (document.querySelector('dialog[open]') || typing(event.target)) return
      const act = latest.current[event.key]
      if (!act) return
      if (act(event) !== false) event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

/** Keys wait while `isBusy`. */
export function useWaitingKeys(isBusy: boolean): void {
  useLayoutEffect(() => {
    if (!isBusy) return
    busy++
    return () => {
      busy--
      replay()
    }
  }, [isBusy])
}

type Pressed = Pick<KeyboardEvent, 'key' | 'shiftKey'>

const WAITING_MAX = 500
let busy = 0
let isReplaying = false
const waiting: Pressed[] = []

/** Capturing: before the handlers of the page that is about to be replaced. */
document.addEventListener(
  'keydown',
  (event) => {
    // What is replayed here is not trusted.
    if (!event.isTrusted || (busy === 0 && !isReplaying) || !keysOn.value) return
    if (isCommand(event) || document.querySelector('dialog[open]') || !canWait(event.key)) return
    // Nothing is waiting for the page that does not come: it can be left.
    if (event.key === 'Escape' && waiting.length === 0 && !typing(event.target)) return
    event.preventDefault()
    event.stopImmediatePropagation()
    if (waiting.length < WAITING_MAX) waiting.push({ key: event.key, shiftKey: event.shiftKey })
  },
  { capture: true },
)

function canWait(key: string): boolean {
  return key.length === 1 || /^(Enter|Escape|Backspace|Home|End|Page(Up|Down)|Arrow(Up|Down|Left|Right))$/.test(key)
}

/** One key at a time, each after the page has answered the one before; stops while the page is busy again. */
function replay(): void {
  if (isReplaying) return
  isReplaying = true
  setTimeout(step)
}

function step(): void {
  const next = busy === 0 ? waiting.shift() : undefined
  isReplaying = next !== undefined
  if (!next) return
  press(next)
  setTimeout(step)
}

/** What the browser does with a key that nobody has handled, as far as it matters here. */
function press({ key, shiftKey }: Pressed): void {
  const target = document.activeElement ?? document.body
  const event = new KeyboardEvent('keydown', { key, shiftKey, bubbles: true, cancelable: true })
  if (!target.dispatchEvent(event)) return
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement) write(target, key)
  else if (key === 'Enter' && target instanceof HTMLElement && target.matches('a, button, summary')) target.click()
}

function write(field: HTMLTextAreaElement | HTMLInputElement, key: string): void {
  const [start, end] = [field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length]
  if (key === 'Enter' && field instanceof HTMLInputElement) {
    field.form?.requestSubmit()
    return
  }
  if (key === 'Backspace') field.setRangeText('', start === end ? Math.max(0, start - 1) : start, end, 'end')
  else if (key === 'Enter' || key.length === 1) field.setRangeText(key === 'Enter' ? '\n' : key, start, end, 'end')
  else return
  field.dispatchEvent(new Event('input', { bubbles: true }))
}

/** Ctrl+C and the like are the browser's. */
function isCommand({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return ctrlKey || metaKey || altKey
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
