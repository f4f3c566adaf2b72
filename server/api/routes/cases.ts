/** POST /workers/{id}/verdict: decides a case; /workers/{id}/evidence: what it is decided by, for others to verify. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { Fault } from '../../../wire/fault.ts'
import { CaseView } from '../../model/case.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body, REFUSALS } from '../openapi.ts'
import { NewVerdict } from '../schema.ts'

export function caseRoutes(app: OpenAPIHono<Env>, { decide, evidence, store, now }: Deps, { may }: Guard): void {
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

  app.openapi(
    createRoute({
      method: 'post',
      path: '/workers/{id}/evidence',
      summary: 'The evidence about a worker in one signed file, for `tellwire evidence verify`',
      middleware: may('evidence.make'),
      request: { params: z.object({ id: z.string().min(1).max(256) }) },
      responses: {
        ...REFUSALS,
        200: { description: 'One JSON object a line', content: { 'text/plain': { schema: z.string() } } },
      },
    }),
    async (c) => {
      const { name } = c.get('session').user
      const { text, worker } = await evidence(c.req.valid('param').id, name)
      await store.audit.add({ at: now(), user: name, action: 'evidence.made', about: worker, detail: null })
      return c.text(text, 200, { 'Content-Disposition': 'attachment; filename="evidence.ndjson"' })
    },
  )
}
