import assert from 'node:assert/strict'
import { describe as inWords } from '../../../server/views/describe.ts'
import type { Category, Event, EventOf } from '../../../wire/event.ts'
import { event } from '../events.ts'

/** An event with only the fields that its text needs. */
const some = <C extends Category>(category: C, fields: Partial<EventOf<C>>): Event =>
  event(category, fields as Parameters<typeof event<C>>[1])

const cases: { event: Event; words: string }[] = [
  { event: some('shared_key', { KeyKind: 'mfa_device', Workers: 2 }), words: 'same authenticator as 1 other worker' },
  { event: some('shared_key', { KeyKind: 'uplink', Workers: 5 }), words: 'same internet address as 4 other workers' },
  {
    event: some('file_burst', { Files: 1, Bytes: 2_048, RootKind: 'sync', Root: '~/Box' }),
    words: '1 file, 2.0 KB into sync folder ~/Box',
  },
  {
    event: some('volume_anomaly', { Metric: 'sync_bytes', Value: 534_566_305, WindowDays: 1 }),
    words: 'far above habit for sync folders: 534.6 MB in 1 day',
  },
  {
    event: some('volume_anomaly', { Metric: 'repositories', Value: 1_200, WindowDays: 7 }),
    words: 'far above habit for repositories: 1,200 repositories in 7 days',
  },
  { event: some('silence', { HoursSilent: 19.04, Announced: false }), words: 'silent for 19 h' },
]

describe('an event in words', () => {
  for (const { event, words } of cases) it(words, () => assert.equal(inWords(event), words))
})
