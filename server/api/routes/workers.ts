/** GET /workers: the queue by its changes; GET /workers/{id}: one worker's page, all findings, and the next open case. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { TypedResponse } from 'hono'
import { Fault } from '../../../wire/fault.ts'
import { FindingView, NextCase, QueuePage, WorkerPage } from '../../views/schema.ts'
import { workerFindings, workerPage } from '../../views/worker.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers } from '../openapi.ts'

const ROWS_MAX = 5_000
const ROWS = 1_000

export function workerRoutes(app: OpenAPIHono<Env>, { queue, reader }: Deps, { may }: Guard): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/workers',
      summary:
        'The queue: without `since` its first rows, by band, then closed cases last, then points, then name; with the ' +
        '`revision` of the last response, the rows changed since then. Repeat while `more` is true',
      middleware: may('worker.read'),
      request: {
        query: z.object({
          since: z.coerce.number().int().min(0).optional(),
          limit: z.coerce.number().int().min(1).max(ROWS_MAX).default(ROWS),
        }),
      },
      responses: answers(QueuePage),
    }),
    (c) => {
      const { since, limit } = c.req.valid('query')
      // The queue keeps its rows as text, encoded once for all readers.
      const text = queue.page(since ?? null, limit)
      const headers = { 'Content-Type': 'application/json' }
      return new Response(text, { headers }) as Response & TypedResponse<QueuePage, 200, 'json'>
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/workers/{id}',
      summary: 'One worker: contract, score with its parts, the newest findings of each rule, laptops, timeline',
      middleware: may('worker.read'),
      request: { params: z.object({ id: z.string().min(1).max(256) }) },
      responses: answers(WorkerPage),
    }),
    async (c) => {
      const page = await workerPage(reader, c.req.valid('param').id)
      if (!page) throw new Fault('api.notfound', { where: 'worker' })
      return c.json(page, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/workers/{id}/findings',
      summary: 'All findings about one worker with their events, newest first',
      middleware: may('worker.read'),
      request: { params: z.object({ id: z.string().min(1).max(256) }) },
      responses: answers(z.array(FindingView)),
    }),
    async (c) => {
      const findings = await workerFindings(reader, c.req.valid('param').id)
      if (!findings) throw new Fault('api.notfound', { where: 'worker' })
      return c.json(findings, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/workers/{id}/next-case',
      summary: 'The open case below this worker in the queue, otherwise the first one; and how many others are open',
      middleware: may('worker.read'),
      request: { params: z.object({ id: z.string().min(1).max(256) }) },
      responses: answers(NextCase),
    }),
    (c) => c.json(queue.nextCase(c.req.valid('param').id), 200),
  )
}
