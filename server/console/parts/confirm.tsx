/** A question before something is done that is hard to undo. Escape or Cancel changes nothing. */
import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { useSending } from '../sending.ts'
import { Failure } from './failure.tsx'
import './confirm.css'

export interface Question {
  title: string
  /** What will happen. */
  about: ComponentChildren
  /** Fields of the form. */
  fields?: ComponentChildren
  /** The label of the button that does it. */
  act: string
  /** The dialog closes when it resolves, and shows the server's refusal. */
  send(form: FormData): Promise<unknown>
}

const question = signal<Question | null>(null)

export function confirm(asked: Question): void {
  question.value = asked
}

/** Once per page, so that redrawing a list does not close an open dialog. */
export function ConfirmDialog() {
  return question.value ? <Dialog question={question.value} /> : null
}

function Dialog({ question: { title, about, fields, act, send } }: { question: Question }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { busy, failure, send: sending } = useSending()
  useLayoutEffect(() => dialog.current?.showModal(), [])

  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    return sending(async () => {
      await send(form)
      dialog.current?.close()
    })
  }

  return (
    <dialog class="confirm" ref={dialog} aria-labelledby="confirm-title" onClose={() => (question.value = null)}>
      <h2 id="confirm-title">{title}</h2>
      <form onSubmit={submit}>
        <p>{about}</p>
        {fields}
        {failure.value && <Failure failure={failure.value} />}
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy.value}>
            {act}
          </button>
        </div>
      </form>
    </dialog>
  )
}
