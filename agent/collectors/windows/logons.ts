/**
 * Users who are signed in.
 *
 * Shape   'present' for all at the first poll, then 'logon' and 'logoff'. `LogonType` is console, or remote (Remote
 *         Desktop). A session that only was disconnected is still signed in.
 * Units   polled every 15 s.
 * Errors  SourceIp is null at the console, and where Windows does not say or has an IPv6 address.
 * Source  WTSEnumerateSessionsW. Wine 10 has one session, at the console: remote ones are seen on built data only.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { SessionRow, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'

const NAME = 'logons'
const EVERY_MS = 15_000

export const logons = (windows: Windows): Collector<'logon'> => ({
  name: NAME,
  categories: ['logon'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let known: Map<string, SessionRow> | null = null
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      // A session that is taken over from afar is another one.
      const now = new Map(windows.sessions().map((it) => [`${it.id} ${it.user} ${it.isRemote} ${it.address}`, it]))
      for (const [key, it] of now) if (!known?.has(key)) yield event(stamp, it, known === null ? 'present' : 'logon')
      for (const [key, it] of known ?? []) if (!now.has(key)) yield event(stamp, it, 'logoff')
      known = now
    } catch (cause) {
      yield gap(stamp, 'logon', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function event(stamp: { time: number; collector: string }, it: SessionRow, Action: 'present' | 'logon' | 'logoff') {
  const User = it.user === null ? null : bounded(it.user, 256)
  const LogonType = it.isRemote ? 'remote' : 'console'
  return { category: 'logon' as const, ...stamp, User, LogonType, SourceIp: it.address, Action }
}
