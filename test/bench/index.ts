/** Every bench, in the order they run: fast ones first. */
import * as addresses from './addresses.ts'
import * as agentIdle from './agent-idle.ts'
import * as assess from './assess.ts'
import * as calm from './calm.ts'
import * as consolePages from './console.ts'
import * as correlation from './correlation.ts'
import * as derive from './derive.ts'
import * as endToEnd from './end-to-end.ts'
import * as engine from './engine.ts'
import * as floods from './floods.ts'
import * as roster from './import.ts'
import * as ingestParse from './ingest-parse.ts'
import * as match from './match.ts'
import * as neighbours from './neighbours.ts'
import * as replay from './replay.ts'
import type { Bench } from './row.ts'
import * as spool from './spool.ts'
import * as starts from './starts.ts'
import * as state from './state.ts'
import * as store from './store.ts'

export const benches: readonly Bench[] = [
  { name: 'addresses', run: addresses.bench },
  { name: 'ingest-parse', run: ingestParse.bench },
  { name: 'engine', run: engine.bench },
  { name: 'correlation', run: correlation.bench },
  { name: 'derive', run: derive.bench },
  { name: 'assess', run: assess.bench },
  { name: 'replay', run: replay.bench },
  { name: 'match', run: match.bench },
  { name: 'spool', run: spool.bench },
  { name: 'store', run: store.bench },
  { name: 'state', run: state.bench },
  { name: 'console', run: consolePages.bench },
  { name: 'import', run: roster.bench },
  { name: 'calm', run: calm.bench },
  { name: 'calm-before', run: calm.benchBefore, needs: 'checkout' },
  { name: 'end-to-end', run: endToEnd.bench },
  { name: 'floods', run: floods.bench },
  { name: 'agent-idle', run: agentIdle.bench },
  { name: 'neighbours', run: neighbours.bench },
  { name: 'starts', run: starts.bench },
]
