/** Coming in and going out: /session, /session/once, /users/me/password. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { Fault } from '../../../wire/fault.ts'
import { attempts } from '../../access/rate.ts'
import type { OpenSession, SignIn } from '../../access/sign-in.ts'
import { type Ctx, clientAddress, type Deps, type Env } from '../deps.ts'
import { type Cookies, signedIn } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { LinkExchange, Login, PasswordChange, SessionView } from '../schema.ts'

const WINDOW_MS = 15 * 60_000
/** Per address all guesses together, per name from anywhere, and both: nobody locks the whole team out by guessing. */
const TRIES = { address: 30, name: 100, nameAtAddress: 6 }

export function sessionRoutes(app: OpenAPIHono<Env>, deps: Deps, signIn: SignIn, jar: Cookies): void {
  const limit = (max: number) => attempts({ max, windowMs: WINDOW_MS, now: deps.now })
  const limits = { address: limit(TRIES.address), name: limit(TRIES.name), nameAtAddress: limit(TRIES.nameAtAddress) }

  app.openapi(
    createRoute({
      method: 'get',
      path: '/session',
      summary: 'Who is signed in',
      middleware: signedIn(signIn, jar),
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
      const done = attempt(c, name)
      const secret = await signIn.byPassword(name, password)
      return c.json(enter(c, secret, 'The name or the password is not right.', done), 200)
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
    (c) => {
      const done = attempt(c, null)
      const secret = signIn.byLink(c.req.valid('json').secret)
      return c.json(enter(c, secret, 'This link is unknown, used or expired; make a new one on the server.', done), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/session',
      summary: 'Sign out',
      middleware: signedIn(signIn, jar),
      responses: answers(null),
    }),
    (c) => {
      signIn.end(c.get('session'))
      jar.clear(c)
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/users/me/password',
      summary: 'Choose or change the own password; ends every other session',
      middleware: signedIn(signIn, jar),
      request: body(PasswordChange),
      responses: answers(SessionView),
    }),
    async (c) => {
      const session = c.get('session')
      const done = attempt(c, session.user.name)
      const secret = await signIn.setPassword(session, c.req.valid('json'))
      return c.json(enter(c, secret, '', done), 200)
    },
  )

  /** Counts as a failure until `done` says otherwise, so that guesses in parallel are counted too. */
  function attempt(c: Ctx, name: string | null): () => void {
    const address = clientAddress(c, deps.trustedProxies)
    const counted = [
      { by: limits.address, key: address },
      ...(name === null
        ? []
        : [
            { by: limits.name, key: name.toLowerCase() },
            { by: limits.nameAtAddress, key: `${address} ${name.toLowerCase()}` },
          ]),
    ]
    const waitMs = Math.max(...counted.map(({ by, key }) => by.waitMs(key)))
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000)
      c.header('Retry-After', String(seconds))
      throw new Fault('rate.exceeded', { todo: `Try again in ${Math.ceil(seconds / 60)} minutes.` })
    }
    for (const { by, key } of counted) by.failed(key)
    return () => {
      // Not forgotten for the address: an own account must not buy more guesses at another's.
      limits.address.refund(address)
      for (const { by, key } of counted.slice(1)) by.forget(key)
    }
  }

  function enter(c: Ctx, secret: string | null, why: string, done: () => void): SessionView {
    const session = secret && signIn.session(secret)
    if (!session) throw new Fault('api.unauthenticated', { todo: why })
    done()
    jar.write(c, session.secret)
    return view(session)
  }
}

function view({ user, byLink }: OpenSession): SessionView {
  return { name: user.name, role: user.role, passwordSet: user.passwordHash !== null, byLink }
}
