/**
 * Repositories on Windows, for `shared/repositories.ts`: the command lines of any `git.exe`, such as the one that
 * GitHub Desktop brings along, and the source roots.
 *
 * Blind   repositories on a share and in WSL: a server that does not answer would stop every sweep, and one of the
 *         user's choice would be told who the agent is. Of a clone to a share the size is not known.
 * Source  gitfaq(7) and Git for Windows' release notes: `C:\…` and `C:/…` are folders, never a host named C.
 */
import type { Host } from '../../host/host.ts'
import type { Windows } from '../../host/windows/calls.ts'
import { repositories } from '../shared/repositories.ts'
import type { Places } from '../shared/watched-roots.ts'
import { folderLike, unixLike } from './kit/unix-like.ts'

/** `open`: where it has homes. */
export function windowsRepositories(windows: Pick<Windows, 'process'>, open: (host: Host) => Pick<Places, 'homes'>) {
  const isRunning = async (_host: unknown, pid: number) => windows.process(pid).startedAt !== null
  const parts = repositories(open, isRunning, 'windows')
  const { onProgram } = parts
  return {
    ...parts,
    onProgram: (it: Parameters<typeof onProgram>[0]) =>
      onProgram({ ...it, args: unixLike(it.args), folder: folderLike(it.folder) }),
  }
}
