/** `tellwire user`: who may sign in to the console. Works while the server runs, and when it does not. */
import { randomBytes } from 'node:crypto'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { addUser, makeOneTimeLink } from '../access/sign-in.ts'
import { type By, changeUser, linkUser, removeUser, signOutUser, userNamed } from '../access/users.ts'
import { ROLES, type Role, type User } from '../model/user.ts'
import type { Store } from '../store/store.ts'
import { configIn, type FolderArgs, folderArgs, folderIn, publicUrlOf, withStore } from './data-folder.ts'
import { columns, printable } from './terminal.ts'

const name = { type: 'positional', required: true, description: 'The name they sign in with' } as const
const roles = ROLES.join(', ')

const list = defineCommand({
  meta: { name: 'list', description: 'List the users, their roles, and who is disabled' },
  args: { ...folderArgs, json: { type: 'boolean', description: 'Print JSON' } },
  async run({ args }) {
    const users = await withStore(folderIn(args), 'read', (store) => store.users.list())
    if (args.json) {
      const shown = users.map(({ generation: _, passwordHash, ...it }) => ({
        ...it,
        passwordSet: passwordHash !== null,
      }))
      return console.log(JSON.stringify(shown))
    }
    if (users.length === 0) console.log('No users yet. The server prints a one-time link when it starts.')
    for (const line of columns(users.map((it) => [it.name, it.role, `added ${day(it.createdAt)}`, stateOf(it)])))
      console.log(printable(line))
  },
})

const add = defineCommand({
  meta: { name: 'add', description: 'Add a user, and print their one-time link' },
  args: { name, role: { type: 'string', default: 'analyst', description: roles }, ...folderArgs },
  run: ({ args }) => {
    const role = roleOf(args.role, '--role')
    return printLink(args, 'make', (store) => addUser(store, args.name, role, Date.now(), randomBytes))
  },
})

const link = defineCommand({
  meta: { name: 'link', description: 'Print a new one-time link, to replace a forgotten password' },
  args: { name: { ...name, required: false, description: 'For whom (default: the administrator)' }, ...folderArgs },
  run: ({ args }) =>
    printLink(args, 'change', async (store) =>
      args.name === undefined
        ? makeOneTimeLink(store, Date.now(), randomBytes)
        : linkUser(byHand(store), await userNamed(store, args.name), randomBytes),
    ),
})

const role = defineCommand({
  meta: { name: 'role', description: 'Change the role of a user, from their next request on' },
  args: { name, role: { type: 'positional', required: true, description: roles }, ...folderArgs },
  run: ({ args }) => {
    const role = roleOf(args.role, 'role')
    return change(args, `has the role ${role} from now on.`, (by, user) => changeUser(by, user, { role }))
  },
})

const disable = defineCommand({
  meta: { name: 'disable', description: 'Sign a user out everywhere, and let them not sign in until enabled again' },
  args: { name, ...folderArgs },
  run: ({ args }) =>
    change(args, 'is signed out and cannot sign in.', (by, user) => changeUser(by, user, { disabled: true })),
})

const enable = defineCommand({
  meta: { name: 'enable', description: 'Let a disabled user sign in again' },
  args: { name, ...folderArgs },
  run: ({ args }) => change(args, 'can sign in again.', (by, user) => changeUser(by, user, { disabled: false })),
})

const remove = defineCommand({
  meta: { name: 'remove', description: 'Remove a user; the audit trail keeps the name' },
  args: { name, ...folderArgs },
  run: ({ args }) => change(args, 'is removed and signed out.', removeUser),
})

const signOut = defineCommand({
  meta: { name: 'sign-out', description: 'End all sessions and one-time links of a user' },
  args: { name, ...folderArgs },
  run: ({ args }) => change(args, 'is signed out everywhere.', signOutUser),
})

export const userCommand = defineCommand({
  meta: { name: 'user', description: 'Manage who may sign in to the console' },
  subCommands: { list, add, link, role, disable, enable, remove, 'sign-out': signOut },
})

async function change(
  args: FolderArgs & { name: string },
  done: string,
  work: (by: By, user: User) => Promise<unknown>,
): Promise<void> {
  await withStore(folderIn(args), 'change', async (store) => work(byHand(store), await userNamed(store, args.name)))
  console.log(printable(`${args.name} ${done}`))
}

async function printLink(
  args: FolderArgs,
  to: 'change' | 'make',
  link: (store: Store) => Promise<string>,
): Promise<void> {
  const config = configIn(args)
  const made = await withStore(config.dataFolder, to, link)
  console.log(`${publicUrlOf(config)}${made}`)
  console.log('The link works once, within 24 hours.')
}

function byHand(store: Store): By {
  return { store, by: null, now: Date.now() }
}

function roleOf(text: string, where: string): Role {
  const role = ROLES.find((it) => it === text)
  if (!role) throw new Fault('usage', { where, todo: `Choose one of ${roles}.` })
  return role
}

function stateOf({ disabledAt, passwordHash }: User): string {
  if (disabledAt !== null) return `disabled ${day(disabledAt)}`
  return passwordHash === null ? 'no password yet' : ''
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
