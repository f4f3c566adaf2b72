/**
 * Keeps the page up to date: one stream of notices says what may have changed, and every part of the screen that is
 * concerned loads its data again.
 *
 * Shape   the stream is closed while the page is hidden (browsers allow six connections to a host, for all tabs
 *         together) and opened again when it is visible. Notices in between are lost, so each opening counts as a
 *         change of everything.
 */
import { computed, effect, signal, useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Notice } from '../views/schema.ts'
import { ApiFailure, ask } from './api.ts'
import { findSession, session } from './session.ts'

const RETRY_MS = 3_000

export const connection = signal<'connecting' | 'live' | 'lost'>('connecting')
export const lastHeard = signal<number | null>(null)

/** Null: anything may have changed. */
type Listener = (notice: Notice | null) => void
const listeners = new Set<Listener>()

/** Returns a function that removes the listener. */
export function onNotice(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function listen(): void {
  const visible = signal(!document.hidden)
  document.addEventListener('visibilitychange', () => (visible.value = !document.hidden))
  // A boolean, not the session: loading the session again makes a new object, which must not open a new stream.
  const wanted = computed(() => visible.value && Boolean(session.value))
  effect(() => (wanted.value ? stream() : undefined))
}

function stream(): () => void {
  let source: EventSource | null = null
  let again: ReturnType<typeof setTimeout> | undefined
  const heard = (notice: Notice | null) => {
    lastHeard.value = Date.now()
    for (const it of listeners) it(notice)
  }
  const open = () => {
    source = new EventSource('/api/v1/events')
    source.onopen = () => {
      connection.value = 'live'
      heard(null)
    }
    source.addEventListener('changed', (event: MessageEvent<string>) => heard(JSON.parse(event.data) as Notice))
    source.onerror = () => {
      connection.value = 'lost'
      // A refused stream stays closed: either the session has ended, or the server is busy and we retry later.
      if (source?.readyState !== EventSource.CLOSED) return
      findSession().catch(() => {})
      again = setTimeout(open, RETRY_MS)
    }
  }
  open()
  return () => {
    source?.close()
    clearTimeout(again)
    connection.value = 'connecting'
  }
}

/** Runs `look` one at a time; calls during a run lead to one more run. */
export function oneAtATime(look: () => Promise<void>): () => void {
  let isLooking = false
  let again = false
  // A newer run does not cancel the older one: with a slow server none would ever finish.
  return async () => {
    again = isLooking
    if (isLooking) return
    isLooking = true
    try {
      do {
        again = false
        await look()
      } while (again)
    } finally {
      isLooking = false
    }
  }
}

/** What `work` resolves with, or the server's refusal. When the session has ended, shows the sign-in page. */
export async function asked<T>(work: Promise<T>): Promise<T | ApiFailure | null> {
  try {
    return await work
  } catch (cause) {
    if (!(cause instanceof ApiFailure)) throw cause
    if (cause.status !== 401) return cause
    session.value = null
    return null
  }
}

export interface Loaded<T> {
  data: T | null
  failure: ApiFailure | null
}

export interface LiveOptions<T> {
  /** Whether a notice concerns the data; omitted: none does. */
  concerns?: (notice: Notice, data: T | null) => boolean
  /** Reload after this many ms while shown, even without a notice; null: never. */
  everyMs?: (data: T) => number | null
}

/** The data at `path`, reloaded when they may have changed. Old data stay on screen until the new data arrive. */
export function useLive<T>(path: string, options: LiveOptions<T> = {}): Loaded<T> {
  const { data, failure, key } = useLook<T>(path, () => ask<T>(path), options)
  return key === path ? { data, failure } : { data: null, failure: null }
}

/**
 * The same for anything that `load` resolves with. The data belong to `key`; when one of the other `inputs` changes,
 * they are loaded again, and the old data stay on screen until then.
 */
export function useLook<T>(
  key: string,
  load: () => Promise<T>,
  options: LiveOptions<T>,
  inputs: readonly unknown[] = [],
): Loaded<T> & { key: string } {
  const loaded = useSignal<Loaded<T> & { key: string }>({ key, data: null, failure: null })
  // The newest of both, without loading again at every draw.
  const latest = useRef({ load, options })
  latest.current = { load, options }
  // Before the first paint, because after it costs a tenth of a second on a slow machine.
  useLayoutEffect(() => {
    let isGone = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = oneAtATime(async () => {
      clearTimeout(timer)
      const answer = await asked(latest.current.load())
      if (isGone || answer === null) return
      const before = loaded.peek()
      if (!(answer instanceof ApiFailure)) loaded.value = { key, data: answer, failure: null }
      else loaded.value = { key, data: before.key === key ? before.data : null, failure: answer }
      const { data } = loaded.peek()
      const pauseMs = data === null ? null : (latest.current.options.everyMs?.(data) ?? null)
      if (pauseMs !== null) timer = setTimeout(() => (document.hidden ? undefined : look()), pauseMs)
    })
    const unlisten = onNotice((notice) => {
      const { concerns } = latest.current.options
      if (notice === null || concerns?.(notice, loaded.peek().data)) look()
    })
    look()
    return () => {
      isGone = true
      clearTimeout(timer)
      unlisten()
    }
  }, [key, ...inputs])
  return loaded.value
}
