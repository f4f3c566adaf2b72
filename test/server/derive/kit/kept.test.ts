/** Which rows are reported as changed, and how rows are restored. */
import assert from 'node:assert/strict'
import {
  allRows,
  changedRows,
  mapCodec,
  Names,
  prefixed,
  restoreRows,
  Subjects,
  single,
} from '../../../../server/derive/kit/kept.ts'

describe('state by subject', () => {
  const make = () => new Subjects<Map<string, number>>(mapCodec())
  const edits: { name: string; edit: (all: Subjects<Map<string, number>>) => void; told: [string, string | null][] }[] =
    [
      { name: 'nothing', edit: () => {}, told: [] },
      { name: 'a look', edit: (all) => all.get('a'), told: [] },
      { name: 'what was there already', edit: (all) => all.ensure('a', () => new Map()), told: [] },
      { name: 'a new one', edit: (all) => all.ensure('b', () => new Map()), told: [['b', '[]']] },
      { name: 'another value', edit: (all) => all.set('a', new Map([['y', 2]])), told: [['a', '[["y",2]]']] },
      {
        name: 'an edit in place',
        edit: (all) => {
          all.get('a')!.set('y', 2)
          all.touch('a')
        },
        told: [['a', '[["x",1],["y",2]]']],
      },
      { name: 'one that goes', edit: (all) => all.delete('a'), told: [['a', null]] },
      { name: 'one that never was', edit: (all) => all.delete('z'), told: [] },
      {
        name: 'the last of several edits, one row a subject',
        edit: (all) => {
          for (const name of ['b', 'a', 'b', 'b']) all.set(name, new Map())
          all.delete('b')
        },
        told: [
          ['b', null],
          ['a', '[]'],
        ],
      },
    ]
  for (const { name, edit, told } of edits)
    it(`reports ${name}`, () => {
      const all = make()
      all.set('a', new Map([['x', 1]]))
      changedRows({ all })
      edit(all)
      const rows = () => changedRows({ all }).map(({ subject, state }) => [subject, state])
      assert.deepEqual(rows(), told)
      assert.deepEqual(rows(), [])
    })

  it('restored rows are not reported as changed, and can be indexed', () => {
    const before = make()
    for (const name of ['a', 'b', 'c']) before.set(name, new Map([[name, 1]]))
    const indexed: string[] = []
    const after = new Subjects<Map<string, number>>(mapCodec(), (name, value) => indexed.push(`${name}${value.size}`))
    restoreRows({ all: after }, allRows({ all: before }).reverse())
    assert.deepEqual([...after].sort(), [...before])
    assert.deepEqual(indexed, ['c1', 'b1', 'a1'])
    assert.deepEqual(changedRows({ all: after }), [])
  })

  it('rows of unknown parts are ignored', () => {
    const all = make()
    restoreRows({ all }, [{ part: 'old', subject: 'a', state: '[]' }])
    assert.equal(all.size, 0)
  })

  it('a name that is added and removed between two saves is not reported', () => {
    const due = new Names()
    const told = () => changedRows({ due }).map(({ subject, state }) => [subject, state])
    due.add('a')
    due.add('b')
    due.delete('a')
    assert.deepEqual(told(), [['b', '1']])
    due.clear()
    due.add('b')
    assert.deepEqual(told(), [])
    due.clear()
    assert.deepEqual(told(), [['b', null]])
    const after = new Names()
    restoreRows({ due: after }, [{ part: 'due', subject: 'c', state: '1' }])
    assert.deepEqual([[...after], changedRows({ due: after })], [['c'], []])
  })

  it('a single value is reported when it differs, as a copy', () => {
    let value = { days: [1] }
    const part = single(
      () => value,
      (state) => {
        value = state
      },
    )
    const [[, first] = []] = [...part.changed()]
    value.days.push(2)
    assert.deepEqual(first, { days: [1] })
    assert.deepEqual([...part.changed()], [['', { days: [1, 2] }]])
    assert.deepEqual([...part.changed()], [])
    part.restore('', { days: [3] })
    assert.deepEqual([value, [...part.changed()]], [{ days: [3] }, []])
  })

  it('parts of several keepers are combined under prefixes', () => {
    const [a, b] = [make(), make()]
    b.set('x', new Map())
    assert.deepEqual(changedRows({ ...prefixed('one', { all: a }), ...prefixed('two', { all: b }) }), [
      { part: 'two.all', subject: 'x', state: '[]' },
    ])
  })
})
