/** The frame of every page: navigation, state of the connection, theme, help. */
import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { keysOn, useKeys } from '../keys.ts'
import { connection, lastHeard } from '../live.ts'
import { PAGES } from '../pages/index.ts'
import { route, to } from '../route.ts'
import { may, session, signOut } from '../session.ts'
import { THEMES, theme } from '../theme.ts'
import { ConfirmDialog } from './confirm.tsx'
import { EnrollDialog } from './enroll.tsx'
import { Time } from './time.tsx'
import './dot.css'
import './shell.css'

const helpOpen = signal(false)

export function Shell({ children }: { children: ComponentChildren }) {
  useKeys({ '?': () => (helpOpen.value = true) })
  const here = route.value[0] ?? ''
  return (
    <>
      {/* No link: the fragment is our route, so this moves the focus and not the address. */}
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <header class="top">
        <a class="brand" href={to('')} aria-label="Tellwire, to the list of workers">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M3 18h7l3-8 5 14 4-9 2 3h5" />
          </svg>
          Tellwire
        </a>
        {session.value?.simulated && <strong class="simulated">Simulated data</strong>}
        <nav aria-label="Pages">
          {PAGES.filter(({ nav, needs }) => nav && (!needs || may(needs))).map(({ path, title }) => (
            <a
              key={path}
              href={to(path)}
              {...((here === path || (path === '' && here === 'workers')) && { 'aria-current': 'page' as const })}
            >
              {title}
            </a>
          ))}
        </nav>
        <div class="top-right">
          <ConnectionState />
          <ThemePicker />
          <button type="button" class="quiet" onClick={() => (helpOpen.value = true)} aria-label="Keyboard shortcuts">
            ?
          </button>
          <details class="menu">
            <summary>{session.value?.name}</summary>
            <div class="menu-body">
              <span class="muted">Role: {session.value?.role}</span>
              <a href={to('password')}>{session.value?.passwordSet ? 'Change password' : 'Choose a password'}</a>
              <button type="button" class="link" onClick={signOut}>
                Sign out
              </button>
            </div>
          </details>
        </div>
      </header>
      <LostBanner />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <EnrollDialog />
      <ConfirmDialog />
      {helpOpen.value && <Help />}
    </>
  )
}

function ConnectionState() {
  const words = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' }[connection.value]
  return (
    <span class={`connection connection-${connection.value}`}>
      <i aria-hidden="true" />
      {words}
    </span>
  )
}

function LostBanner() {
  return (
    <div aria-live="assertive" class="banner-place">
      {connection.value === 'lost' && (
        <p class="banner">
          <strong>Connection lost.</strong> This data is from{' '}
          {lastHeard.value === null ? 'before' : <Time ms={lastHeard.value} as="full" />}; reconnecting.
        </p>
      )}
    </div>
  )
}

export function ThemePicker() {
  return (
    <label class="theme">
      <span class="sr-only">Theme</span>
      <select value={theme.value} onChange={(event) => (theme.value = chosen(event.currentTarget.value))}>
        <option value="system">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  )
}

function chosen(value: string) {
  return THEMES.find((it) => it === value) ?? 'system'
}

const SHORTCUTS = [
  ['j  ↓', 'next worker'],
  ['k  ↑', 'previous worker'],
  ['Enter', 'open the worker'],
  ['n', 'open the next open case'],
  ['/', 'search'],
  ['1  2  3  4', 'on a worker: choose a verdict'],
  ['a', 'on the page Learning: approve'],
  ['Esc', 'back to the list; cancel the search or the verdict'],
  ['?', 'this help'],
] as const

function Help() {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <h2 id="help-title">Keyboard shortcuts</h2>
      <dl class="shortcuts">
        {SHORTCUTS.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split('  ').map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={keysOn.value}
          onChange={(event) => (keysOn.value = event.currentTarget.checked)}
        />
        Single-key shortcuts are on
      </label>
      <div class="actions">
        <button type="button" class="primary" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  )
}
