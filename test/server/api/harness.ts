/** The API without a socket: a clock that a test sets, the real views on data in memory, a cookie jar. */
import { randomBytes } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { addUser, makeOneTimeLink } from '../../../server/access/sign-in.ts'
import { api } from '../../../server/api/app.ts'
import type { Deps } from '../../../server/api/deps.ts'
import { regroup } from '../../../server/ingest/groups.ts'
import { revoke } from '../../../server/ingest/revocation.ts'
import type { Effect } from '../../../server/model/effect.ts'
import { approvals } from '../../../server/roster/approvals.ts'
import { contracts } from '../../../server/roster/contracts.ts'
import type { AddressFacts, Recorded } from '../../../wire/recording.ts'
import { AUSTIN } from '../events.ts'
import { stage as makeStage } from '../views/stage.ts'

export const PASSWORD = 'correct horse battery'
/** The answer of every question what an approval would change. */
const EFFECT: Effect = {
  before: { high: 23, open: 412, clusters: 4, confirmed: 7 },
  after: { high: 8, open: 17, clusters: 2, confirmed: 7 },
  ...{ confirmed: 7, moves: 31 },
  moved: [{ worker: 'w1', from: { points: 11, band: 'high' }, to: { points: -9, band: 'low' } }],
  stay: [{ worker: 'w2', from: { points: 85, band: 'critical' }, to: { points: 85, band: 'critical' } }],
}

export type Harness = Awaited<ReturnType<typeof harness>>

export async function harness(about: Partial<Deps> = {}) {
  const clock = { at: 1_790_000_000_000 }
  const now = about.now ?? (() => clock.at)
  const stage = await makeStage({ now })
  const { store, directory, stream } = stage
  const failures: unknown[] = []
  /** The contract and laptop records written by the API. */
  const log: Recorded[] = []
  /** Approvals whose effect was asked for. */
  const asked: Recorded[] = []
  const tokens: { worker: string | null; group: string | null; by: string }[] = []
  const lookup = (address: string): AddressFacts => ({ ...AUSTIN, country: address.startsWith('198.') ? 'DE' : 'US' })
  const append = async (records: readonly Recorded[]) => {
    log.push(...records)
    await stage.records(...records)
  }
  const app = api({
    reader: stage.reader,
    queue: stage.queue,
    decide: stage.decide,
    async enrollmentToken(about) {
      tokens.push(about)
      return { token: `tw1.${'dG9rZW4'.repeat(30)}`, expiresAt: now() + 3_600_000 }
    },
    async revoke(device, why, by) {
      const isKnown = await revoke(store, device, { by, why, at: now() })
      if (isKnown) await stage.queue.changed(device)
      return isKnown
    },
    groups: () => ['designers', 'builders'],
    async regroup(device, group, by) {
      const isKnown = await regroup(store, device, group, { by, at: now() })
      if (isKnown) await stage.queue.changed(device)
      return isKnown
    },
    contracts: contracts({ directory, append, audit: (entry) => store.audit.add(entry), now }),
    approvals: approvals({ directory, append, audit: (entry) => store.audit.add(entry), now }),
    evidence: async (worker, by) => ({ worker, text: `about ${worker}, for ${by}` }),
    async effect(approvals) {
      asked.push(...approvals)
      return EFFECT
    },
    feeds: { lookup, append: async (lines) => (await stream.publish(lines)).duplicates.length },
    store,
    now,
    random: randomBytes,
    metrics: { text: async () => 'tellwire_events_total 3\n', token: null, isOpenToLoopback: true },
    notReady: () => null,
    isPublicOverTls: false,
    hosts: ['tellwire.example'],
    files: new Map(),
    onError: (cause) => failures.push(cause),
    ...about,
  })

  /** One browser at an address: keeps the cookie, and sends a browser's headers. */
  function browser(address = '203.0.113.1') {
    const env = { incoming: { socket: { remoteAddress: address } } } as unknown as HttpBindings
    let cookie: string | null = null
    const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const request = {
        method,
        headers: {
          ...(cookie && { Cookie: cookie }),
          ...(method !== 'GET' && { 'Sec-Fetch-Site': 'same-origin', Origin: 'http://localhost' }),
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }
      const response = await app.request(path, request, env)
      const set = response.headers.get('Set-Cookie')
      if (set) cookie = set.split(';')[0] ?? null
      return response
    }
    return {
      get: (path: string, headers?: Record<string, string>) => send('GET', path, undefined, headers),
      /** The response as JSON. */
      read: async <T>(path: string): Promise<T> => (await send('GET', path)).json() as Promise<T>,
      post: (path: string, body: unknown, headers?: Record<string, string>) => send('POST', path, body, headers),
      put: (path: string, body: unknown) => send('PUT', path, body),
      patch: (path: string, body: unknown) => send('PATCH', path, body),
      delete: (path: string) => send('DELETE', path),
      cookie: () => cookie,
      steal: (stolen: string | null) => {
        cookie = stolen
      },
    }
  }

  const secretOf = (link: string) => link.replace('/#/welcome/', '')
  const link = async () => secretOf(await makeOneTimeLink(store, now(), randomBytes))

  /** A new user who signed in by link and set a password. */
  async function signedIn(role: 'admin' | 'analyst' | 'viewer', name: string = role) {
    const person = browser()
    const secret = secretOf(await addUser(store, name, role, now(), randomBytes))
    await person.post('/api/v1/session/once', { secret })
    await person.post('/api/v1/users/me/password', { current: null, password: PASSWORD, name: null })
    return person
  }

  return { app, stage, store, log, asked, tokens, clock, failures, browser, link, signedIn }
}
