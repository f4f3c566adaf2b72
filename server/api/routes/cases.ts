/** POST /workers/{id}/verdict: decides a case. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { Fault } from '../../../wire/fault.ts'
import { CaseView } from '../../model/case.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { NewVerdict } from '../schema.ts'

export function caseRoutes(app: OpenAPIHono<Env>, { decide }: Deps, { may }: Guard): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/workers/{id}/verdict',
      summary: 'Decide about a worker; evidence of a new kind reopens the case',
      middleware: may('case.decide'),
      request: { params: z.object({ id: z.string().min(1).max(256) }), ...body(NewVerdict) },
      responses: answers(CaseView),
    }),
    async (c) => {
      const decided = await decide(c.req.valid('param').id, c.req.valid('json'), c.get('session').user.name)
      if (!decided) throw new Fault('api.notfound', { where: 'worker' })
      return c.json(decided, 200)
    },
  )
}
