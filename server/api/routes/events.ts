/** GET /events: the live stream of notices. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import type { SignIn } from '../../access/sign-in.ts'
import { Notice } from '../../views/schema.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { live } from '../live.ts'

export function eventRoutes(app: OpenAPIHono<Env>, { queue }: Deps, signIn: SignIn, { may }: Guard): void {
  const streams = live(queue)

  app.openapi(
    createRoute({
      method: 'get',
      path: '/events',
      summary: "Server-Sent Events: 'changed' with the workers and lists that may have changed",
      middleware: may('worker.read'),
      responses: {
        200: { description: 'The stream.', content: { 'text/event-stream': { schema: Notice } } },
      },
    }),
    (c) => {
      const { secret } = c.get('session')
      return streams.stream(async () => (await signIn.session(secret)) !== null, c.req.raw.signal)
    },
  )
}
