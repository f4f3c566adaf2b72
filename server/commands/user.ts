/** `tellwire user`: adds users of the console by one-time links. */
import { randomBytes } from 'node:crypto'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { addUser, makeOneTimeLink } from '../access/sign-in.ts'
import { dataFolderOf } from '../config.ts'
import { readServerFile } from '../roles/server-file.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'

const ROLES = ['admin', 'analyst', 'viewer'] as const

const add = defineCommand({
  meta: { name: 'add', description: 'Add a user, and print their one-time link' },
  args: {
    name: { type: 'positional', required: true, description: 'The name they sign in with' },
    role: { type: 'string', default: 'analyst', description: 'admin, analyst or viewer' },
    'data-folder': { type: 'string', description: "The server's data folder" },
  },
  run: ({ args }) => {
    const role = ROLES.find((it) => it === args.role)
    if (!role) throw new Fault('usage', { where: '--role', todo: `Choose one of ${ROLES.join(', ')}.` })
    return printLink(args['data-folder'], (store) => addUser(store, args.name, role, Date.now(), randomBytes))
  },
})

const link = defineCommand({
  meta: {
    name: 'link',
    description: 'Print a new one-time link for the administrator, to replace a forgotten password',
  },
  args: { 'data-folder': { type: 'string', description: "The server's data folder" } },
  run: ({ args }) => printLink(args['data-folder'], (store) => makeOneTimeLink(store, Date.now(), randomBytes)),
})

async function printLink(dataFolder: string | undefined, make: (store: Store) => Promise<string>): Promise<void> {
  const folder = dataFolderOf(dataFolder)
  const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline' })
  try {
    console.log(`${readServerFile(folder)?.url ?? 'http://<the server>'}${await make(store)}`)
    console.log('The link works once, for 24 hours.')
  } finally {
    await store.close()
  }
}

export const userCommand = defineCommand({
  meta: { name: 'user', description: 'Manage who may sign in to the console' },
  subCommands: { add, link },
})
