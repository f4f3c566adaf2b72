import { storeSuite } from '../store.suite.ts'
import { type TestDatabase, testDatabase } from './server.ts'

let shared: TestDatabase | undefined

storeSuite('store in PostgreSQL', async (test) => {
  const database = (shared ??= await testDatabase(test))
  return {
    config: { engine: 'postgres', url: database.url },
    isShared: true,
    async breakFeed() {
      await database.query(`
        create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
        create trigger broken before insert on changes for each row execute function broken()`)
      return async () => void (await database.query('drop trigger broken on changes'))
    },
    done: () => database.empty(),
  }
})
