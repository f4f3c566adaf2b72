import assert from 'node:assert/strict'
import { loadCatalogue, recognise } from '../../../rules/catalogue/index.ts'
import { type Company, companyOf, RMMS, SASES } from '../../../server/simulate/company.ts'
import { simulate } from '../../../server/simulate/simulate.ts'
import { Recorded, type RecordedOf } from '../../../wire/recording.ts'

const START = Date.UTC(2026, 8, 14)
const WORKERS = 40

function records(company: Company | null, days = 12): Recorded[] {
  const options = { scenarios: [], seed: 3, workers: WORKERS, days, start: START, company }
  return [...simulate(options)].map((it) => Recorded.parse(JSON.parse(it)))
}
const of = <T extends Recorded['type']>(all: readonly Recorded[], type: T) =>
  all.filter((it) => it.type === type) as RecordedOf<T>[]

describe('a company with its own tools on every laptop', () => {
  const company = companyOf({ rmm: 'ninjaone', sase: 'zscaler' })!
  let all: Recorded[]
  before(() => {
    all = records(company)
  })

  it('every laptop has them, as the catalogue knows them', () => {
    const catalogue = loadCatalogue()
    const seen = new Map<string, Set<string>>()
    for (const { device, event } of of(all, 'event'))
      for (const { id } of recognise(catalogue, event)?.tools ?? [])
        seen.set(id, (seen.get(id) ?? new Set()).add(device))
    for (const id of [RMMS.ninjaone.id, SASES.zscaler.id])
      assert.ok((seen.get(id)?.size ?? 0) >= WORKERS * 0.9, `${id}: ${seen.get(id)?.size}`)
  })
  it('they were there before the agent, and no contract approves them', () => {
    const ninja = of(all, 'event').flatMap(({ event }) =>
      event.category === 'software' && /ninja/i.test(event.Name) ? [event] : [],
    )
    const present = ninja.filter((it) => it.Action === 'present')
    assert.ok(present.length >= WORKERS)
    assert.ok(present.every((it) => it.InstalledAt === null))
    for (const { approvedTools, approvedEgress } of of(all, 'contract'))
      assert.deepEqual([approvedTools, approvedEgress], [[], []])
  })
  it('traffic comes out of the service, in another country now and then, but not in an office', () => {
    const sessions = of(all, 'connection')
    const through = sessions.filter(({ geo }) => geo?.asn === SASES.zscaler.provider[0])
    assert.ok(through.length > sessions.length * 0.6)
    assert.ok(sessions.every(({ geo }) => geo?.asn === SASES.zscaler.provider[0] || geo?.class === 'corporate'))
    const countries = new Map(of(all, 'contract').map((it) => [it.worker, it.country]))
    const abroad = through.filter(({ device, geo }) => countries.get(`w${device.slice(1)}`) !== geo?.country)
    assert.ok(abroad.length > 10 && abroad.length < through.length, `${abroad.length} of ${through.length}`)
  })
  it('the help desk connects now and then', () => {
    const sessions = of(all, 'event').filter(
      ({ event }) => event.category === 'remote_session' && event.Tool === 'NinjaOne',
    )
    assert.ok(sessions.length >= 4 && sessions.length % 2 === 0, `${sessions.length}`)
    assert.ok(sessions.every(({ facts }) => facts?.peer))
  })
  it('without it nothing of the kind is there', () => {
    const text = JSON.stringify(records(null, 3))
    assert.doesNotMatch(text, /ninja|ZSCALER/i)
  })
  it('the names that the simulator knows are tools of the catalogue', () => {
    const known = new Set(loadCatalogue().tools.map((it) => it.id))
    for (const { id } of [...Object.values(RMMS), ...Object.values(SASES)]) assert.ok(known.has(id), id)
  })
  it('refuses other names, and says which it has', () => {
    assert.throws(() => companyOf({ rmm: 'magic' }), /magic.*ninjaone/)
    assert.equal(companyOf({}), null)
  })
})
