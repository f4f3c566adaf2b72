import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteStore } from '../../../../server/store/sqlite/store.ts'
import { openStoreThread } from '../../../../server/store/sqlite/store-thread.ts'
import type { Store } from '../../../../server/store/store.ts'
import { temporaryFolder } from '../folder.ts'
import { type StoreUnderTest, storeSuite } from '../store.suite.ts'

storeSuite('store in SQLite', () => under(openSqliteStore))
storeSuite('store in SQLite, in a thread of its own', () => under(openStoreThread))

async function under(open: (options: { folder: string }) => Promise<Store>): Promise<StoreUnderTest> {
  const { folder, remove } = temporaryFolder()
  const opened: Store[] = []
  const another = async () => {
    const store = await open({ folder })
    opened.push(store)
    return store
  }
  return {
    store: await another(),
    another,
    async breakFeed() {
      const execute = (sql: string) => {
        const db = new DatabaseSync(join(folder, 'state.db'))
        db.exec(sql)
        db.close()
      }
      execute(`create trigger broken before insert on changes begin select raise(abort, 'broken'); end`)
      return async () => execute('drop trigger broken')
    },
    async done() {
      for (const it of opened) await it.close()
      remove()
    },
  }
}
