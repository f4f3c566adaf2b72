/** A line to copy, and the button that does it. Where the clipboard is not allowed, the line is selected instead. */
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import './copy.css'

export function Copyable({ text, label }: { text: string; label: string }) {
  const result = useSignal('')
  const line = useRef<HTMLTextAreaElement>(null)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      result.value = 'Copied'
    } catch {
      line.current?.select()
      result.value = 'Selected: press Ctrl+C'
    }
  }
  return (
    <div class="copyable">
      <textarea ref={line} readOnly rows={1} spellcheck={false} aria-label={label} value={text} />
      <button type="button" onClick={copy}>
        Copy
      </button>
      <span class="muted" aria-live="polite">
        {result.value}
      </span>
    </div>
  )
}
