/** Another process on the same database: increments a counter as often as requested. */
import { openStore } from '../../../server/store/open.ts'

const [config, times] = process.argv.slice(2)
const store = await openStore(JSON.parse(config!))
for (let raised = 0; raised < Number(times); ) {
  const now = await store.values.get('counter')
  if (await store.values.compareAndSet('counter', now, String(Number(now) + 1))) raised++
}
await store.close()
