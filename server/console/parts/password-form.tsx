/** Choosing a password: length matters more than complexity, so only the length is checked. */
import { useSignal } from '@preact/signals'
import type { SessionView } from '../../api/schema.ts'
import { ask } from '../api.ts'
import { PASSWORD_MIN } from '../limits.ts'
import { useSending } from '../sending.ts'
import { session as current } from '../session.ts'
import './password-form.css'

export function PasswordForm({ session, done }: { session: SessionView; done: () => void }) {
  const { busy, failure, send } = useSending()
  const differs = useSignal(false)
  const length = useSignal(0)
  const save = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const text = (name: string) => (form.has(name) ? String(form.get(name)) : null)
    differs.value = text('password') !== text('again')
    if (differs.value) return
    const body = { current: text('current'), password: text('password'), name: text('name') }
    return send(async () => {
      current.value = await ask<SessionView>('/users/me/password', { method: 'POST', body })
      done()
    })
  }
  const trouble = differs.value
    ? 'The two passwords are not the same.'
    : (failure.value?.todo ?? failure.value?.message ?? null)
  return (
    <form onSubmit={save}>
      {session.passwordSet ? (
        <input
          type="text"
          class="sr-only"
          tabIndex={-1}
          aria-hidden="true"
          readOnly
          autocomplete="username"
          value={session.name}
        />
      ) : (
        <label>
          Name
          <input
            name="name"
            required
            maxLength={64}
            pattern="[A-Za-z0-9][A-Za-z0-9._@\-]*"
            title="Letters, digits, dots, dashes or @"
            defaultValue={session.name}
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
          />
        </label>
      )}
      {session.passwordSet && !session.byLink && (
        <label>
          Current password
          <input name="current" type="password" required maxLength={256} autocomplete="current-password" />
        </label>
      )}
      <label>
        New password
        <input
          name="password"
          type="password"
          required
          minLength={PASSWORD_MIN}
          maxLength={256}
          autocomplete="new-password"
          aria-describedby="password-hint"
          onInput={(event) => (length.value = event.currentTarget.value.length)}
        />
      </label>
      <p id="password-hint" class="muted hint">
        At least {PASSWORD_MIN} characters; a few words in a row are fine.{' '}
        {length.value > 0 && (length.value < PASSWORD_MIN ? `${PASSWORD_MIN - length.value} to go.` : 'Long enough.')}
      </p>
      <label>
        Repeat the new password
        <input name="again" type="password" required maxLength={256} autocomplete="new-password" />
      </label>
      {trouble !== null && (
        <p class="notice notice-bad" role="alert">
          {trouble}
        </p>
      )}
      <button type="submit" class="primary wide" disabled={busy.value}>
        Save
      </button>
    </form>
  )
}
