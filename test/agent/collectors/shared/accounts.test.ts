import assert from 'node:assert/strict'
import { accountReader, homesOf } from '../../../../agent/collectors/shared/accounts.ts'
import { denied, fakeHost, type Node, START } from '../../fake-host.ts'

const stamp = { time: START, collector: 'test' }
const many = (count: number) => Array.from({ length: count }, (_, n) => `u${n}:x:${1_000 + n}:1::/home/u${n}:/bin/sh\n`)

describe('agent/collectors/shared/accounts', () => {
  for (const { name, passwd, homes, gaps } of [
    {
      name: 'users and root only',
      passwd: 'root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var/www:/bin/false\nann:x:1000:1000::/home/ann:/bin/sh\n',
      homes: ['/root', '/home/ann'],
      gaps: [],
    },
    { name: 'one home of two accounts', passwd: 'a:x:1000:1::/h:\nb:x:1001:1::/h:\n', homes: ['/h'], gaps: [] },
    { name: 'an unreadable table', passwd: denied, homes: [], gaps: ['/etc/passwd denied null'] },
    { name: 'no table', passwd: undefined, homes: [], gaps: [] },
    { name: 'more homes than the limit', passwd: many(260).join(''), homes: 256, gaps: ['homes overflow 4'] },
  ] as { name: string; passwd: Node | undefined; homes: string[] | number; gaps: string[] }[])
    it(`homes: ${name}`, async () => {
      const host = fakeHost({
        '/proc/self': { data: '', uid: 0 },
        ...(passwd === undefined ? {} : { '/etc/passwd': passwd }),
      })
      const found = await homesOf(accountReader(host), stamp)
      assert.deepEqual(typeof homes === 'number' ? found.homes.length : found.homes, homes)
      assert.deepEqual(
        found.gaps.map((it) => `${it.About} ${it.Reason} ${it.Count}`),
        gaps,
      )
    })
})
