/** Which sensor saw an event, where that is not plain from its category. */
import assert from 'node:assert/strict'
import { sensorsOf } from '../../../server/detect/sensors.ts'
import type { Event, EventOf } from '../../../wire/event.ts'
import { event } from '../events.ts'

const slow = (Metric: EventOf<'slow_evidence'>['Metric']) =>
  event('slow_evidence', {
    ...{ Metric, Role: null, DayScore: 1, Sum: 4, Decibans: 10, Days: 4, Value: 1, Total: 4, PeerDays: 100 },
  })
const sent = (Action: EventOf<'code_destination'>['Action'], SeenBy?: EventOf<'code_destination'>['SeenBy']) =>
  event('code_destination', {
    ...{ Action, SeenBy, Host: 'github.com', Namespace: 'x', Inside: false, Count: 1, CountInWindow: 1, Days: 1 },
  })

const login = (SeenBy: EventOf<'login_place'>['SeenBy']) =>
  event('login_place', {
    ...{ Reason: 'country', ContractCountry: 'US', LoginCountry: 'CN', LaptopCountry: null, ManagedDevice: null },
    ...{ NetworkClass: 'unknown', Days: 1, HomeDays: 0, DaysSinceLaptop: null, TravelNotice: false, SeenBy },
  } as const)

describe('the sensors of an event', () => {
  const rows: { name: string; event: Event; sensors: string[] }[] = [
    { name: 'a push that the laptop saw', event: sent('push', 'laptop'), sensors: ['files'] },
    { name: 'a push of which the code host told', event: sent('push', 'code_host'), sensors: ['code_host'] },
    { name: 'a fork', event: sent('fork', 'code_host'), sensors: ['code_host'] },
    { name: 'pushes outside, counted by both', event: slow('outside_pushes'), sensors: ['code_host', 'files'] },
    { name: 'a login abroad', event: login('identity_provider'), sensors: ['identity_provider'] },
    { name: 'a push from abroad', event: login('code_host'), sensors: ['code_host'] },
    { name: 'clones', event: slow('repositories'), sensors: ['code_host'] },
    { name: 'copies to a sync folder', event: slow('sync_bytes'), sensors: ['files'] },
  ]
  for (const { name, event, sensors } of rows) it(name, () => assert.deepEqual(sensorsOf(event), sensors))
})
