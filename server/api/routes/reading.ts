/** What analysts read, and the one thing they can make: an enrolment token. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { CATEGORIES } from '../../../wire/event.ts'
import { Fault } from '../../../wire/fault.ts'
import type { SignIn } from '../../access/sign-in.ts'
import type { Deps, Env } from '../deps.ts'
import { type Cookies, signedIn } from '../guard.ts'
import { live } from '../live.ts'
import { answers, body } from '../openapi.ts'
import { AuditView, CategoryView, EnrolmentRequest, EnrolmentToken, Laptop, WorkerPage, WorkerRow } from '../schema.ts'

export function readingRoutes(app: OpenAPIHono<Env>, deps: Deps, signIn: SignIn, jar: Cookies): void {
  const { desk, state } = deps
  const anybody = signedIn(signIn, jar)
  const streams = live((listener) => desk.onChange(listener))

  app.openapi(
    createRoute({
      method: 'get',
      path: '/workers',
      summary: 'Every worker, by band; within it what is decided last, then points, then name',
      middleware: anybody,
      responses: answers(z.array(WorkerRow)),
    }),
    (c) => c.json(desk.workers(), 200),
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/workers/{id}',
      summary: 'One worker: contract, score with its parts, findings with their events, timeline',
      middleware: anybody,
      request: { params: z.object({ id: z.string().min(1).max(256) }) },
      responses: answers(WorkerPage),
    }),
    async (c) => {
      const page = await desk.worker(c.req.valid('param').id)
      if (!page) throw new Fault('api.notfound', { where: 'worker' })
      return c.json(page, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/laptops',
      summary: 'Every laptop, with what can and cannot be seen on it',
      middleware: anybody,
      responses: answers(z.array(Laptop)),
    }),
    (c) => c.json(desk.laptops(), 200),
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/categories',
      summary: 'What is collected, category by category',
      middleware: anybody,
      responses: answers(z.array(CategoryView)),
    }),
    (c) =>
      c.json(
        Object.entries(CATEGORIES).map(([category, { origin, sensitive, on, about }]) => ({
          category,
          origin,
          sensitive,
          on: [...on],
          about,
        })),
        200,
      ),
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/enrolment-tokens',
      summary: 'A one-time token that enrols one laptop; shown once, kept nowhere',
      middleware: signedIn(signIn, jar, 'admin', 'analyst'),
      request: body(EnrolmentRequest),
      responses: answers(EnrolmentToken),
    }),
    (c) => {
      return c.json(desk.enrolmentToken(c.req.valid('json').worker, c.get('session').user.name), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/audit',
      summary: 'Who did what, newest first',
      middleware: signedIn(signIn, jar, 'admin'),
      request: { query: z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(200) }) },
      responses: answers(z.array(AuditView)),
    }),
    (c) => c.json(state.auditTrail(c.req.valid('query').limit), 200),
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/events',
      summary: "Server-Sent Events: 'changed' when anything above may answer differently",
      middleware: anybody,
      responses: {
        200: { description: 'The stream.', content: { 'text/event-stream': { schema: z.string() } } },
      },
    }),
    (c) => {
      const { secret } = c.get('session')
      return streams.stream(() => signIn.session(secret) !== null, c.req.raw.signal)
    },
  )
}
