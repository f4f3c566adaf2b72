/** Opens the store that the configuration names. */
import { memoryStore } from './memory/store.ts'
import { openPostgresStore } from './postgres/store.ts'
import { openSqliteStore } from './sqlite/store.ts'
import { openStoreThread } from './sqlite/store-thread.ts'
import type { Store } from './store.ts'

export type StoreConfig =
  | { engine: 'memory' }
  | { engine: 'sqlite'; folder: string }
  | { engine: 'postgres'; url: string }

export interface OpenOptions {
  /** Where SQLite waits for its lock and the disk: in a thread of its own, or inline in the caller's thread. */
  run?: 'thread' | 'inline'
  /** SQLite only: may run beside a server, and leaves the folder unchanged. */
  readOnly?: boolean
}

/** Errors  Fault 'store.unwritable', 'store.newer', 'store.damaged'; 'store.missing' when read-only. */
export async function openStore(config: StoreConfig, options: OpenOptions = {}): Promise<Store> {
  const { run = 'thread', readOnly = false } = options
  switch (config.engine) {
    case 'memory':
      return memoryStore()
    case 'postgres':
      return openPostgresStore(config)
    case 'sqlite': {
      const { folder } = config
      return run === 'thread' ? openStoreThread({ folder, readOnly }) : openSqliteStore({ folder, readOnly })
    }
  }
}
