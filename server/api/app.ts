/**
 * The HTTP side of the server: the API under /api/v1, the endpoint for feeds, the console's files, health and metrics.
 *
 * Errors  every refusal is `ApiError` JSON. An error that is not a `Fault` goes to `onError` and is answered with
 *         'api.failed'.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import { compress } from 'hono/compress'
import { HTTPException } from 'hono/http-exception'
import { Fault } from '../../wire/fault.ts'
import { SignIn } from '../access/sign-in.ts'
import { type Ctx, clientAddress, type Deps, type Env, isOverTls } from './deps.ts'
import { bodiesUpTo, cookies, guard, knownHost, sameOrigin, securityHeaders } from './guard.ts'
import { invalid, refusal } from './refusal.ts'
import { auditRoutes } from './routes/audit.ts'
import { caseRoutes } from './routes/cases.ts'
import { categoryRoutes } from './routes/categories.ts'
import { clusterRoutes } from './routes/clusters.ts'
import { CONTRACT_BYTES, CONTRACT_PATHS, contractRoutes } from './routes/contracts.ts'
import { enrollmentRoutes } from './routes/enrollment.ts'
import { eventRoutes } from './routes/events.ts'
import { feedRoutes } from './routes/feeds.ts'
import { laptopRoutes } from './routes/laptops.ts'
import { learningRoutes } from './routes/learning.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { userRoutes } from './routes/users.ts'
import { workerRoutes } from './routes/workers.ts'

export function api(deps: Deps): OpenAPIHono<Env> {
  const signIn = new SignIn(deps.store, deps.now, deps.random)
  const isSecure = (c: Ctx) => isOverTls(c, deps)
  const guarded = guard(signIn, cookies(isSecure))
  const app = new OpenAPIHono<Env>()

  app.use(securityHeaders(isSecure))
  // Before the host name check: probes use any name, and these two routes reveal nothing about people; a feed has a
  // token, which no foreign page knows.
  app.get('/healthz', (c) => c.text('ok\n'))
  app.get('/readyz', (c) => {
    const why = deps.notReady()
    return why === null ? c.text('ready\n') : c.text(`not ready: ${why}\n`, 503)
  })
  feedRoutes(app, deps)
  app.use(knownHost(deps.hosts))
  app.use(sameOrigin)
  app.get('/metrics', metricsReader, async (c) =>
    c.text(await deps.metrics.text(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
  )

  const [small, large] = [bodiesUpTo(16_384), bodiesUpTo(CONTRACT_BYTES)]
  app.use('/api/*', (c, next) => (CONTRACT_PATHS.test(c.req.path) ? large : small)(c, next))
  app.use('/api/*', compress({ encoding: 'gzip', contentTypeFilter: /^application\/json/ }))
  const v1 = new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.target, result.error.issues)
    },
  })
  sessionRoutes(v1, deps, signIn, guarded)
  eventRoutes(v1, deps, signIn, guarded)
  workerRoutes(v1, deps, guarded)
  caseRoutes(v1, deps, guarded)
  clusterRoutes(v1, deps, guarded)
  laptopRoutes(v1, deps, guarded)
  enrollmentRoutes(v1, deps, guarded)
  contractRoutes(v1, deps, guarded)
  learningRoutes(v1, deps, guarded)
  categoryRoutes(v1, guarded)
  auditRoutes(v1, deps, guarded)
  userRoutes(v1, deps, guarded)
  app.route('/api/v1', v1)
  app.doc31('/api/v1/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Tellwire',
      version: '1',
      description:
        'What the console reads. Sign in first; the session is a cookie. A request that changes something must carry ' +
        'the Origin of the console.',
    },
  })

  app.get('*', (c) => consoleFile(c, deps.files))
  app.notFound((c) => answer(c, new Fault('api.notfound', { where: 'path' })))
  app.onError((cause, c) => {
    if (cause instanceof Fault && !isOurs(cause)) return answer(c, cause)
    if (cause instanceof Fault) {
      deps.onError(cause)
      return answer(
        c,
        new Fault('server.busy', { why: 'The server cannot store data at the moment.', todo: 'Try again later.' }),
      )
    }
    // From Hono: a body that is not JSON, or is not declared as JSON.
    if (cause instanceof HTTPException && cause.status < 500)
      return answer(
        c,
        new Fault('api.invalid', { where: 'body', todo: 'Send JSON, with Content-Type application/json.', cause }),
      )
    deps.onError(cause)
    return answer(c, new Fault('api.failed'))
  })
  return app

  /** For a scraper with the token, for one on this machine when there is no proxy, and for signed-in users. */
  async function metricsReader(c: Ctx, next: () => Promise<void>) {
    const { token, isOpenToLoopback } = deps.metrics
    if (token !== null && isSame(c.req.header('Authorization') ?? '', `Bearer ${token}`)) return next()
    const address = clientAddress(c)
    const local = address === '::1' || address.startsWith('127.')
    const proxied = c.req.header('X-Forwarded-For') !== undefined || c.req.header('Forwarded') !== undefined
    return isOpenToLoopback && local && !proxied ? next() : guarded.may('metrics.read')(c, next)
  }
}

/** Faults about the server's own files have paths, which belong only in its log. */
function isOurs({ code }: Fault): boolean {
  return code.startsWith('store.')
}

/** Compares in constant time. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

function answer(c: Ctx, fault: Fault) {
  const { status, body } = refusal(fault)
  const { retryAfterMs } = fault.facts
  if (typeof retryAfterMs === 'number') c.header('Retry-After', String(Math.ceil(retryAfterMs / 1_000)))
  return c.json(body, status)
}

/** The console's files are fixed when the server starts: an exact path, or nothing. */
function consoleFile(c: Ctx, files: Deps['files']) {
  const file = files.get(c.req.path === '/' ? '/index.html' : c.req.path)
  if (!file) return answer(c, new Fault('api.notfound', { where: 'path' }))
  c.header('Content-Type', file.type)
  c.header('Cache-Control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
  c.header('ETag', file.etag)
  c.header('Vary', 'Accept-Encoding')
  if (c.req.header('If-None-Match') === file.etag) return c.body(null, 304)
  const accepted = c.req.header('Accept-Encoding') ?? ''
  const encoding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : null
  if (encoding) c.header('Content-Encoding', encoding)
  return c.body(encoding ? file[encoding] : file.body)
}
