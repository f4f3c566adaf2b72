/**
 * Asks Windows whether something below some keys changed, which costs a microsecond, so that they need not be read.
 *
 * Errors  a key that is not there, or that may not be watched, is left out: it is read at the next full look.
 */
import type { Host } from '../../../host/host.ts'
import type { Registry, RegistryKey, RegistryWatch } from '../../../host/windows/calls.ts'

/** A full look, whatever the registry said. */
const READ_MS = 300_000

/** Calls `look` at once, when something below the keys that it named has changed, and every five minutes. */
export async function* lookAtKeys<T>(
  host: Host,
  registry: Registry,
  everyMs: number,
  signal: AbortSignal,
  look: (watch: KeyWatcher['watch']) => AsyncIterable<T>,
): AsyncIterable<T> {
  const watcher = keyWatcher(registry)
  let readAt = Number.NEGATIVE_INFINITY
  try {
    while (!signal.aborted) {
      if (watcher.changed() || host.elapsed() - readAt >= READ_MS) {
        readAt = host.elapsed()
        yield* look(watcher.watch)
      }
      await host.sleep(everyMs, signal)
    }
  } finally {
    watcher.close()
  }
}

interface KeyWatcher {
  watch(keys: readonly RegistryKey[]): void
  /** True once after each change. */
  changed(): boolean
  close(): void
}

function keyWatcher(registry: Registry): KeyWatcher {
  const watches = new Map<string, RegistryWatch>()
  return {
    watch(keys) {
      const wanted = new Map(keys.map((it) => [JSON.stringify(it), it]))
      for (const [id, it] of watches) {
        if (wanted.has(id)) continue
        it.close()
        watches.delete(id)
      }
      for (const [id, key] of wanted) {
        if (watches.has(id)) continue
        try {
          watches.set(id, registry.watch(key))
        } catch {
          // Not there (yet).
        }
      }
    },
    // All are asked, so that each forgets its change.
    changed: () => [...watches.values()].filter((it) => it.changed()).length > 0,
    close() {
      for (const it of watches.values()) it.close()
      watches.clear()
    },
  }
}
