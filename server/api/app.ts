/**
 * The HTTP side of the server: the API under /api/v1, the endpoint for feeds, the console's files, health and metrics.
 *
 * Errors  every refusal is `ApiError` JSON. An error that is not a `Fault` goes to `onError` and is answered with
 *         'api.failed'.
 */
import { OpenAPIHono } from '@hono/zod-openapi'
import { compress } from 'hono/compress'
import { HTTPException } from 'hono/http-exception'
import { Fault } from '../../wire/fault.ts'
import { SignIn } from '../access/sign-in.ts'
import { type Ctx, clientAddress, type Deps, type Env } from './deps.ts'
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
import { sessionRoutes } from './routes/sessions.ts'
import { workerRoutes } from './routes/workers.ts'

export function api(deps: Deps): OpenAPIHono<Env> {
  const signIn = new SignIn(deps.store, deps.now, deps.random)
  const guarded = guard(signIn, cookies(deps.secureCookies))
  const app = new OpenAPIHono<Env>()

  app.use(securityHeaders)
  // Before the host name check: probes use any name, and these two routes reveal nothing about people; a feed has a
  // token, which no foreign page knows.
  app.get('/healthz', (c) => c.text('ok\n'))
  app.get('/readyz', (c) => (deps.ready() ? c.text('ready\n') : c.text('not ready\n', 503)))
  feedRoutes(app, deps)
  app.use(knownHost(deps.hosts))
  app.use(sameOrigin)
  app.get('/metrics', metricsReader, async (c) =>
    c.text(await deps.metricsText(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
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
  categoryRoutes(v1, guarded)
  auditRoutes(v1, deps, guarded)
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
    if (cause instanceof Fault) return answer(c, cause)
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

  /**
   * Metrics name no worker, but reveal the size of the fleet: they are for a scraper on this machine, or for signed-in
   * users. A proxy on this machine connects from loopback for everybody, and says so in its headers.
   */
  async function metricsReader(c: Ctx, next: () => Promise<void>) {
    const address = clientAddress(c)
    const local = address === '::1' || address.startsWith('127.')
    const proxied = c.req.header('X-Forwarded-For') !== undefined || c.req.header('Forwarded') !== undefined
    return local && !proxied ? next() : guarded.may('metrics.read')(c, next)
  }
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
