/**
 * What a form does when it is sent: one request at a time, its failure beside the form.
 *
 * Errors  an `ApiFailure` becomes `failure`, until the next request succeeds; anything else is a bug, and is thrown.
 */
import { type Signal, useSignal } from '@preact/signals'
import { ApiFailure } from './api.ts'

export interface Sending {
  busy: Signal<boolean>
  failure: Signal<ApiFailure | null>
  /** Does nothing while an earlier request is on its way. */
  send(request: () => Promise<void>): Promise<void>
}

export function useSending(): Sending {
  const busy = useSignal(false)
  const failure = useSignal<ApiFailure | null>(null)
  const send = async (request: () => Promise<void>) => {
    if (busy.value) return
    busy.value = true
    try {
      await request()
      failure.value = null
    } catch (cause) {
      if (!(cause instanceof ApiFailure)) throw cause
      failure.value = cause
    } finally {
      busy.value = false
    }
  }
  return { busy, failure, send }
}
