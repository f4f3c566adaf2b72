/** The list of laptops in pages, all that is known about one laptop, its revocation, and the group it is in. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { Fault } from '../../../wire/fault.ts'
import { knownGroup } from '../../ingest/groups.ts'
import { laptopOf, laptopPage } from '../../views/laptops.ts'
import { Laptop, LaptopPage } from '../../views/schema.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { Grouping, Groups, Revoking } from '../schema.ts'

const PAGE = 200
const PAGE_MAX = 1_000
const device = z.string().min(1).max(256)

export function laptopRoutes(
  app: OpenAPIHono<Env>,
  { queue, reader, revoke, regroup, groups }: Deps,
  { may }: Guard,
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/laptops',
      summary:
        'Laptops by id, in pages; `after` is `next` of the previous page. `search`: words in id, ' +
        'worker, name or place; `troubled`: only those offline or with gaps, as of the last hour',
      middleware: may('laptop.read'),
      request: {
        query: z.object({
          after: device.optional(),
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE),
          search: z.string().max(256).default(''),
          troubled: z.stringbool().default(false),
        }),
      },
      responses: answers(LaptopPage),
    }),
    async (c) => {
      const { after = null, ...query } = c.req.valid('query')
      return c.json(await laptopPage(reader, queue.laptops, { after, ...query }), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/laptops/{device}',
      summary: 'One laptop, with what its agent can and cannot see',
      middleware: may('laptop.read'),
      request: { params: z.object({ device }) },
      responses: answers(Laptop),
    }),
    async (c) => {
      return c.json(await laptop(c.req.valid('param').device), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/laptops/{device}/revoke',
      summary:
        "Refuse a laptop's agent from now on, and end its session; undone by enrolling it with a token made " +
        'afterwards. What it has sent is kept',
      middleware: may('laptop.revoke'),
      request: { params: z.object({ device }), ...body(Revoking) },
      responses: answers(Laptop),
    }),
    async (c) => {
      const { device } = c.req.valid('param')
      const isKnown = await revoke(device, c.req.valid('json').reason, c.get('session').user.name)
      if (!isKnown) throw unknown()
      return c.json(await laptop(device), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/laptop-groups',
      summary: 'The groups of laptops that the configuration has; each has a policy of its own',
      middleware: may('laptop.read'),
      responses: answers(Groups),
    }),
    async (c) => c.json({ groups: groups() }, 200),
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/laptops/{device}/group',
      summary: 'Move a laptop to another group, or with null out of every one; it is sent the policy at once',
      middleware: may('laptop.group'),
      request: { params: z.object({ device }), ...body(Grouping) },
      responses: answers(Laptop),
    }),
    async (c) => {
      const { device } = c.req.valid('param')
      const { group } = c.req.valid('json')
      knownGroup(group, groups())
      if (!(await regroup(device, group, c.get('session').user.name))) throw unknown()
      return c.json(await laptop(device), 200)
    },
  )

  async function laptop(device: string): Promise<Laptop> {
    const found = await laptopOf(reader, queue.laptops, device)
    if (!found) throw unknown()
    return found
  }
}

function unknown(): Fault {
  return new Fault('api.notfound', { where: 'device' })
}
