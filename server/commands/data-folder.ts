/** The data folder that a command works on, and the store in it: while a server runs on it, and when none does. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Fault } from '../../wire/fault.ts'
import { type Config, loadConfig } from '../config.ts'
import { readServerFile } from '../roles/server-file.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'

const STORE_FILE = 'state.db'

export const folderArgs = {
  'data-folder': { type: 'string', description: "The server's data folder (default: ~/.local/share/tellwire)" },
  config: { type: 'string', description: "The server's configuration file (YAML)" },
} as const

export type FolderArgs = { [K in keyof typeof folderArgs]?: string | undefined }

/** As the server with these options has it. `flags`: those of the command, by path. Errors  Fault 'config.invalid'. */
export function configIn(args: FolderArgs, flags: Readonly<Record<string, unknown>> = {}): Config {
  // Relative to where the command runs, and not to the configuration file.
  const dataFolder = args['data-folder'] && resolve(args['data-folder'])
  return loadConfig({ file: args.config ?? null, env: process.env, flags: { dataFolder, ...flags } })
}

export function folderIn(args: FolderArgs): string {
  return configIn(args).dataFolder
}

/**
 * The address in front of a printed link: `publicUrl` of the configuration, else what the running server says.
 *
 * Shape   without trailing slash. When neither is known, a placeholder: then the link shows what to replace.
 */
export function publicUrlOf({ publicUrl, dataFolder }: Pick<Config, 'publicUrl' | 'dataFolder'>): string {
  return publicUrl ?? readServerFile(dataFolder)?.publicUrl ?? 'https://<the server>'
}

/**
 * Opens the store for `work`, and closes it. Only 'make' makes a store, in a folder that exists: a misspelt folder must
 * not become a data folder that no server reads.
 *
 * Errors  Fault 'store.missing'; those of `openStore` and of `work`.
 */
export async function withStore<T>(
  folder: string,
  to: 'read' | 'change' | 'make',
  work: (store: Store) => Promise<T>,
): Promise<T> {
  if (!existsSync(to === 'make' ? folder : join(folder, STORE_FILE))) {
    const todo = 'Name the data folder of a server that has run.'
    throw new Fault('store.missing', { where: folder, todo })
  }
  const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline', readOnly: to === 'read' })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

export function inboxUnwritable(inbox: string, cause: unknown): Fault {
  const { code } = cause as NodeJS.ErrnoException
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new Fault('store.unwritable', {
    where: inbox,
    why: isFull ? 'The disk is full.' : `The system says ${code}.`,
    todo: isFull ? 'Free some space.' : 'Run this as the user that runs the server.',
    cause,
  })
}
