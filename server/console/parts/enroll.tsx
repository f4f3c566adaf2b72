/** Enrolling a laptop: for whom, then the command to run on it. The token is shown once and never stored. */
import { signal, useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { EnrollmentToken } from '../../api/schema.ts'
import { ask } from '../api.ts'
import { useSending } from '../sending.ts'
import { may } from '../session.ts'
import { Copyable } from './copy.tsx'
import { Failure } from './failure.tsx'
import { GroupField, groupNames } from './group.tsx'
import { Time } from './time.tsx'

const open = signal(false)

export function EnrollButton() {
  if (!may('laptop.enroll')) return null
  return (
    <button type="button" class="primary" onClick={() => (open.value = true)}>
      Enroll a laptop
    </button>
  )
}

/** Once per page, so that redrawing a list does not close an open dialog. */
export function EnrollDialog() {
  return open.value ? <Dialog /> : null
}

function Dialog() {
  const dialog = useRef<HTMLDialogElement>(null)
  const made = useSignal<EnrollmentToken | null>(null)
  const { busy, failure, send } = useSending()
  const groups = useSignal<string[]>([])
  useLayoutEffect(() => dialog.current?.showModal(), [])
  useEffect(() => {
    void groupNames().then((names) => (groups.value = names))
  }, [])

  const make = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const worker = String(form.get('worker') ?? '').trim()
    return send(async () => {
      made.value = await ask<EnrollmentToken>('/enrollment-tokens', {
        method: 'POST',
        body: { worker: worker || null, group: String(form.get('group') ?? '') || null },
      })
    })
  }

  return (
    <dialog ref={dialog} aria-labelledby="enroll-title" onClose={() => (open.value = false)}>
      <h2 id="enroll-title">Enroll a laptop</h2>
      {made.value ? (
        <>
          <p>On the laptop, in the folder where Tellwire is installed, run:</p>
          <Copyable label="Command to enroll" text={`npx tellwire agent enroll ${made.value.token}`} />
          <p>and then start the agent:</p>
          <Copyable label="Command to start" text="npx tellwire agent run" />
          <p class="notice">
            The token works once, until <Time ms={made.value.expiresAt} as="full" />. It is not shown again.
          </p>
          <div class="actions">
            <button type="button" class="primary" onClick={() => dialog.current?.close()}>
              Done
            </button>
          </div>
        </>
      ) : (
        <form onSubmit={make}>
          <label>
            Worker who holds it <span class="muted">(optional)</span>
            <input name="worker" maxLength={128} autocomplete="off" spellcheck={false} placeholder="w1" />
          </label>
          <p class="muted">
            The id from your roster. Without one, the laptop is listed but not compared with a contract.
          </p>
          {groups.value.length > 0 && <GroupField groups={groups.value} chosen={null} />}
          {failure.value && <Failure failure={failure.value} />}
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="primary" disabled={busy.value}>
              Create a token
            </button>
          </div>
        </form>
      )}
    </dialog>
  )
}
