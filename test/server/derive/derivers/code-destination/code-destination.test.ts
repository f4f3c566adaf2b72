import assert from 'node:assert/strict'
import type { EventOf } from '../../../../../wire/event.ts'
import type { Recorded } from '../../../../../wire/recording.ts'
import { approval, contract, event, HOUR, holding, received, T0 } from '../../../events.ts'
import { type Run, sameInAnyOrder, standing } from '../../standing.ts'

const team = (count: number): Recorded[] =>
  Array.from({ length: count }, (_, n) => [contract(`w${n + 1}`), holding(`d${n + 1}`, `w${n + 1}`)]).flat()

/** `place`: 'host/namespace'; without a host, a folder. */
function act(n: number, Action: EventOf<'repository'>['Action'], place: string | null, hours = 0): Recorded {
  const [Host = null, Namespace = null] = place?.split('/') ?? []
  const fields = { Action, Host, Namespace, Bytes: null, InsideOrganisation: null }
  return received(`d${n}`, event('repository', fields, T0 + hours * HOUR))
}
function audited(n: number, fields: Partial<EventOf<'repo_audit'>>, hours = 0): Recorded {
  const unsaid = { Repository: null, Destination: null, InsideOrganisation: null, OutsideTeam: null, Ip: null }
  const time = T0 + hours * HOUR
  const it = event(
    'repo_audit',
    {
      ...unsaid,
      Worker: `w${n}`,
      Country: null,
      AccountHash: null,
      Count: null,
      Bytes: null,
      Action: 'clone',
      ...fields,
    },
    time,
  )
  return { type: 'feed', worker: `w${n}`, time, event: { ...it, seq: null } }
}
const clones = (count: number, place: string) => Array.from({ length: count }, (_, n) => act(n + 1, 'clone', place, n))
const found = (records: readonly Recorded[], run: Run = {}) =>
  standing('code_destination', records, run).map(
    (it) => `${it.Action} ${[it.Host, it.Namespace].filter(Boolean).join('/')} ${it.Inside} x${it.CountInWindow}`,
  )

const OURS = { thresholds: { code_destination: { ours: ['git.acme.example', 'github.com/Acme'] } } }
const PRIVATE = 'github.com/jk-private-77'

describe('code_destination (#71)', () => {
  const rows: { name: string; records: Recorded[]; run?: Run; found: string[] }[] = [
    {
      name: 'mirrors to a private namespace, when nobody knows what is ours',
      records: [...team(1), ...Array.from({ length: 12 }, (_, n) => act(1, 'mirror', PRIVATE, n / 60))],
      found: [`mirror ${PRIVATE} null x12`],
    },
    {
      name: 'a configured namespace, in any case',
      records: [...team(1), act(1, 'push', 'GitHub.com/acme')],
      run: OURS,
      found: [],
    },
    { name: 'a configured host', records: [...team(1), act(1, 'mirror', 'git.acme.example/x')], run: OURS, found: [] },
    {
      name: 'a namespace that the company approves, a day later',
      records: [
        ...team(1),
        act(1, 'push', 'github.com/corp'),
        act(1, 'push', PRIVATE, 24),
        approval({ kind: 'repository', host: 'github.com', namespace: 'Corp' }),
      ],
      found: [`push ${PRIVATE} null x1`],
    },
    {
      name: 'a host that is approved for a role',
      records: [
        contract('w1', { roles: ['developer'] }),
        holding('d1', 'w1'),
        approval({ kind: 'repository', level: 'role', role: 'developer', host: 'git.corp.example' }),
        act(1, 'push', 'git.corp.example/x'),
      ],
      found: [],
    },
    {
      name: 'another namespace beside a configured one',
      records: [...team(1), act(1, 'push', PRIVATE)],
      run: OURS,
      found: [`push ${PRIVATE} false x1`],
    },
    {
      name: 'learnt: three of twenty take code from there',
      records: [
        ...team(20),
        ...clones(3, 'github.com/corp'),
        ...team(20).slice(0, 0),
        act(9, 'push', 'github.com/corp', 9),
      ],
      found: [],
    },
    {
      name: 'two are not many',
      records: [...team(4), ...clones(2, 'github.com/corp'), act(4, 'push', 'github.com/corp', 9)],
      found: ['push github.com/corp null x1'],
    },
    {
      name: 'three of fifty are not many',
      records: [
        ...[...team(50), ...Array.from({ length: 50 }, (_, n) => act(n + 1, 'clone', 'github.com/corp', n))],
        ...[...clones(3, 'github.com/other'), act(9, 'push', 'github.com/other', 60)],
      ],
      found: ['push github.com/other false x1'],
    },
    {
      name: 'what is learnt says what is not',
      records: [...team(4), ...clones(3, 'github.com/corp'), act(4, 'push', PRIVATE, 9)],
      found: [`push ${PRIVATE} false x1`],
    },
    {
      name: 'a host of our own, with many namespaces',
      records: [
        ...[...team(4), act(1, 'clone', 'git.corp.example/a'), act(2, 'clone', 'git.corp.example/b')],
        ...[act(3, 'clone', 'git.corp.example/c'), act(4, 'push', 'git.corp.example/d', 9)],
      ],
      found: [],
    },
    {
      name: 'a host where anybody has a namespace is never ours as a whole',
      records: [
        ...[
          ...team(4),
          act(1, 'clone', 'gitlab.com/a'),
          act(2, 'clone', 'gitlab.com/b'),
          act(3, 'clone', 'gitlab.com/c'),
        ],
        act(4, 'push', 'gitlab.com/d', 9),
      ],
      found: ['push gitlab.com/d null x1'],
    },
    {
      name: "the audit log's own namespaces, which name no host",
      records: [
        ...[...team(4), ...[1, 2, 3].map((n) => audited(n, { Repository: `corp/r${n}` }))],
        ...[act(4, 'push', 'github.com/corp', 9), act(4, 'push', PRIVATE, 9)],
      ],
      found: [`push ${PRIVATE} false x1`],
    },
    {
      name: 'a push to a well-known public project',
      records: [...team(1), act(1, 'push', 'github.com/kubernetes'), act(1, 'push', 'git.kernel.org/pub')],
      run: OURS,
      found: [],
    },
    {
      name: 'a folder, a clone, a bundle',
      records: [...team(1), act(1, 'mirror', null), act(1, 'clone', PRIVATE), act(1, 'bundle', null)],
      run: OURS,
      found: [],
    },
    {
      name: 'a fork by the audit log',
      records: [...team(1), audited(1, { Action: 'fork', Repository: 'acme/app', Destination: 'github.com/somebody' })],
      run: OURS,
      found: ['fork github.com/somebody false x1'],
    },
    {
      name: "the code host's own word goes first",
      records: [...team(1), audited(1, { Action: 'fork', Destination: 'github.com/x', InsideOrganisation: false })],
      run: OURS,
      found: [],
    },
    {
      name: 'one push that the laptop and the audit log saw is not two',
      records: [...team(1), act(1, 'push', PRIVATE), audited(1, { Action: 'push', Destination: PRIVATE }, 1)],
      run: OURS,
      found: [`push ${PRIVATE} false x1`, `push ${PRIVATE} false x1`],
    },
    {
      name: 'once a day, with the sum of two weeks',
      records: [...team(1), ...[0, 1, 25, 26, 27].map((hours) => act(1, 'push', PRIVATE, hours))],
      run: OURS,
      found: [`push ${PRIVATE} false x2`, `push ${PRIVATE} false x5`],
    },
  ]
  for (const { name, records, run, ...expected } of rows)
    it(name, () => assert.deepEqual(found(records, run), expected.found))

  it('says who saw it', () => {
    const fork = audited(1, { Action: 'fork', Repository: 'acme/app', Destination: 'github.com/somebody' })
    const all = standing('code_destination', [...team(1), act(1, 'push', PRIVATE), fork], OURS)
    assert.deepEqual(all.map((it) => `${it.Action} ${it.SeenBy}`).sort(), ['fork code_host', 'push laptop'])
  })

  it('what colleagues do later takes back a push to a new namespace of ours', () => {
    const early = [...team(3), act(1, 'push', 'github.com/new-org')]
    assert.equal(found(early).length, 1)
    assert.deepEqual(found([...early, ...[1, 2, 3].map((n) => act(n, 'clone', 'github.com/new-org', 24 + n))]), [])
  })

  it('is the same in any order', () => {
    const records = [
      ...clones(3, 'github.com/corp'),
      ...[4, 30, 31, 55].map((hours) => act(1, 'push', PRIVATE, hours)),
      ...[5, 29].map((hours) => act(2, 'mirror', PRIVATE, hours)),
      act(2, 'push', 'github.com/corp', 40),
      audited(1, { Action: 'push', Destination: PRIVATE }, 30),
    ]
    assert.equal(sameInAnyOrder('code_destination', team(3), records).length, 6)
  })
})
