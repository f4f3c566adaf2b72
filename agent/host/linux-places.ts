/**
 * Which reads on Linux can wait for somebody else, and which of them wait together.
 *
 * Shape   what the kernel answers from its own memory is safe: /proc without the files that need the memory of another
 *         process, whose lock a stuck process may hold. /sys is not: a driver may ask its device.
 *         A network or FUSE file system answers when its server does, so everything on one mount waits together.
 * Source  proc_pid_mountinfo(5), proc_pid_cmdline(5), proc_pid_environ(5), proc_pid_maps(5).
 */
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { isBelow, parseMounts } from '../collectors/shared/mounts.ts'
import type { Places } from './host.ts'

const MOUNTS = '/proc/self/mountinfo'
/** How long the list of mounts is used: a mount that is younger is found by the next read. */
const LISTED_MS = 2_000
/** Of another process: answered without its memory. */
const OF_PROCESS =
  /^\/proc\/(?:\d+|self|thread-self)(?:\/(?:stat|statm|status|comm|cgroup|exe|cwd|root|fd|ns|net|limits|io|oom_score_adj|loginuid|sessionid|mountinfo|mounts|uid_map|task|fd\/\d+|ns\/\w+|net\/[\w/]+))?$/
const REMOTE =
  /^(?:fuse(?:blk|ctl)?(?:\..*)?|nfs\d?|cifs|smb3|smbfs|9p|ceph|glusterfs|afs|davfs|lustre|ocfs2|gfs2|autofs|virtiofs|beegfs|orangefs|coda)$/
const SYSTEM = /^\/(?:etc|usr|opt|boot|var\/lib|var\/log|proc|sys|run\/systemd|run\/utmp)(?:\/|$)/

export function linuxPlaces(now: () => number = () => performance.now(), mountinfo = readMounts): Places {
  let listedAt = Number.NEGATIVE_INFINITY
  let text = ''
  /** Mount points of file systems that need somebody else, longest first. */
  let remote: string[] = []

  function mounts(): readonly string[] {
    if (now() - listedAt < LISTED_MS) return remote
    listedAt = now()
    const next = mountinfo()
    if (next !== text) remote = remoteMounts(next)
    text = next
    return remote
  }
  return {
    isSafe: (path) =>
      path === '/proc' ||
      (path.startsWith('/proc/') && (!/^\/proc\/(?:\d|self|thread-self)/.test(path) || OF_PROCESS.test(path))),
    placeOf: (path) => {
      const process = /^\/proc\/\d+/.exec(path)
      return process ? process[0] : (mounts().find((it) => isBelow(path, it)) ?? path)
    },
    isSystemPlace: (path) => SYSTEM.test(path) && !mounts().some((it) => isBelow(path, it)),
    remoteBelow: (path) => mounts().filter((it) => it !== path && isBelow(it, path)),
  }
}

function readMounts(): string {
  try {
    return readFileSync(MOUNTS, 'utf8')
  } catch {
    return ''
  }
}

/** Mount points of file systems that answer when somebody else does, longest first. */
export function remoteMounts(text: string): string[] {
  const remote = parseMounts(text).found.filter(({ type }) => REMOTE.test(type) && type !== 'fusectl')
  return [...new Set(remote.map(({ at }) => posix.normalize(at)))].sort((a, b) => b.length - a.length)
}
