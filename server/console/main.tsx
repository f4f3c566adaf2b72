/** The console: the session decides what is drawn, the address decides which page. */
import './tokens.css'
import './base.css'
import './controls.css'
import { type ComponentChildren, render } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { ApiFailure } from './api.ts'
import { listen } from './live.ts'
import { PAGES } from './pages/index.ts'
import { SignIn, Welcome } from './pages/sign-in.tsx'
import { Loading } from './parts/loading.tsx'
import { Shell } from './parts/shell.tsx'
import { plain } from './parts/text.tsx'
import { route, to } from './route.ts'
import { findSession, session } from './session.ts'
import './theme.ts'

function Console() {
  const [path = '', ...rest] = route.value
  if (path === 'welcome') return <Welcome secret={rest[0] ?? ''} />
  if (session.value === undefined) return <Loading>Loading…</Loading>
  if (session.value === null) return <SignIn />
  // Who shortens the address of a worker means all of them.
  const wanted = path === 'workers' && (rest[0] ?? '') === '' ? '' : path
  const found = PAGES.find((page) => page.path === wanted)
  return (
    <Shell>
      {found ? (
        <Place title={plain(rest[0] ?? found.title, 60)} at={route.value.join('/')}>
          <found.page key={wanted} rest={rest} />
        </Place>
      ) : (
        <p class="notice">
          There is no such page. <a href={to('')}>To the list of workers</a>
        </p>
      )}
    </Shell>
  )
}

/** A page with its title. When somebody comes from another page, it scrolls to the top and takes the focus. */
function Place({ title, at, children }: { title: string; at: string; children: ComponentChildren }) {
  const from = useRef(at)
  useEffect(() => {
    document.title = `${title} · Tellwire`
  }, [title])
  // Before the next key: it must not lose the focus that it moved.
  useLayoutEffect(() => {
    if (from.current === at) return
    from.current = at
    scrollTo(0, 0)
    document.getElementById('main')?.focus({ preventScroll: true })
  }, [at])
  return <>{children}</>
}

async function begin(): Promise<void> {
  const place = document.getElementById('console')
  if (!place) return
  render(<Console />, place)
  listen()
  // A one-time link brings its own session; asking first would only report that there is none.
  if (route.value[0] === 'welcome' && route.value[1]) return
  while (session.value === undefined) {
    try {
      await findSession()
    } catch (cause) {
      if (!(cause instanceof ApiFailure)) throw cause
      await new Promise((done) => setTimeout(done, 2_000))
    }
  }
}

await begin()
