/** What a feed posts to the server. */
import assert from 'node:assert/strict'
import { sentValues, validateEvents } from '../../../server/feeds/batch.ts'
import { SENT_CATEGORIES } from '../../../server/feeds/tokens.ts'
import { Fault } from '../../../wire/fault.ts'
import { Recorded } from '../../../wire/recording.ts'
import { NOWHERE } from '../../server/ingest/raw-agent.ts'
import type { Target } from '../target.ts'

const NOW = Date.UTC(2026, 10, 22)
const GOOD = { worker: 'w-good', time: NOW - 1_000, event: { category: 'contract_event', Action: 'ending' } }

export const feedBody: Target = {
  name: 'feed-body',
  shape: 'json-lines',
  dictionary: ['"worker":', '"event":', '"category":', 'idp_login', 'repo_audit', 'contract_event', '"id":', '"Ip":'],
  open: async () => ({ run }),
}

async function run(input: Buffer): Promise<void> {
  const deps = { feed: { name: 'f', categories: [...SENT_CATEGORIES] }, lookup: () => NOWHERE, now: NOW }
  let values: unknown[]
  try {
    values = sentValues(input.toString('utf8'))
  } catch (cause) {
    if (!(cause instanceof Fault && cause.code === 'events.invalid')) throw cause
    return
  }
  const alone = await validateEvents([GOOD], deps)
  const { lines, refused } = await validateEvents([...values, GOOD], deps)
  assert.ok(lines.length + refused.length <= values.length + 1)
  for (const line of lines) assert.ok(Recorded.safeParse(JSON.parse(JSON.stringify(line))).success, 'a line of the log')
  for (const { index, path, todo } of refused)
    assert.ok(index <= values.length && path.length <= 256 && todo.length > 0 && todo.length <= 300)
  assert.deepEqual(lines.at(-1) ?? null, alone.lines.at(-1) ?? null, 'a good event beside it is not affected')
}
