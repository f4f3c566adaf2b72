/** The data folder that a command works on, and the store in it: while a server runs on it, and when none does. */
import { loadConfig } from '../config.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'

export const folderArgs = {
  'data-folder': { type: 'string', description: "The server's data folder" },
  config: { type: 'string', description: "The server's configuration file (YAML)" },
} as const

/** As the server with these options has it. Errors  Fault 'config.invalid'. */
export function folderIn(args: { config?: string | undefined; 'data-folder'?: string | undefined }): string {
  return loadConfig({ file: args.config ?? null, env: process.env, flags: { dataFolder: args['data-folder'] } })
    .dataFolder
}

/** Opens the store for `work`, and closes it. Errors  those of `openStore` and of `work`. */
export async function withStore<T>(folder: string, readOnly: boolean, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline', readOnly })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
