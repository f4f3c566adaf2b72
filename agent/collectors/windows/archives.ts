/**
 * Archives on Windows, for `shared/archives.ts`.
 *
 * Blind   what Explorer and PowerShell pack elsewhere than in watched folders.
 * Source  the archivers' own command lines: 7-Zip (7z, 7za, 7zG), WinRAR (Rar, WinRAR), Windows' tar.
 */
import type { Windows } from '../../host/windows/calls.ts'
import { archives } from '../shared/archives.ts'
import type { OpenPlaces } from '../shared/watched-roots.ts'
import { folderLike, unixLike } from './kit/unix-like.ts'

/** `open`: where it has folders to watch. */
export function windowsArchives(windows: Windows, open: OpenPlaces) {
  const isRunning = async (_host: unknown, pid: number) => windows.process(pid).startedAt !== null
  const parts = archives(open, isRunning)
  const { onProgram } = parts
  return {
    ...parts,
    onProgram: (it: Parameters<typeof onProgram>[0]) =>
      onProgram({ ...it, args: unixLike(it.args), folder: folderLike(it.folder) }),
  }
}
