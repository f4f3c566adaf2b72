/** The API without a socket: a clock that a test moves, a store in memory, a cookie jar. */
import { randomBytes } from 'node:crypto'
import { addUser, makeOneTimeLink } from '../../../server/access/sign-in.ts'
import { api } from '../../../server/api/app.ts'
import type { Deps } from '../../../server/api/deps.ts'
import { contracts } from '../../../server/roster/contracts.ts'
import { Directory } from '../../../server/roster/directory.ts'
import { memoryLog, memoryState } from '../../../server/store/memory/memory.ts'
import type { AddressFacts, Recorded } from '../../../wire/recording.ts'
import { AUSTIN } from '../events.ts'
import { fakeDesk } from '../views/fake-desk.ts'

export const PASSWORD = 'correct horse battery'

export function harness(about: Partial<Deps> = {}) {
  const clock = { at: 1_790_000_000_000 }
  const now = () => clock.at
  const desk = fakeDesk(now)
  const state = memoryState()
  const failures: unknown[] = []
  const directory = new Directory()
  const log: Recorded[] = []
  const stored = memoryLog()
  const lookup = (address: string): AddressFacts => ({ ...AUSTIN, country: address.startsWith('198.') ? 'DE' : 'US' })
  const append = async (records: readonly Recorded[]) => {
    for (const it of records) {
      log.push(it)
      directory.take(it)
    }
  }
  const app = api({
    desk,
    contracts: contracts({ directory, append, audit: (entry) => state.audit(entry), now }),
    feeds: { lookup, append: async (lines) => (await stored.append(lines)).duplicates.length },
    state,
    now,
    random: randomBytes,
    metricsText: async () => 'tellwire_events_total 3\n',
    ready: () => true,
    secureCookies: false,
    hosts: ['tellwire.example'],
    files: new Map(),
    onError: (cause) => failures.push(cause),
    ...about,
  })

  /** One person at a browser: keeps the cookie, sends what a browser sends. */
  function browser() {
    let cookie: string | null = null
    const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const response = await app.request(path, {
        method,
        headers: {
          ...(cookie && { Cookie: cookie }),
          ...(method !== 'GET' && { 'Sec-Fetch-Site': 'same-origin', Origin: 'http://localhost' }),
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const set = response.headers.get('Set-Cookie')
      if (set) cookie = set.split(';')[0] ?? null
      return response
    }
    return {
      get: (path: string, headers?: Record<string, string>) => send('GET', path, undefined, headers),
      post: (path: string, body: unknown, headers?: Record<string, string>) => send('POST', path, body, headers),
      put: (path: string, body: unknown) => send('PUT', path, body),
      delete: (path: string) => send('DELETE', path),
      cookie: () => cookie,
      steal: (stolen: string | null) => {
        cookie = stolen
      },
    }
  }

  const secretOf = (link: string) => link.replace('/#/welcome/', '')
  const link = () => secretOf(makeOneTimeLink(state, clock.at, randomBytes))

  /** A new user who came by link and chose a password. */
  async function signedIn(role: 'admin' | 'analyst' | 'viewer', name: string = role) {
    const person = browser()
    const secret = secretOf(addUser(state, name, role, clock.at, randomBytes))
    await person.post('/api/v1/session/once', { secret })
    await person.post('/api/v1/users/me/password', { current: null, password: PASSWORD, name: null })
    return person
  }

  return { app, desk, state, log, stored, clock, failures, browser, link, signedIn }
}
