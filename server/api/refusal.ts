/** The response to a failure: always a code, a place, and in `todo` the cause and what to do about it. */
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { FAULTS, Fault, type FaultCode } from '../../wire/fault.ts'
import type { ApiError } from './schema.ts'

const STATUS: Partial<Record<FaultCode, ContentfulStatusCode>> = {
  'api.unauthenticated': 401,
  'api.forbidden': 403,
  'api.notfound': 404,
  'wire.oversize': 413,
  'rate.exceeded': 429,
  'api.failed': 500,
  'server.busy': 503,
}

export function refusal(fault: Fault): { status: ContentfulStatusCode; body: ApiError } {
  const { code, where, detail } = fault
  return { status: STATUS[code] ?? 400, body: { code, message: FAULTS[code], where, todo: detail } }
}

/** The first issue that zod found, as a Fault that says where it is. */
export function invalid(target: string, issues: readonly { path: readonly PropertyKey[]; message: string }[]): Fault {
  const first = issues[0]
  const where = [target === 'json' ? 'body' : target, ...(first?.path ?? []).map(String)].join('.').slice(0, 256)
  return new Fault('api.invalid', { where, ...(first && { why: first.message.slice(0, 256) }) })
}
