import assert from 'node:assert/strict'
import { parseCsv } from '../../../server/roster/csv.ts'

describe('comma-separated values', () => {
  const cases: { name: string; text: string; rows: [line: number, ...cells: string[]][] }[] = [
    { name: 'nothing', text: '', rows: [] },
    { name: 'a byte order mark alone', text: '\uFEFF', rows: [] },
    {
      name: 'LF',
      text: 'a,b\nc,d\n',
      rows: [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
      ],
    },
    {
      name: 'CRLF, a byte order mark and no last newline',
      text: '\uFEFFa,b\r\nc,d',
      rows: [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
      ],
    },
    {
      name: 'empty cells',
      text: ',\n,,\n',
      rows: [
        [1, '', ''],
        [2, '', '', ''],
      ],
    },
    {
      name: 'blank lines, which count as lines',
      text: '\n\r\na\n\nb',
      rows: [
        [3, 'a'],
        [5, 'b'],
      ],
    },
    {
      name: 'quoted commas, quotes and newlines',
      text: '"a,b","c ""d"" e","f\r\ng"\nh',
      rows: [
        [1, 'a,b', 'c "d" e', 'f\r\ng'],
        [3, 'h'],
      ],
    },
    { name: 'an empty quoted cell', text: '"",x', rows: [[1, '', 'x']] },
    { name: 'a quote inside a plain cell', text: 'a"b,c', rows: [[1, 'a"b', 'c']] },
    { name: 'a lone carriage return is data', text: 'a\rb,c\r', rows: [[1, 'a\rb', 'c']] },
    { name: 'blanks are data', text: ' a , b', rows: [[1, ' a ', ' b']] },
  ]
  for (const { name, text, rows } of cases)
    it(name, () => {
      const found = [...parseCsv(text)].map(({ line, cells, problem }) => (problem ? problem : [line, ...cells]))
      assert.deepEqual(found, rows)
    })

  it('text after a closing quote affects only its row', () => {
    const rows = [...parseCsv('a,"b"c,d\ne,f\n')]
    assert.match(rows[0]?.problem ?? '', /follows a closing quote/)
    assert.deepEqual(rows[1], { line: 2, cells: ['e', 'f'], problem: null })
  })

  it('a quote that is never closed is reported with the line where it was opened', () => {
    const rows = [...parseCsv('a\n"b\nc\nd')]
    assert.deepEqual(rows[0]?.cells, ['a'])
    assert.match(rows[1]?.problem ?? '', /opened on line 2 is never closed/)
    assert.equal(rows.length, 2)
  })

  it('takes time in proportion to the text', () => {
    const rows = [...parseCsv('"a""b",c\n'.repeat(100_000))]
    assert.deepEqual([rows.length, rows.at(-1)?.line], [100_000, 100_000])
  })
})
