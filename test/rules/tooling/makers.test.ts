import assert from 'node:assert/strict'
import { join } from 'node:path'
import { load } from '../../../rules/language/index.ts'
import { deadOn, missing } from '../../../rules/tooling/dead-rules.ts'
import { readRuleFiles } from '../../../rules/tooling/load.ts'
import {
  fieldTable,
  makersOf,
  SYSTEMS,
  type System,
  WITHOUT_MAKER,
  withoutMaker,
} from '../../../rules/tooling/makers.ts'
import { TOOLS, toolsMissed, unrecognised } from '../../../rules/tooling/tool-marks.ts'

const ours = load(await readRuleFiles([join(import.meta.dirname, '../../../rules/content')]))
const table = fieldTable(ours)

describe('the makers of fields', () => {
  it('has a maker or a reason for every field that a rule, a deriver or the catalogue reads', () => {
    const marks = new Set(Object.keys(WITHOUT_MAKER))
    const dead = withoutMaker(table).filter(({ category, field }) => {
      return !marks.has(category) && !marks.has(`${category}.${field}`)
    })
    assert.deepEqual(
      dead.map(({ category, field, rules, readers }) => `${category}.${field}: ${[...rules, ...readers].join(', ')}`),
      [],
    )
  })

  it('gives no reason for a field that has a maker, or that nobody reads', () => {
    const dead = withoutMaker(table)
    const stale = Object.keys(WITHOUT_MAKER).filter(
      (mark) => !dead.some(({ category, field }) => mark === category || mark === `${category}.${field}`),
    )
    assert.deepEqual(stale, [])
  })

  const cases: { field: string; linux: readonly string[]; macos: readonly string[] }[] = [
    { field: 'process_creation.Image', linux: ['processes'], macos: ['processes'] },
    { field: 'process_creation.Signer', linux: [], macos: ['processes'] },
    { field: 'network_connection.DestinationHostname', linux: [], macos: [] },
    { field: 'agent_state.Action', linux: ['agent'], macos: ['agent'] },
    { field: 'tool.Approved', linux: ['deriver tool'], macos: ['deriver tool'] },
    { field: 'connection.Country', linux: ['deriver connection'], macos: ['deriver connection'] },
    { field: 'rhythm.Days', linux: [], macos: [] },
    { field: 'idp_login.Country', linux: ['feed'], macos: ['feed'] },
    { field: 'contract_event.Action', linux: ['feed', 'deriver exit-window'], macos: ['feed', 'deriver exit-window'] },
    { field: 'tool.Contract.roles', linux: ['server'], macos: ['server'] },
    { field: 'tool.Colour', linux: [], macos: [] },
    { field: 'dns_query.QueryName', linux: [], macos: [] },
  ]
  for (const { field, linux, macos } of cases)
    it(field, () => {
      const [, category = '', name = ''] = /^([a-z_]+)\.(.*)$/.exec(field) ?? []
      assert.deepEqual(makersOf(category, name, 'linux'), linux)
      assert.deepEqual(makersOf(category, name, 'macos'), macos)
    })
})

describe('rules that cannot fire', () => {
  const rule = (name: string, category: string, detection: string, more = '') =>
    `title: ${name}\nname: ${name}\nid: ${name}\nlogsource: { category: ${category}${more} }\ndetection: ${detection}\n`
  const correlation = (name: string, rest: string) =>
    `title: ${name}\nname: ${name}\nid: ${name}\ncorrelation: { ${rest}, group-by: [worker], timespan: 1h }\n`
  const text = [
    rule('collected', 'process_creation', '{ a: { Image: x }, condition: a }'),
    rule('signed', 'process_creation', '{ a: { Signer: x }, condition: a }'),
    rule('unsigned', 'process_creation', '{ a: { Signer: null }, condition: a }'),
    rule('not_signed', 'process_creation', '{ a: { Signer: x }, condition: not a }'),
    rule('either', 'process_creation', '{ a: { Signer: x }, b: { Image: y }, condition: a or b }'),
    rule('both', 'process_creation', '{ a: { Signer: x }, b: { Image: y }, condition: a and b }'),
    rule('same', 'process_creation', '{ a: { Image|fieldref: Signer }, condition: a }'),
    rule('for_windows', 'process_creation', '{ a: { Image: x }, condition: a }', ', product: windows'),
    rule('shares', 'volume_anomaly', '{ a: { Metric: file_share_bytes }, condition: a }'),
    rule('clones', 'volume_anomaly', '{ a: { Metric: repositories }, condition: a }'),
    rule(
      'not_shares',
      'volume_anomaly',
      '{ a: { Metric: repositories }, b: { Metric: file_share_bytes }, condition: a and not b }',
    ),
    rule('web_drop', 'tool', '{ a: { ToolId: wetransfer }, condition: a }'),
    rule('anydesk', 'tool', '{ a: { ToolId: [anydesk, wetransfer] }, condition: a }'),
    rule('days', 'rhythm', '{ a: { Days: 1 }, condition: a }'),
    rule('other', 'dns_query', '{ a: { QueryName: x }, condition: a }'),
    rule('words', 'process_creation', '{ a: [x], condition: a }'),
    rule('login', 'idp_login', '{ a: { Country: DE }, condition: a }'),
    correlation('and', 'type: temporal, rules: [collected, signed]'),
    correlation('or', 'type: temporal, rules: [collected, signed, words], condition: words and (collected or signed)'),
    correlation('counts', 'type: value_count, rules: [collected], condition: { field: Signer, gte: 2 }'),
    correlation('images', 'type: value_count, rules: [collected], condition: { field: Image, gte: 2 }'),
  ].join('---\n')
  const loaded = load([{ path: 'a.yml', text }])
  const dead = (system: System) => [...deadOn(loaded, system)].sort()

  it('loads the rules of this test', () => assert.deepEqual(loaded.problems, []))
  it('on Linux: what needs a field or a value that nothing makes', () =>
    assert.deepEqual(dead('linux'), [
      ...['and', 'both', 'counts', 'days', 'for_windows', 'other', 'same', 'signed', 'web_drop'],
    ]))
  it('on macOS: also what needs a collector', () =>
    assert.deepEqual(
      ['login', 'clones', 'not_shares'].filter((it) => dead('macos').includes(it)),
      [],
    ))
  it('says what is missing', () => {
    const of = (name: string, system: System = 'linux') => missing(loaded.rules.find((it) => it.name === name)!, system)
    assert.deepEqual(of('both'), ['process_creation.Signer'])
    assert.deepEqual(of('shares'), [])
    assert.deepEqual(of('shares', 'windows'), ['egress.DestinationHostname', 'egress.DestinationIp', 'egress.Image'])
    assert.deepEqual(of('clones'), [])
    assert.deepEqual(of('not_shares'), [])
    assert.deepEqual(of('web_drop'), ['network_connection.DestinationHostname', 'egress.DestinationHostname'])
    assert.deepEqual(of('days'), ['rhythm'])
  })
  it('of ours: on every system some can', () => {
    const all = ours.rules.length + ours.correlations.length
    for (const system of SYSTEMS) assert.ok(deadOn(ours, system).size < all, system)
  })
})

describe('tools that cannot be recognised', () => {
  it('are those that only unfilled fields show', () => {
    const ids = new Set(unrecognised('linux').map((it) => it.id))
    assert.ok(ids.has('wetransfer') && !ids.has('anydesk'))
  })
  it('are not all where programs are collected', () => assert.ok(unrecognised('macos').length < TOOLS.length))
  it('are counted for each field that would show them', () => {
    assert.ok(toolsMissed('network_connection.DestinationHostname', 'linux').some((it) => it.id === 'wetransfer'))
    assert.deepEqual(toolsMissed('process_creation.Image', 'linux'), [])
  })
})
