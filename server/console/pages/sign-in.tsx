/** Signing in: by name and password, or by a one-time link, after which both can be chosen. */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import type { SessionView } from '../../api/schema.ts'
import { ApiFailure, ask } from '../api.ts'
import { Failure } from '../parts/failure.tsx'
import { PasswordForm } from '../parts/password-form.tsx'
import { ThemePicker } from '../parts/shell.tsx'
import { go, replace, to } from '../route.ts'
import { useSending } from '../sending.ts'
import { findSession, session } from '../session.ts'
import './sign-in.css'

export function SignIn() {
  const { busy, failure, send } = useSending()
  useEffect(() => {
    document.title = 'Sign in · Tellwire'
  }, [])
  const enter = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    return send(async () => {
      session.value = await ask<SessionView>('/session', {
        method: 'POST',
        body: { name: form.get('name'), password: form.get('password') },
      })
    })
  }
  return (
    <Card title="Sign in">
      <form onSubmit={enter}>
        <label>
          Name
          <input name="name" required maxLength={64} autocomplete="username" autocapitalize="none" spellcheck={false} />
        </label>
        <label>
          Password
          <input name="password" type="password" required maxLength={256} autocomplete="current-password" />
        </label>
        {failure.value && (
          <p class="notice notice-bad" role="alert">
            {failure.value.todo ?? failure.value.message}
          </p>
        )}
        <button type="submit" class="primary wide" disabled={busy.value}>
          Sign in
        </button>
      </form>
      <p class="muted">
        No password yet, or forgotten? The server's administrator can create a one-time link with{' '}
        <code>npx tellwire user link NAME</code>.
      </p>
    </Card>
  )
}

export function Welcome({ secret }: { secret: string }) {
  const failure = useSignal<ApiFailure | null>(null)
  useEffect(() => {
    document.title = 'Welcome · Tellwire'
    if (secret === '') return
    // The link works once: remove it from the address and the history first.
    replace('welcome')
    ask<SessionView>('/session/once', { method: 'POST', body: { secret } })
      .then((opened) => (session.value = opened))
      .catch((cause: unknown) => {
        if (!(cause instanceof ApiFailure)) throw cause
        failure.value = cause
        // Somebody who is already signed in stays signed in.
        findSession().catch(() => (session.value = null))
      })
  }, [])

  if (failure.value)
    return (
      <Card title="This link does not work">
        <Failure failure={failure.value} />
        <p>
          <a href={to('')}>Sign in with a password</a>
        </p>
      </Card>
    )
  if (!session.value)
    return (
      <Card title="Welcome">
        <p role="status">{secret === '' ? 'This link is incomplete: open the whole link.' : 'Opening…'}</p>
        {secret === '' && <a href={to('')}>Sign in with a password</a>}
      </Card>
    )
  return (
    <Card title={session.value.passwordSet ? 'Choose a new password' : 'Welcome to Tellwire'}>
      <p>
        {session.value.passwordSet
          ? 'You signed in with a one-time link. Choose a new password, or keep the old one.'
          : 'You signed in with a one-time link, which is now used up. Choose how you sign in from now on.'}
      </p>
      <PasswordForm session={session.value} done={() => go('')} />
      <p>
        <a href={to('')}>{session.value.passwordSet ? 'Keep the old one' : 'Later'}</a>
        {!session.value.passwordSet && (
          <span class="muted"> You stay signed in for up to 12 hours; after that you need a new link.</span>
        )}
      </p>
    </Card>
  )
}

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="door">
      <main class="card">
        <p class="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M3 18h7l3-8 5 14 4-9 2 3h5" />
          </svg>
          Tellwire
        </p>
        <h1>{title}</h1>
        {children}
      </main>
      <ThemePicker />
    </div>
  )
}
