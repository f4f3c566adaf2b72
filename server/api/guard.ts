/** Checks for every request: headers, known host names, same origin, bounded bodies, and who is signed in. */
import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { Fault } from '../../wire/fault.ts'
import { mayDo, type Permission, ROLES_WITH } from '../access/permissions.ts'
import type { OpenSession, SignIn } from '../access/sign-in.ts'
import type { Ctx, Env } from './deps.ts'

const HEADERS: Record<string, string> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
    "require-trusted-types-for 'script'; trusted-types 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
}

const HSTS = 'max-age=31536000'

/** On every response, refusals too. API responses are never cached; the console's files set their own header. */
export function securityHeaders(isSecure: (c: Ctx) => boolean): MiddlewareHandler<Env> {
  return async (c, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value)
    if (isSecure(c)) c.res.headers.set('Strict-Transport-Security', HSTS)
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store')
  }
}

/**
 * Refuses unknown host names: a foreign page can point its own name at this address (DNS rebinding) and would then
 * be same-origin. An address as host cannot be rebound.
 */
export function knownHost(hosts: readonly string[]): MiddlewareHandler<Env> {
  const known = new Set(['localhost', ...hosts.map((host) => host.toLowerCase())])
  return async (c, next) => {
    const host = new URL(c.req.url).hostname.toLowerCase()
    if (!known.has(host) && isIP(host.replace(/^\[|\]$/g, '')) === 0)
      throw new Fault('api.forbidden', {
        where: 'header Host',
        why: 'This host name is not configured.',
        todo: "Open the console by its address, or add the name to the server's hostNames.",
      })
    await next()
  }
}

/** A request that changes something must come from our own page. Browsers always send the origin; scripts have to. */
export const sameOrigin: MiddlewareHandler<Env> = async (c, next) => {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return next()
  const site = c.req.header('Sec-Fetch-Site')
  const origin = c.req.header('Origin')
  const ours =
    (site === undefined || site === 'same-origin') &&
    (origin === undefined ? site !== undefined : hostOf(origin) === new URL(c.req.url).host)
  if (!ours) throw new Fault('api.forbidden', { where: 'header Origin', todo: 'Send this from the console itself.' })
  return next()
}

// Compares the host only: behind a TLS-terminating proxy the browser used another scheme than we see.
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

export function bodiesUpTo(bytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: bytes,
    onError: () => {
      throw new Fault('wire.oversize', { where: 'body', todo: `Send at most ${bytes / 1_024} KiB.` })
    },
  })
}

export interface Cookies {
  read(c: Ctx): string | null
  write(c: Ctx, secret: string): void
  clear(c: Ctx): void
}

/** Without TLS (loopback only) browsers refuse the __Host- prefix, which binds the cookie to this host. */
export function cookies(isSecure: (c: Ctx) => boolean): Cookies {
  const nameFor = (c: Ctx) => (isSecure(c) ? '__Host-tellwire' : 'tellwire')
  const optionsFor = (c: Ctx) => ({ path: '/', httpOnly: true, sameSite: 'Strict', secure: isSecure(c) }) as const
  return {
    read: (c) => getCookie(c, nameFor(c)) ?? null,
    write: (c, secret) => setCookie(c, nameFor(c), secret, optionsFor(c)),
    clear: (c) => void deleteCookie(c, nameFor(c), optionsFor(c)),
  }
}

export interface Guard {
  cookies: Cookies
  /** Requires a signed-in user. */
  signedIn: MiddlewareHandler<Env>
  /** Requires a signed-in user with the permission. */
  may(permission: Permission): MiddlewareHandler<Env>
}

export function guard(signIn: SignIn, jar: Cookies): Guard {
  const signedIn: MiddlewareHandler<Env> = async (c, next) => {
    await enter(c)
    await next()
  }
  const may = (permission: Permission): MiddlewareHandler<Env> => {
    return async (c, next) => {
      const { user } = await enter(c)
      if (!mayDo(user.role, permission))
        throw new Fault('api.forbidden', { todo: `Ask a user with the role ${ROLES_WITH[permission].join(' or ')}.` })
      await next()
    }
  }
  return { cookies: jar, signedIn, may }

  async function enter(c: Ctx): Promise<OpenSession> {
    const secret = jar.read(c)
    const session = secret === null ? null : await signIn.session(secret)
    if (!session) throw new Fault('api.unauthenticated')
    c.set('session', session)
    return session
  }
}
