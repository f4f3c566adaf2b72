/**
 * Sign-ins over the network in macOS' log: of sshd, and of Screen Sharing, whose messages no file has.
 *
 * Shape   sshd's session is known by its address and port, because a process of its own writes the end. Screen Sharing
 *         does not log an end. A message counts only from the program that lies where macOS has it: any program may write
 *         the words.
 * Errors  null for any other line. An attempt that failed is no session.
 * Source  `log stream --style ndjson`: timestamp, processImagePath, eventMessage; OpenSSH auth.c and packet.c;
 *         screensharingd's 'Authentication: SUCCEEDED :: User Name: … :: Viewer Address: … :: Type: …' as public
 *         rules for it have it. Written from documentation; it has never run on a Mac.
 */
import { addressOf, type Step } from '../../shared/remote-logs.ts'

const SSHD = /^\/usr\/(?:sbin\/sshd|libexec\/sshd-(?:session|auth))$/
const SCREEN_SHARING = /^\/System\/Library\/CoreServices\/RemoteManagement\/screensharingd\.bundle\//
const MAX_LINE = 65_536

export interface SignIn {
  tool: 'sshd' | 'Apple Screen Sharing'
  step: Step
}

export function parseSignIn(line: string): SignIn | null {
  const { at, program, message } = messageIn(line) ?? { at: 0, program: '', message: '' }
  if (SSHD.test(program)) {
    const [, from = '', port = ''] = /^Accepted \S+ for .* from (\S+) port (\d{1,5})\b/.exec(message) ?? []
    const ip = addressOf(from)
    if (ip !== null)
      return { tool: 'sshd', step: { kind: 'open', key: `${ip} ${port}`, at, direction: 'incoming', ip } }
    const [, left = '', same = ''] = /^Disconnected from user \S+ (\S+) port (\d{1,5})\b/.exec(message) ?? []
    const gone = addressOf(left)
    return gone === null ? null : { tool: 'sshd', step: { kind: 'close', key: `${gone} ${same}`, at } }
  }
  if (!SCREEN_SHARING.test(program)) return null
  const [, viewer = ''] = /^Authentication: SUCCEEDED :: .*?Viewer Address: ([^\s:]\S*) ::/.exec(message) ?? []
  const ip = addressOf(viewer)
  if (ip === null) return null
  return { tool: 'Apple Screen Sharing', step: { kind: 'open', key: ip, at, direction: 'incoming', ip } }
}

/** The first line is no JSON: it says what is filtered. */
function messageIn(line: string): { at: number; program: string; message: string } | null {
  if (!line.startsWith('{') || line.length > MAX_LINE) return null
  try {
    const found = JSON.parse(line) as Record<string, unknown>
    const { timestamp, processImagePath: program, eventMessage: message } = found
    if (typeof timestamp !== 'string' || typeof program !== 'string' || typeof message !== 'string') return null
    const at = timeOf(timestamp)
    return at === null ? null : { at, program, message }
  } catch {
    return null
  }
}

/** '2026-11-02 09:00:00.123456+0100' */
function timeOf(text: string): number | null {
  const [, day, time, hours, minutes] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,9})?([+-]\d\d):?(\d\d)$/.exec(text) ?? []
  const at = Date.parse(`${day}T${time}${hours}:${minutes}`)
  return Number.isNaN(at) ? null : at
}
