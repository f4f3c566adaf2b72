import assert from 'node:assert/strict'
import { logons, parseSession, parseUtmp } from '../../../../agent/collectors/linux/logons.ts'
import type { Observation } from '../../../../wire/event.ts'
import { denied, fakeHost, put, watchPolls } from '../../fake-host.ts'

interface Utmp {
  type?: number
  pid?: number
  line: string
  user: string
  host?: string
  address?: number[]
}
function utmp(...entries: Utmp[]): Buffer {
  return Buffer.concat(
    entries.map(({ type = 7, pid = 1, line, user, host = '', address = [] }) => {
      const entry = Buffer.alloc(384)
      entry.writeInt16LE(type, 0)
      entry.writeInt32LE(pid, 4)
      entry.write(line, 8, 32, 'utf8')
      entry.write(user, 44, 32, 'utf8')
      entry.write(host, 76, 256, 'utf8')
      entry.set(address, 348)
      return entry
    }),
  )
}

describe('agent/collectors/linux/logons', () => {
  const entries: [name: string, entry: Utmp, expected: string][] = [
    ['the desktop', { line: ':0', user: 'ann', host: ':0' }, 'ann console null'],
    ['a virtual terminal', { line: 'tty2', user: 'ann' }, 'ann console null'],
    ['a seat', { line: 'seat0', user: 'ann', host: 'login screen' }, 'ann console null'],
    ['a window', { line: 'pts/1', user: 'ann', host: ':0' }, 'ann terminal null'],
    ['tmux', { line: 'pts/1', user: 'ann', host: 'tmux(99).%0' }, 'ann terminal null'],
    [
      'ssh, by IPv4',
      { line: 'pts/1', user: 'ann', host: 'far.example', address: [203, 0, 113, 9] },
      'ann remote 203.0.113.9',
    ],
    [
      'ssh, by IPv6',
      { line: 'pts/1', user: 'ann', address: [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1] },
      'ann remote 2001:db8::1',
    ],
    ['ssh, by name', { line: 'pts/1', user: 'ann', host: 'far.example' }, 'ann remote null'],
    ['a link-local address with its zone', { line: 'pts/1', user: 'ann', host: 'fe80::1%eth0' }, 'ann remote fe80::1'],
    ['a name without a terminator', { line: 'pts/1', user: 'x'.repeat(32) }, `${'x'.repeat(32)} terminal null`],
  ]
  for (const [name, entry, expected] of entries)
    it(`utmp: ${name}`, () =>
      assert.deepEqual(
        parseUtmp(utmp(entry)).map((it) => `${it.User} ${it.LogonType} ${it.SourceIp}`),
        [expected],
      ))

  it('skips entries that are not users, and an incomplete tail', () => {
    const bytes = utmp(
      { type: 2, line: '~', user: 'reboot' },
      { type: 8, line: 'pts/1', user: '' },
      { line: 'tty1', user: 'ann' },
    )
    assert.equal(parseUtmp(Buffer.concat([bytes, Buffer.alloc(100, 7)])).length, 1)
  })

  const sessions: [name: string, text: string, expected: string | null][] = [
    ['the desktop', 'UID=1000\nUSER=ann\nCLASS=user\nSEAT=seat0\nREMOTE=0\nTYPE=wayland\n', 'ann console null'],
    ['ssh', 'UID=1000\nUSER=ann\nCLASS=user\nREMOTE=1\nREMOTE_HOST=203.0.113.9\nTTY=pts/0\n', 'ann remote 203.0.113.9'],
    ['a greeter', 'UID=120\nUSER=gdm\nCLASS=greeter\nSEAT=seat0\n', null],
    ['a manager', 'UID=1000\nUSER=ann\nCLASS=manager\n', null],
    ['another format', 'x', null],
  ]
  for (const [name, text, expected] of sessions)
    it(`session: ${name}`, () => {
      const found = parseSession('c1', text)
      assert.equal(found && `${found.User} ${found.LogonType} ${found.SourceIp}`, expected)
    })

  it('reports present users, logons and logoffs', async () => {
    const host = fakeHost({ '/run/utmp': utmp({ line: 'tty1', user: 'ann' }) })
    const polls = await watchPolls(logons, host, [
      () =>
        put(
          host.tree,
          '/run/utmp',
          utmp({ line: 'tty1', user: 'ann' }, { line: 'pts/1', user: 'bob', address: [203, 0, 113, 9] }),
        ),
      () => {},
      () => put(host.tree, '/run/utmp', utmp({ line: 'pts/1', user: 'bob', address: [203, 0, 113, 9] })),
    ])
    assert.deepEqual(polls.map(reported), [['present ann'], ['logon bob'], [], ['logoff ann']])
  })

  it('reports many at once over several polls, each once', async () => {
    const many = Array.from({ length: 300 }, (_, n) => ({ line: `pts/${n}`, user: 'ann' }))
    const host = fakeHost({ '/run/utmp': utmp(...many) })
    const polls = await watchPolls(logons, host, [() => {}, () => put(host.tree, '/run/utmp', utmp())])
    assert.deepEqual(
      polls.map((it) => [...new Set(reported(it))].join() + it.length),
      ['present ann256', 'present ann44', 'logoff ann300'],
    )
  })

  it('uses logind without utmp, and reports a gap without either', async () => {
    const host = fakeHost({
      '/run/systemd/sessions/c1': 'UID=1000\nUSER=ann\nCLASS=user\nSEAT=seat0\n',
      '/run/systemd/sessions/c1.ref': '',
    })
    assert.deepEqual((await watchPolls(logons, host)).map(reported), [['present ann']])
    assert.deepEqual((await watchPolls(logons, fakeHost({}))).map(reported), [['unsupported']])
    assert.deepEqual((await watchPolls(logons, fakeHost({ '/run/utmp': denied }))).map(reported), [['denied']])
  })
})

function reported(found: Observation[]): string[] {
  return found.map((it) =>
    it.category === 'logon' ? `${it.Action} ${it.User}` : it.category === 'collection_gap' ? it.Reason : it.category,
  )
}
