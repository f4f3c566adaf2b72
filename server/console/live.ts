/**
 * What the page shows stays true: one event stream says 'changed', and whatever is on screen asks again.
 *
 * Shape   the stream is closed while the page is hidden (browsers allow six connections to a host, for all tabs
 *         together) and opened again, with one fresh look, when it is seen.
 */
import { computed, effect, signal, useSignal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'
import { ApiFailure, ask } from './api.ts'
import { findSession, session } from './session.ts'

/** More often than this nobody can read. */
const AGAIN_AFTER_MS = 1_000
const RETRY_MS = 3_000

/** Counts notices; reading it in an effect asks for the next. */
const changes = signal(0)
export const connection = signal<'connecting' | 'live' | 'lost'>('connecting')
export const lastHeard = signal<number | null>(null)

export function listen(): void {
  const visible = signal(!document.hidden)
  document.addEventListener('visibilitychange', () => (visible.value = !document.hidden))
  // Whether, not who: asking for the session again makes a new object, which must not open a new stream.
  const wanted = computed(() => visible.value && Boolean(session.value))
  effect(() => (wanted.value ? stream() : undefined))
}

function stream(): () => void {
  let source: EventSource | null = null
  let again: ReturnType<typeof setTimeout> | undefined
  let notice: ReturnType<typeof setTimeout> | undefined
  const open = () => {
    source = new EventSource('/api/v1/events')
    source.onopen = () => {
      const back = connection.peek() === 'lost'
      connection.value = 'live'
      lastHeard.value = Date.now()
      // After a loss the page is stale. At the beginning it has just asked, and need not at once ask again.
      if (back) heard()
      else soon()
    }
    source.addEventListener('changed', soon)
    source.onerror = () => {
      connection.value = 'lost'
      // A refused stream stays closed: either we are signed out, or the server is busy and we come back later.
      if (source?.readyState !== EventSource.CLOSED) return
      findSession().catch(() => {})
      again = setTimeout(open, RETRY_MS)
    }
  }
  const soon = () => {
    // The first of a burst starts the clock; the rest ride along.
    notice ??= setTimeout(() => {
      notice = undefined
      heard()
    }, AGAIN_AFTER_MS)
  }
  const heard = () => {
    lastHeard.value = Date.now()
    changes.value++
  }
  open()
  return () => {
    source?.close()
    clearTimeout(again)
    clearTimeout(notice)
    connection.value = 'connecting'
  }
}

export interface Loaded<T> {
  data: T | null
  failure: ApiFailure | null
}

/** The answer of `path`, asked again on every change. Old data stays on screen while the new is on its way. */
export function useLive<T>(path: string): Loaded<T> {
  const loaded = useSignal<Loaded<T> & { path: string }>({ path, data: null, failure: null })
  // Before the first paint, not after: on a slow machine that is a tenth of a second.
  useLayoutEffect(() => {
    let gone = false
    let asking = false
    let again = false
    // One question at a time: were a newer one to cancel the older, a slow server would never be heard.
    const look = async () => {
      again = asking
      if (asking) return
      asking = true
      const answer = await ask<T>(path).catch((cause: unknown) => {
        if (cause instanceof ApiFailure) return cause
        throw cause
      })
      asking = false
      if (gone) return
      if (!(answer instanceof ApiFailure)) loaded.value = { path, data: answer, failure: null }
      else if (answer.status === 401) session.value = null
      else {
        const { path: shown, data } = loaded.peek()
        loaded.value = { path, data: shown === path ? data : null, failure: answer }
      }
      if (again) void look()
    }
    const unsubscribe = changes.subscribe(() => void look())
    return () => {
      gone = true
      unsubscribe()
    }
  }, [path])
  return loaded.value.path === path ? loaded.value : { data: null, failure: null }
}
