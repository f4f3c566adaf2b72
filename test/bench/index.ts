/** Every bench, in the order they run: what is quick first. */
import * as agentIdle from './agent-idle.ts'
import * as endToEnd from './end-to-end.ts'
import type { Bench } from './row.ts'
import * as spool from './spool.ts'
import * as store from './store.ts'

export const benches: readonly Bench[] = [
  { name: 'spool', run: spool.bench },
  { name: 'store', run: store.bench },
  { name: 'end-to-end', run: endToEnd.bench },
  { name: 'agent-idle', run: agentIdle.bench },
]
