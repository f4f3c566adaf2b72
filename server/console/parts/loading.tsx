/** In place of a page that is still loading. Keys wait for it. */
import type { ComponentChildren } from 'preact'
import { useWaitingKeys } from '../keys.ts'

export function Loading({ children }: { children: ComponentChildren }) {
  useWaitingKeys(true)
  return <p class="loading">{children}</p>
}
