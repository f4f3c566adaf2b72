/** Changing one's own password. */
import { useSignal } from '@preact/signals'
import { PasswordForm } from '../parts/password-form.tsx'
import { session } from '../session.ts'
import './password.css'

export function Password() {
  const saved = useSignal(false)
  if (!session.value) return null
  return (
    <div class="narrow">
      <h1>{session.value.passwordSet ? 'Change password' : 'Choose a password'}</h1>
      {saved.value ? (
        <p class="notice notice-good" role="status">
          Saved. Your other sessions have ended.
        </p>
      ) : (
        <section class="panel">
          <PasswordForm session={session.value} done={() => (saved.value = true)} />
        </section>
      )}
    </div>
  )
}
