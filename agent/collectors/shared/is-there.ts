import type { Host } from '../../host/host.ts'

/** False also for what cannot be looked at. */
export function isThere(host: Host, path: string): Promise<boolean> {
  return host.stat(path).then(
    () => true,
    () => false,
  )
}
