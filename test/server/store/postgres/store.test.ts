import { openPostgresStore } from '../../../../server/store/postgres/store.ts'
import type { Store } from '../../../../server/store/store.ts'
import { storeSuite } from '../store.suite.ts'
import { type TestDatabase, testDatabase } from './server.ts'

let shared: TestDatabase | undefined

storeSuite('store in PostgreSQL', async (test) => {
  const database = (shared ??= await testDatabase(test))
  const opened: Store[] = []
  const another = async () => {
    const store = await openPostgresStore({ url: database.url })
    opened.push(store)
    return store
  }
  return {
    store: await another(),
    another,
    async breakFeed() {
      await database.query(`
        create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
        create trigger broken before insert on changes for each row execute function broken()`)
      return async () => void (await database.query('drop trigger broken on changes'))
    },
    async done() {
      for (const it of opened) await it.close()
      await database.empty()
    },
  }
})
