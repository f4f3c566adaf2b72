/** What the fleet has in common, what the company approves, and when the learning period ends. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Moved } from '../../model/effect.ts'
import { made } from '../../roster/approvals.ts'
import { learning } from '../../views/learning.ts'
import { EffectView, LearningView } from '../../views/schema.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { ApprovalEnd, ApprovalQuestion, ApprovalView, LearningEnd, NewApproval } from '../schema.ts'

export function learningRoutes(app: OpenAPIHono<Env>, { reader, approvals, effect, now }: Deps, { may }: Guard): void {
  const params = z.object({ id: z.string().min(1).max(128) })

  app.openapi(
    createRoute({
      method: 'get',
      path: '/learning',
      summary: 'What workers have in common, with counts and examples, and every approval',
      middleware: may('contract.read'),
      responses: answers(LearningView),
    }),
    async (c) => c.json(await learning(reader), 200),
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/learning',
      summary: 'Ends the learning period at `until`, which defaults to now',
      middleware: may('contract.write'),
      request: body(LearningEnd),
      responses: answers(null),
    }),
    async (c) => {
      const { until = now(), reason } = c.req.valid('json')
      const { name } = c.get('session').user
      await approvals.learnUntil(until, reason, name, name)
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/approvals',
      summary: 'Every approval of the company, of roles and of single workers beside their contracts',
      middleware: may('contract.read'),
      responses: answers(z.array(ApprovalView)),
    }),
    (c) => c.json(approvals.all().map(viewAt(now())), 200),
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/approvals',
      summary:
        'Approves something as the company’s own; it lowers what is found, also before now unless `from` is given',
      middleware: may('contract.write'),
      request: body(NewApproval),
      responses: answers(ApprovalView),
    }),
    async (c) => {
      const { name } = c.get('session').user
      return c.json(viewAt(now())(await approvals.approve(c.req.valid('json'), name, name)), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/approvals/effect',
      summary: 'What such an approval would change: people at high, open cases, clusters, and whose points',
      middleware: may('contract.write'),
      request: body(ApprovalQuestion),
      responses: answers(EffectView),
    }),
    async (c) => {
      const approval = made({ ...c.req.valid('json'), reason: '' }, c.get('session').user.name)
      const found = await effect([{ ...approval, type: 'approval', receivedAt: now() }])
      const named = (it: Moved) => ({ ...it, name: reader.directory.latestContract(it.worker)?.name ?? null })
      return c.json({ ...found, moved: found.moved.map(named), stay: found.stay.map(named) }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/approvals/{id}/revoke',
      summary: 'Ends an approval now. `mistake`: it was never in force, and what it lowered counts again',
      middleware: may('contract.write'),
      request: { params, ...body(ApprovalEnd) },
      responses: answers(ApprovalView),
    }),
    async (c) => {
      const { name } = c.get('session').user
      const { mistake } = c.req.valid('json')
      return c.json(viewAt(now())(await approvals.revoke(c.req.valid('param').id, mistake, name, name)), 200)
    },
  )
}

function viewAt(now: number): (approval: Omit<ApprovalView, 'isOver'>) => ApprovalView {
  return (it) => ({
    ...it,
    isOver: (it.to != null && it.to <= now) || (it.revokedAt != null && it.revokedAt <= now),
  })
}
