/** Contracts of workers: read every version, write a new one, import a roster. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { Contract } from '../../../wire/contract.ts'
import { Fault } from '../../../wire/fault.ts'
import { openRoster } from '../../roster/reader.ts'
import { parseRoster } from '../../roster/roster.ts'
import type { Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { NewContract, ROSTER_CHARACTERS, RosterAnswer, RosterRequest } from '../schema.ts'

/** Routes that accept larger bodies. */
export const CONTRACT_PATHS = /^\/api\/v1\/(roster|workers\/[^/]+\/contracts)$/
/** In JSON, quotes and line breaks take two characters each. */
export const CONTRACT_BYTES = 2 * ROSTER_CHARACTERS

export function contractRoutes(app: OpenAPIHono<Env>, { contracts, now }: Deps, { may }: Guard): void {
  const params = z.object({ id: z.string().min(1).max(256) })

  app.openapi(
    createRoute({
      method: 'get',
      path: '/workers/{id}/contracts',
      summary: 'Every version of a contract as it was written, oldest first; none for an unknown worker',
      middleware: may('contract.read'),
      request: { params },
      responses: answers(z.array(Contract)),
    }),
    (c) => c.json(contracts.versions(c.req.valid('param').id), 200),
  )

  app.openapi(
    createRoute({
      method: 'put',
      path: '/workers/{id}/contracts',
      summary: 'A new, complete version of a contract; it begins now unless `from` is given. Returns every version',
      middleware: may('contract.write'),
      request: { params, ...body(NewContract) },
      responses: answers(z.array(Contract)),
    }),
    async (c) => {
      const worker = c.req.valid('param').id
      const entry = JSON.stringify([{ ...c.req.valid('json'), worker, type: 'contract' }])
      const {
        problems,
        contracts: versions,
        devices,
      } = parseRoster(entry, { format: 'json', fileName: 'body', now: now() })
      const [problem] = problems
      if (problem) {
        const where =
          problem.column === null ? 'body' : problem.column === 'worker' ? 'param.id' : `body.${problem.column}`
        throw new Fault('api.invalid', { where, why: problem.why })
      }
      await contracts.take([{ contracts: versions, devices }], c.get('session').user.name)
      return c.json(contracts.versions(worker), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/roster',
      summary:
        'Import a roster; rows that cannot be used are reported and omitted. `dryRun`: only report what would be imported',
      middleware: may('contract.write'),
      request: body(RosterRequest),
      responses: answers(RosterAnswer),
    }),
    async (c) => {
      const { dryRun, ...source } = c.req.valid('json')
      const roster = await openRoster({ ...source, now: now() })
      try {
        const { problems, omitted } = roster
        const usable = { contracts: roster.contracts, devices: roster.devices }
        const nothing = { contracts: 0, devices: 0 }
        const stored = dryRun ? nothing : await contracts.take(roster.parts(), c.get('session').user.name)
        return c.json({ usable, stored, omitted, problems }, 200)
      } finally {
        await roster.close()
      }
    },
  )
}
