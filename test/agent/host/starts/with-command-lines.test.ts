import assert from 'node:assert/strict'
import type { Caught, Start, StartSourceKind } from '../../../../agent/host/host.ts'
import { withCommandLines } from '../../../../agent/host/starts/with-command-lines.ts'

const start = (pid: number, args: string[] | null = null): Start => ({
  pid,
  file: args === null ? '/x' : null,
  parents: [],
  caught: args === null ? null : ({ args, image: '/x', folder: '/' } satisfies Caught),
})

function setup(first: Start[][], second: Start[][] | Error) {
  const calls: string[] = []
  let ms = 0
  const kind = (name: StartSourceKind['name'], reads: Start[][] | Error): StartSourceKind => ({
    name,
    open: () => {
      calls.push(`open ${name}`)
      if (reads instanceof Error) throw reads
      return {
        name,
        read: () => ({ starts: reads.shift() ?? [], lost: name === 'tracefs' ? 1 : 7 }),
        close: () => void calls.push(`close ${name}`),
      }
    },
  })
  const source = withCommandLines(kind('tracefs', first), kind('connector', second), () => ms).open()
  return { source, calls, pass: (by: number) => (ms += by) }
}
const commands = ({ starts }: { starts: Start[] }) => starts.map((it) => it.caught?.args.join(' ') ?? null)

describe('agent/host/starts/with-command-lines', () => {
  it('takes the starts of the first, and the command lines of the second, by process and order', () => {
    const { source, calls } = setup(
      [[start(7), start(8), start(7)]],
      [[start(7, ['env', 'a']), start(7, ['a']), start(9, ['b'])]],
    )
    const read = source.read()
    assert.deepEqual(commands(read), ['env a', null, 'a'])
    assert.deepEqual([source.name, read.lost], ['tracefs', 1])
    source.close()
    assert.deepEqual(calls, ['open tracefs', 'open connector', 'close connector', 'close tracefs'])
  })

  it('is off while many programs start, and on again when it is quiet', () => {
    const many = Array.from({ length: 150 }, (_, pid) => start(pid + 1))
    const { source, calls, pass } = setup([many, many], [])
    source.read()
    assert.deepEqual(calls, ['open tracefs', 'open connector', 'close connector'])
    pass(30_000)
    source.read()
    assert.equal(calls.length, 3)
    pass(98_000)
    source.read()
    assert.equal(calls.length, 3, 'there were more in between')
    pass(2_000)
    source.read()
    assert.deepEqual(calls.slice(3), ['open connector'])
  })

  it('goes on without the second, and tries it again later', () => {
    const { source, calls, pass } = setup([[start(7)]], new Error('no koffi'))
    assert.deepEqual(commands(source.read()), [null])
    pass(599_000)
    source.read()
    assert.equal(calls.length, 2)
    pass(2_000)
    source.read()
    assert.deepEqual(calls, ['open tracefs', 'open connector', 'open connector'])
  })
})
