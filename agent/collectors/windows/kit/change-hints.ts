/**
 * Says that something changed in a folder or below it, without keeping anybody from what is theirs.
 *
 * Shape   only a hint, as `WatchFolder` says: the sweep finds what changed. A folder is watched as a whole, by one
 *         handle, which Windows tells of everything below. A drive is not opened, because its owner could not remove it
 *         safely while the agent holds a handle: its free space is looked at instead.
 * Units   free space every 3 s.
 * Errors  a watch that breaks is reported once, and the folder is swept as if it had none.
 * Blind   what leaves a drive's free space as it was; the sweep each minute finds that.
 * Source  ReadDirectoryChangesW through libuv; GetDiskFreeSpaceExW.
 */
import { type FSWatcher, watch } from 'node:fs'
import type { Windows } from '../../../host/windows/calls.ts'
import type { WatchFolder } from '../../shared/folder-watcher.ts'

const SPACE_MS = 3_000

export const changeHints =
  (windows: Pick<Windows, 'freeBytes'>): WatchFolder =>
  (root, { ignore }, onChange, onError) =>
    /^[A-Za-z]:$/.test(root) ? spaceHints(windows, root, onChange) : folderHints(root, ignore, onChange, onError)

function spaceHints(windows: Pick<Windows, 'freeBytes'>, drive: string, onChange: () => void) {
  let before = windows.freeBytes(drive)
  const timer = setInterval(() => {
    const now = windows.freeBytes(drive)
    if (now !== before) onChange()
    before = now
  }, SPACE_MS)
  return {
    close: async () => clearInterval(timer),
  }
}

function folderHints(
  root: string,
  ignore: ReadonlySet<string>,
  onChange: () => void,
  onError: (cause: unknown) => void,
) {
  let watcher: FSWatcher | null = null
  try {
    watcher = watch(root, { recursive: true, persistent: false })
    watcher.on('change', (_kind, name) => {
      if (!isIgnored(name, ignore)) onChange()
    })
    watcher.on('error', (cause) => {
      onError(cause)
      watcher?.close()
    })
  } catch (cause) {
    onError(cause)
  }
  return {
    close: async () => watcher?.close(),
  }
}

/** Null: too much changed at once for Windows to say what. */
function isIgnored(name: string | Buffer | null, ignore: ReadonlySet<string>): boolean {
  return (
    name !== null &&
    String(name)
      .split('\\')
      .some((it) => ignore.has(it))
  )
}
