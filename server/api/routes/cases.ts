/** What people decide: verdicts on workers, and the clusters that are one case. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { Fault } from '../../../wire/fault.ts'
import type { SignIn } from '../../access/sign-in.ts'
import { CaseView } from '../../model/case.ts'
import type { Deps, Env } from '../deps.ts'
import { type Cookies, signedIn } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { ClusterView, NewVerdict } from '../schema.ts'

export function caseRoutes(app: OpenAPIHono<Env>, { desk }: Deps, signIn: SignIn, jar: Cookies): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/clusters',
      summary: 'Workers who share what unrelated people do not, worst first',
      middleware: signedIn(signIn, jar),
      responses: answers(z.array(ClusterView)),
    }),
    (c) => c.json(desk.clusters(), 200),
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/workers/{id}/verdict',
      summary: 'Decide about a worker; evidence of a new kind opens the case again',
      middleware: signedIn(signIn, jar, 'admin', 'analyst'),
      request: { params: z.object({ id: z.string().min(1).max(256) }), ...body(NewVerdict) },
      responses: answers(CaseView),
    }),
    (c) => {
      const decided = desk.decide(c.req.valid('param').id, c.req.valid('json'), c.get('session').user.name)
      if (!decided) throw new Fault('api.notfound', { where: 'worker' })
      return c.json(decided, 200)
    },
  )
}
