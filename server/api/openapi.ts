/** The parts that every route's description shares. */
import type * as z from 'zod'
import { ApiError } from './schema.ts'

const refused = (description: string) => ({ description, content: { 'application/json': { schema: ApiError } } })

/** The responses of a route: `schema` as JSON, or nothing (204) when it is null; and the refusals of any route. */
export function answers<S extends z.ZodType>(
  schema: S,
): { 200: { description: string; content: { 'application/json': { schema: S } } } } & Refusals
export function answers(schema: null): { 204: { description: string } } & Refusals
export function answers(schema: z.ZodType | null): object {
  return {
    ...(schema
      ? { 200: { description: 'The answer.', content: { 'application/json': { schema } } } }
      : { 204: { description: 'Done.' } }),
    ...REFUSALS,
  }
}

export const REFUSALS = {
  400: refused('The request does not match.'),
  401: refused('No user is signed in.'),
  403: refused('Not allowed with this role or from this page.'),
  404: refused('The requested item does not exist.'),
  413: refused('The body is too large.'),
  429: refused('Too many requests.'),
}
type Refusals = typeof REFUSALS

export function body<S extends z.ZodType>(schema: S) {
  return { body: { required: true, content: { 'application/json': { schema } } } } as const
}
