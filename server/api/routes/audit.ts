/** GET /audit: the audit log. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers } from '../openapi.ts'
import { AuditView } from '../schema.ts'

export function auditRoutes(app: OpenAPIHono<Env>, { store }: Deps, { may }: Guard): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/audit',
      summary: 'Who did what, newest first',
      middleware: may('audit.read'),
      request: { query: z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(200) }) },
      responses: answers(z.array(AuditView)),
    }),
    async (c) => c.json(await store.audit.newest(c.req.valid('query').limit), 200),
  )
}
