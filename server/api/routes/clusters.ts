/** GET /clusters: workers who share what unrelated people do not share. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { clusters } from '../../views/clusters.ts'
import { ClusterView } from '../../views/schema.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers } from '../openapi.ts'

export function clusterRoutes(app: OpenAPIHono<Env>, { queue, reader }: Deps, { may }: Guard): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/clusters',
      summary: 'Workers who share what unrelated people do not share, worst first',
      middleware: may('worker.read'),
      responses: answers(z.array(ClusterView)),
    }),
    (c) => c.json(clusters(reader, queue), 200),
  )
}
