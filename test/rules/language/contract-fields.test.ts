/** What rules can ask about the contract that held when something was seen. */
import assert from 'node:assert/strict'
import { compile, load } from '../../../rules/language/index.ts'

const CONTRACT = {
  worker: 'w1',
  from: 1_790_000_000_000,
  country: 'US',
  city: 'Austin',
  timeZone: 'America/Chicago',
  roles: ['developer', 'on-call'],
  end: null,
  shipTo: { country: 'DE', city: 'Berlin' },
  approvedTools: [
    { tool: 'ScreenConnect', tenant: 'acme', ticket: 'T-1' },
    { tool: 'Zoom', tenant: null },
  ],
  approvedEgress: [{ asn: 64_500 }, { address: '198.51.100.0/24' }],
  household: ['w7', 'w9'],
  declaredHours: [{ days: [6, 7], start: '22:00', end: '06:00' }],
}
const EVENT = { category: 'tool', product: 'tellwire', Tool: 'zoom', Country: 'us' }

function fires(selection: string, event: Record<string, unknown>, condition = 'sel'): boolean {
  const text = `title: A rule
id: 11111111-1111-4111-8111-111111111111
logsource: { category: tool }
detection:
  sel: ${selection}
  condition: ${condition}
`
  const { rules, problems } = load([{ path: 'a.yml', text }])
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  )
  return compile(rules).match(event).length > 0
}

describe('Contract.* in rules', () => {
  const rows: { selection: string; fires: boolean; why?: string }[] = [
    { selection: '{ Contract.country: us }', fires: true },
    { selection: '{ Contract.country: DE }', fires: false },
    { selection: '{ Contract.city|startswith: Aus }', fires: true },
    { selection: '{ Contract.shipTo.country: DE }', fires: true },
    { selection: '{ Contract.roles: on-call }', fires: true },
    { selection: '{ Contract.roles: designer }', fires: false },
    { selection: '{ Contract.roles|contains|all: [dev, call] }', fires: true, why: 'each word by any of the roles' },
    { selection: '{ Contract.approvedTools.tool: zoom }', fires: true },
    { selection: '{ Contract.approvedTools.tool|re: "^Screen" }', fires: true },
    { selection: '{ Contract.approvedTools.ticket: T-1 }', fires: true },
    { selection: '{ Contract.approvedTools.tenant: globex }', fires: false },
    {
      selection: '{ Contract.approvedTools.tool: Zoom, Contract.approvedTools.tenant: acme }',
      fires: true,
      why: 'two fields of a list are asked apart: they need not be of one entry',
    },
    { selection: '{ Contract.approvedEgress.asn: 64500 }', fires: true },
    { selection: '{ Contract.approvedEgress.asn|gte: 64501 }', fires: false },
    { selection: '{ Contract.household: w9 }', fires: true },
    { selection: '{ Contract.declaredHours.days: 7 }', fires: true },
    { selection: '{ Contract.declaredHours.days: 1 }', fires: false },
    { selection: '{ Contract.end: null }', fires: true },
    { selection: '{ Contract.referredBy|exists: false }', fires: true },
    { selection: '{ Contract.timeZone|exists: true }', fires: true },
    { selection: '{ Country|fieldref: Contract.country }', fires: true },
    { selection: '{ Country|fieldref: Contract.shipTo.country }', fires: false },
    { selection: '{ Tool|fieldref: Contract.approvedTools.tool }', fires: true },
    { selection: '{ Tool|fieldref: Contract.approvedTools.tenant }', fires: false },
  ]
  for (const { selection, why = '', ...expected } of rows)
    it(`${selection}: ${expected.fires ? 'fires' : 'quiet'} ${why}`, () =>
      assert.equal(fires(selection, { ...EVENT, Contract: CONTRACT }), expected.fires))

  it('without a contract every positive question is answered no, and so is a comparison with it', () => {
    for (const selection of rows.filter((it) => !/null|exists: false/.test(it.selection)).map((it) => it.selection))
      assert.equal(fires(selection, EVENT), false, selection)
  })

  it('a negation also holds without a contract', () => {
    const listed = '{ Tool|fieldref: Contract.approvedTools.tool }'
    assert.equal(fires(listed, { ...EVENT, Contract: CONTRACT }, 'not sel'), false)
    assert.equal(fires(listed, { ...EVENT, Tool: 'AnyDesk', Contract: CONTRACT }, 'not sel'), true)
    assert.equal(fires(listed, EVENT, 'not sel'), true)
  })

  it('words without a field do not look into it: whether it is there depends on other rules', () => {
    assert.equal(fires('[ScreenConnect]', { ...EVENT, Contract: CONTRACT }), false)
    assert.equal(fires('[zoom]', { ...EVENT, Contract: CONTRACT }), true)
  })
})
