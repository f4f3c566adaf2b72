import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { findPlace, type PlaceNames, zoneAt, zonesOf } from '../../rules/gazetteer/gazetteer.ts'
import { folded, plainRegion } from '../../rules/gazetteer/names.ts'

/** To a tenth of a degree: 10 km. */
const point = (names: PlaceNames) => {
  const [one, ...more] = findPlace(names)?.points ?? []
  return one && more.length === 0 ? `${one.latitude.toFixed(1)} ${one.longitude.toFixed(1)}` : null
}
const AUSTIN = '30.3 -97.7'

describe('gazetteer: one city', () => {
  const rows: [names: PlaceNames, at: string][] = [
    [{ country: 'US', region: 'Texas', city: 'Austin' }, AUSTIN],
    [{ country: 'US', region: 'TX', city: 'austin' }, AUSTIN],
    [{ country: 'US', region: 'US-TX', city: 'AUSTIN' }, AUSTIN],
    [{ country: 'US', region: 'State of Texas', city: 'Austin ' }, AUSTIN],
    [{ country: 'US', city: 'Austin, Texas' }, AUSTIN],
    [{ country: 'US', city: 'Austin, TX, USA' }, AUSTIN],
    [{ country: 'US', city: 'Austin, TX 78701, United States' }, AUSTIN],
    [{ country: 'US', city: 'Austin TX' }, AUSTIN],
    [{ country: 'US', city: 'Austin' }, AUSTIN],
    [{ country: 'US', region: 'Austin, Texas' }, AUSTIN],
    [{ country: 'US', city: 'Greater Austin Area' }, AUSTIN],
    [{ country: 'US', region: 'Minnesota', city: 'Austin' }, '43.7 -93.0'],
    [{ country: 'US', region: 'Iowa', city: 'Waterloo' }, '42.5 -92.3'],
    [{ country: 'US', region: 'Missouri', city: 'St. Louis' }, '38.6 -90.2'],
    [{ country: 'US', region: 'New York', city: 'New York' }, '40.7 -74.0'],
    [{ country: 'US', city: 'NYC' }, '40.7 -74.0'],
    [{ country: 'US', city: 'Washington, DC' }, '38.9 -77.0'],
    [{ country: 'US', region: 'Georgia', city: 'Atlanta' }, '33.8 -84.4'],
    [{ country: 'DE', region: 'Bayern', city: 'München' }, '48.1 11.6'],
    [{ country: 'DE', region: 'DE-BY', city: 'Muenchen' }, '48.1 11.6'],
    [{ country: 'DE', region: 'Bavaria', city: 'MUNICH' }, '48.1 11.6'],
    [{ country: 'DE', city: 'Cologne' }, '50.9 7.0'],
    [{ country: 'DE', city: 'Köln, NRW' }, '50.9 7.0'],
    [{ country: 'DE', city: 'Frankfurt (Innenstadt)' }, '50.1 8.7'],
    [{ country: 'FR', region: 'Ile-de-France', city: 'Paris' }, '48.9 2.4'],
    [{ country: 'CA', region: 'QC', city: 'Montréal' }, '45.5 -73.6'],
    [{ country: 'CA', region: 'CA-ON', city: 'toronto' }, '43.7 -79.4'],
    [{ country: 'GB', region: 'Greater London', city: 'London' }, '51.5 -0.1'],
    [{ country: 'GB', region: 'GB-ENG', city: 'London, UK' }, '51.5 -0.1'],
    [{ country: 'IN', region: 'Karnataka', city: 'Bangalore' }, '13.0 77.6'],
    [{ country: 'PL', city: 'lodz' }, '51.8 19.5'],
    [{ country: 'BR', region: 'SP', city: 'Sao Paulo' }, '-23.6 -46.6'],
    [{ country: 'CN', region: 'Liaoning', city: 'Shenyang' }, '41.8 123.4'],
    [{ country: 'SG', region: 'Singapore', city: 'Singapore' }, '1.3 103.8'],
    [{ country: 'RU', region: 'Moscow', city: 'Moscow' }, '55.8 37.6'],
  ]
  for (const [names, at] of rows) it(JSON.stringify(names), () => assert.equal(point(names), at))
})

describe('gazetteer: a region, or several towns', () => {
  const rows: [name: string, names: PlaceNames, least: number][] = [
    ['a region alone', { country: 'US', region: 'Texas' }, 100],
    ['a region in the field of the city', { country: 'US', city: 'Texas' }, 100],
    ['a region with its country', { country: 'US', region: 'Texas, US' }, 100],
    ['a town that is not known is somewhere in its region', { country: 'US', region: 'TX', city: 'Nowhereville' }, 100],
    ['a state that shares its name with a city', { country: 'US', region: 'New York' }, 100],
    ['a name that several towns have', { country: 'US', city: 'Springfield' }, 3],
  ]
  for (const [name, names, least] of rows) it(name, () => assert.ok((findPlace(names)?.points.length ?? 0) >= least))

  const unknown: [name: string, names: PlaceNames][] = [
    ['a country alone', { country: 'US' }],
    ['a name without a country', { city: 'Austin' }],
    ['a town and a region that nobody knows', { country: 'US', region: 'Westland', city: 'Nowhereville' }],
    ['a country that nobody knows', { country: 'XX', city: 'Austin' }],
    ['empty names', { country: 'US', region: '', city: ' ' }],
    ['only punctuation', { country: 'US', city: ' ,;/ ' }],
  ]
  for (const [name, names] of unknown) it(`not comparable: ${name}`, () => assert.equal(findPlace(names), null))
})

describe('gazetteer', () => {
  it('has the time zones of countries and places', () => {
    assert.deepEqual(zonesOf('DE').includes('Europe/Berlin'), true)
    assert.deepEqual(findPlace({ country: 'US', region: 'Tennessee', city: 'Knoxville' })?.zones, ['America/New_York'])
    assert.equal(zoneAt('US', { latitude: 47.6, longitude: -122.3 }), 'America/Los_Angeles')
    assert.equal(zoneAt('XX', { latitude: 0, longitude: 0 }), null)
  })
  it('folds names', () => {
    assert.equal(folded("L'Hay-les-Roses, Île"), 'lhay les roses ile')
    assert.equal(plainRegion('Province of Ontario'), 'ontario')
    assert.equal(plainRegion('Region'), 'region')
  })
  it('is small', () =>
    assert.ok(statSync(new URL('../../rules/gazetteer/places.txt', import.meta.url)).size < 1_500_000))
})
