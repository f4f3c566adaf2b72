/** POST /enrollment-tokens: a token for one laptop. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { knownGroup } from '../../ingest/groups.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { EnrollmentRequest, EnrollmentToken } from '../schema.ts'

export function enrollmentRoutes(app: OpenAPIHono<Env>, { enrollmentToken, groups }: Deps, { may }: Guard): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/enrollment-tokens',
      summary: 'A one-time token that enrolls one laptop; shown once, never stored',
      middleware: may('laptop.enroll'),
      request: body(EnrollmentRequest),
      responses: answers(EnrollmentToken),
    }),
    async (c) => {
      const { worker, group } = c.req.valid('json')
      knownGroup(group, groups())
      return c.json(await enrollmentToken({ worker, group, by: c.get('session').user.name }), 200)
    },
  )
}
