/** Signing in and out: /session, /session/once, /users/me/password. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { Fault } from '../../../wire/fault.ts'
import { signInLimits } from '../../access/limits.ts'
import { permissionsOf } from '../../access/permissions.ts'
import type { OpenSession, SignIn } from '../../access/sign-in.ts'
import { networkOf } from '../../ingest/address.ts'
import { type Ctx, clientAddress, type Deps, type Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { LinkExchange, Login, PasswordChange, SessionView } from '../schema.ts'

export function sessionRoutes(app: OpenAPIHono<Env>, deps: Deps, signIn: SignIn, { cookies, signedIn }: Guard): void {
  const limits = signInLimits(deps.now)
  const attempt = (c: Ctx, name: string | null) =>
    limits.attempt(networkOf(clientAddress(c, deps.trustedProxies)), name)

  app.openapi(
    createRoute({
      method: 'get',
      path: '/session',
      summary: 'The signed-in user and their permissions',
      middleware: signedIn,
      responses: answers(SessionView),
    }),
    (c) => c.json(view(c.get('session')), 200),
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/session',
      summary: 'Sign in by name and password',
      request: body(Login),
      responses: answers(SessionView),
    }),
    async (c) => {
      const { name, password } = c.req.valid('json')
      const succeeded = attempt(c, name)
      const secret = await signIn.byPassword(name, password)
      return c.json(await enter(c, secret, 'The name or the password is wrong.', succeeded), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/session/once',
      summary: 'Sign in by a one-time link',
      request: body(LinkExchange),
      responses: answers(SessionView),
    }),
    async (c) => {
      const succeeded = attempt(c, null)
      const secret = await signIn.byLink(c.req.valid('json').secret)
      const why = 'This link is unknown, used or expired. Create a new one on the server.'
      return c.json(await enter(c, secret, why, succeeded), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/session',
      summary: 'Sign out',
      middleware: signedIn,
      responses: answers(null),
    }),
    async (c) => {
      await signIn.end(c.get('session'))
      cookies.clear(c)
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/users/me/password',
      summary: 'Set or change your password; ends your other sessions',
      middleware: signedIn,
      request: body(PasswordChange),
      responses: answers(SessionView),
    }),
    async (c) => {
      const session = c.get('session')
      const succeeded = limits.inSession(session.secret)
      const secret = await signIn.setPassword(session, c.req.valid('json'))
      return c.json(await enter(c, secret, 'This session has ended. Sign in again.', succeeded), 200)
    },
  )

  async function enter(c: Ctx, secret: string | null, why: string, succeeded: () => void): Promise<SessionView> {
    const session = secret === null ? null : await signIn.session(secret)
    if (!session) throw new Fault('api.unauthenticated', { why })
    succeeded()
    cookies.write(c, session.secret)
    return view(session)
  }

  function view({ user, byLink }: OpenSession): SessionView {
    const { name, role, passwordHash } = user
    const { simulated = false } = deps
    return { name, role, passwordSet: passwordHash !== null, may: permissionsOf(role), byLink, simulated }
  }
}
