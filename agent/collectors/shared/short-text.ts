/** Reads a small text file, such as the kernel's, and trims it. Null: it cannot be read. */
import type { Host } from '../../host/host.ts'

export function shortText(host: Host, path: string): Promise<string | null> {
  return host.readText(path, 4_096).then(
    (it) => it.trim(),
    () => null,
  )
}
