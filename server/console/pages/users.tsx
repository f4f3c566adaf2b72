/** Who may sign in: adding users, their roles, and ending their access. */
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { AddedUser, UserLink, UserView } from '../../api/schema.ts'
import { ask } from '../api.ts'
import { useLook } from '../live.ts'
import { confirm } from '../parts/confirm.tsx'
import { Copyable } from '../parts/copy.tsx'
import { Failure } from '../parts/failure.tsx'
import { Loading } from '../parts/loading.tsx'
import { Time } from '../parts/time.tsx'
import { useSending } from '../sending.ts'
import { findSession, session } from '../session.ts'
import './users.css'

const ROLES: readonly { role: UserView['role']; may: string }[] = [
  { role: 'viewer', may: 'reads' },
  { role: 'analyst', may: 'also decides cases, and manages laptops and contracts' },
  { role: 'admin', may: 'also manages users and reads the audit trail' },
]
/** Another admin may have changed something. */
const EVERY_MS = 30_000

interface Link {
  name: string
  path: string
}

export function Users() {
  const changes = useSignal(0)
  const link = useSignal<Link | null>(null)
  const options = { everyMs: () => EVERY_MS }
  const { data, failure } = useLook('users', () => ask<UserView[]>('/users'), options, [changes.value])
  if (!data) return failure ? <Failure failure={failure} /> : <Loading>Loading users…</Loading>

  const changed = () => void changes.value++
  const change = async (user: UserView, method: string, path = '', body?: unknown) => {
    await ask(`/users/${user.id}${path}`, { method, ...(body !== undefined && { body }) })
    changed()
    // What this page offers depends on the role, and on whether the session is still open.
    if (user.name === session.value?.name) await findSession()
  }
  return (
    <>
      {failure && <Failure failure={failure} />}
      <div class="page-head">
        <h1>Users</h1>
        <span class="muted">{data.length === 1 ? '1 user' : `${data.length.toLocaleString()} users`}</span>
      </div>
      <AddUser
        added={({ user, link: path }) => {
          link.value = { name: user.name, path }
          changed()
        }}
      />
      <div role="status">{link.value && <OneTimeLink link={link.value} />}</div>
      <div class="panel scroll">
        <table class="users">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col">Sign-in</th>
              <th scope="col">Added</th>
              <th scope="col">Actions</th>
            </tr>
          </thead>
          <tbody>
            {data.map((user) => (
              <Row key={user.id} user={user} change={change} made={(made) => (link.value = made)} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

function AddUser({ added }: { added: (answer: AddedUser) => void }) {
  const { busy, failure, send } = useSending()
  const nameField = useRef<HTMLInputElement>(null)
  const add = (event: SubmitEvent) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget as HTMLFormElement)
    return send(async () => {
      const body = { name: String(fields.get('name')).trim(), role: fields.get('role') }
      added(await ask<AddedUser>('/users', { method: 'POST', body }))
      if (nameField.current) nameField.current.value = ''
    })
  }
  return (
    <form class="panel add-user" onSubmit={add}>
      <label>
        Name
        <input
          ref={nameField}
          name="name"
          required
          maxLength={64}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
      </label>
      <RoleField before="analyst" />
      <button type="submit" class="primary" disabled={busy.value}>
        Add user
      </button>
      {failure.value && <Failure failure={failure.value} />}
    </form>
  )
}

function RoleField({ before }: { before: UserView['role'] }) {
  return (
    <label>
      Role
      <select name="role">
        {ROLES.map((it) => (
          <option key={it.role} value={it.role} selected={it.role === before}>
            {it.role}: {it.may}
          </option>
        ))}
      </select>
    </label>
  )
}

function OneTimeLink({ link: { name, path } }: { link: Link }) {
  return (
    <div class="notice notice-good one-time">
      <p>
        Send this link to <strong>{name}</strong>. It works once, within 24 hours, and is not shown again.
      </p>
      <Copyable label={`One-time link for ${name}`} text={`${location.origin}${path}`} />
    </div>
  )
}

interface RowOf {
  user: UserView
  change: (user: UserView, method: string, path?: string, body?: unknown) => Promise<void>
  made: (link: Link) => void
}

function Row({ user, change, made }: RowOf) {
  const { id, name, role, createdAt, disabledAt } = user
  const isMe = name === session.value?.name
  const sure = (title: string, about: string, act: string, send: (form: FormData) => Promise<unknown>) =>
    confirm({ title, about, act, send })
  return (
    <tr>
      <th scope="row">
        {name} {isMe && <span class="muted">(you)</span>}
      </th>
      <td>{role}</td>
      <td>
        <SignInState user={user} />
      </td>
      <td>
        <Time ms={createdAt} as="brief" />
      </td>
      <td>
        <span class="user-actions">
          <button
            type="button"
            aria-label={`Change role of ${name}`}
            onClick={() =>
              confirm({
                title: `Change the role of ${name}`,
                about: 'The new role holds from now on, also in open sessions.',
                fields: <RoleField before={role} />,
                act: 'Change role',
                send: (form) => change(user, 'PATCH', '', { role: form.get('role') }),
              })
            }
          >
            Change role
          </button>
          {disabledAt === null && (
            <button
              type="button"
              aria-label={`New link for ${name}`}
              onClick={() =>
                sure(
                  `A new link for ${name}`,
                  'Whoever opens it is signed in as this user and can choose a new password.',
                  'Create a link',
                  async () => made({ name, path: (await ask<UserLink>(`/users/${id}/link`, { method: 'POST' })).link }),
                )
              }
            >
              New link
            </button>
          )}
          <button
            type="button"
            aria-label={`End sessions of ${name}`}
            onClick={() =>
              sure(
                `End all sessions of ${name}`,
                'The user is signed out everywhere, and one-time links made before stop working.',
                'End sessions',
                () => change(user, 'DELETE', '/sessions'),
              )
            }
          >
            End sessions
          </button>
          <button
            type="button"
            aria-label={`${disabledAt === null ? 'Disable' : 'Enable'} ${name}`}
            onClick={() =>
              disabledAt === null
                ? sure(
                    `Disable ${name}`,
                    'The user is signed out everywhere and cannot sign in until enabled again.',
                    'Disable',
                    () => change(user, 'PATCH', '', { disabled: true }),
                  )
                : sure(`Enable ${name}`, 'The user can sign in again with their password.', 'Enable', () =>
                    change(user, 'PATCH', '', { disabled: false }),
                  )
            }
          >
            {disabledAt === null ? 'Disable' : 'Enable'}
          </button>
          <button
            type="button"
            aria-label={`Remove ${name}`}
            onClick={() =>
              sure(
                `Remove ${name}`,
                'The user is signed out everywhere and cannot sign in again. The audit trail keeps the name.',
                'Remove',
                () => change(user, 'DELETE'),
              )
            }
          >
            Remove
          </button>
        </span>
      </td>
    </tr>
  )
}

function SignInState({ user: { disabledAt, passwordSet } }: { user: UserView }) {
  if (disabledAt !== null)
    return (
      <span class="bad">
        disabled <Time ms={disabledAt} />
      </span>
    )
  return passwordSet ? <span>with password</span> : <span class="muted">no password yet</span>
}
