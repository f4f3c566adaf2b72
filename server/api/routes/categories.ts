/** GET /categories: what is collected, from the wire contract. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { CATEGORIES } from '../../../wire/event.ts'
import type { Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers } from '../openapi.ts'
import { CategoryView } from '../schema.ts'

export function categoryRoutes(app: OpenAPIHono<Env>, { signedIn }: Guard): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/categories',
      summary: 'What is collected, category by category',
      middleware: signedIn,
      responses: answers(z.array(CategoryView)),
    }),
    (c) => {
      const categories = Object.entries(CATEGORIES).map(([category, { origin, sensitive, on, about }]) => ({
        ...{ category, origin, sensitive, on: [...on], about },
      }))
      return c.json(categories, 200)
    },
  )
}
