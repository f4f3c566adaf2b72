/** A small file of the kernel's, or one that holds a name: without the blanks at its ends. Null: it cannot be read. */
import type { Host } from '../../host/host.ts'

export function shortText(host: Host, path: string): Promise<string | null> {
  return host.readText(path, 4_096).then(
    (it) => it.trim(),
    () => null,
  )
}
