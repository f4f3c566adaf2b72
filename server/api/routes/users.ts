/** Managing users: /users, and the sessions and links of one user. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { addUser } from '../../access/sign-in.ts'
import { type By, changeUser, linkUser, removeUser, signOutUser, userNamed, userNumbered } from '../../access/users.ts'
import type { User } from '../../model/user.ts'
import type { Ctx, Deps, Env } from '../deps.ts'
import type { Guard } from '../guard.ts'
import { answers, body } from '../openapi.ts'
import { AddedUser, AddUser, ChangeUser, UserLink, UserView } from '../schema.ts'

const id = z.coerce.number().int().min(1)
const params = z.object({ id })

export function userRoutes(app: OpenAPIHono<Env>, { store, now, random }: Deps, { may }: Guard): void {
  const middleware = may('user.manage')
  const by = (c: Ctx): By => ({ store, by: c.get('session').user.name, now: now() })

  app.openapi(
    createRoute({
      method: 'get',
      path: '/users',
      summary: 'Who may sign in, in the order they were added',
      middleware,
      responses: answers(z.array(UserView)),
    }),
    async (c) => c.json((await store.users.list()).map(view), 200),
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/users',
      summary: 'Add a user. The answer has their one-time link, which is shown once and works for 24 hours',
      middleware,
      request: body(AddUser),
      responses: answers(AddedUser),
    }),
    async (c) => {
      const { name, role } = c.req.valid('json')
      const link = await addUser(store, name, role, now(), random, c.get('session').user.name)
      return c.json({ user: view(await userNamed(store, name)), link }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'patch',
      path: '/users/{id}',
      summary:
        'Change the role of a user, or disable or enable them. Disabling ends their sessions and links. Refused when ' +
        'no admin who can sign in would be left',
      middleware,
      request: { params, ...body(ChangeUser) },
      responses: answers(UserView),
    }),
    async (c) => {
      const user = await userNumbered(store, c.req.valid('param').id)
      return c.json(view(await changeUser(by(c), user, c.req.valid('json'))), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/users/{id}',
      summary:
        'Remove a user; their sessions and links end. The audit trail keeps their name. Refused when no admin who can ' +
        'sign in would be left',
      middleware,
      request: { params },
      responses: answers(null),
    }),
    async (c) => {
      await removeUser(by(c), await userNumbered(store, c.req.valid('param').id))
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/users/{id}/sessions',
      summary: 'End all sessions and one-time links of a user',
      middleware,
      request: { params },
      responses: answers(null),
    }),
    async (c) => {
      await signOutUser(by(c), await userNumbered(store, c.req.valid('param').id))
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/users/{id}/link',
      summary: 'A new one-time link with which a user can choose a new password; shown once, for 24 hours',
      middleware,
      request: { params },
      responses: answers(UserLink),
    }),
    async (c) => {
      const user = await userNumbered(store, c.req.valid('param').id)
      return c.json({ link: await linkUser(by(c), user, random) }, 200)
    },
  )
}

function view({ id, name, role, passwordHash, createdAt, disabledAt }: User): UserView {
  return { id, name, role, passwordSet: passwordHash !== null, createdAt, disabledAt }
}
