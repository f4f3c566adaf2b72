import assert from 'node:assert/strict'
import { remoteSessions } from '../../../../agent/collectors/linux/remote-sessions.ts'
import {
  addressOf,
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  type Reader,
  rustdesk,
  sshd,
  syslogTime,
  teamviewerConnections,
  teamviewerLog,
  xrdp,
} from '../../../../agent/collectors/shared/remote-logs.ts'
import type { Observation } from '../../../../wire/event.ts'
import { type FakeHost, fakeHost, put, START, watchPolls } from '../../fake-host.ts'

const at = (ms: number) => new Date(START + ms)
/** Local time, as most logs write it: the tests hold in any zone. */
const local = (ms: number) => {
  const it = at(ms)
  const two = (n: number) => String(n).padStart(2, '0')
  return {
    day: `${it.getFullYear()}-${two(it.getMonth() + 1)}-${two(it.getDate())}`,
    time: `${two(it.getHours())}:${two(it.getMinutes())}:${two(it.getSeconds())}`,
  }
}
const iso = (ms: number) => at(ms).toISOString()
const trace = (ms: number, module: string, text: string) =>
  `   info ${iso(ms).replace('T', ' ').slice(0, 23)}       lsvc   6572   5380   22                ${module} - ${text}`

const ANYDESK = (began: number, ended: number | null = null) =>
  `${[
    trace(began - 400, 'anynet.any_socket', 'Client-ID: 442226597 (FPR: 8e28a2a25b30).'),
    trace(began - 400, 'anynet.any_socket', 'Logged in from 77.232.122.31:4026 on relay 872f8937.'),
    trace(began, 'app.backend_session', 'Incoming session request: Somebody (fake (1) (442226597)'),
    trace(began + 5_000, 'app.session', '3: Authenticated with permanent token.'),
    ...(ended === null ? [] : [trace(ended, 'app.session', 'Session closed by remote side: user_close')]),
  ].join('\r\n')}\r\n`

const read = (reader: Reader, lines: string) =>
  lines.split(/\r?\n/).flatMap((line) => {
    const step = reader(line, START)
    return step === null ? [] : [step]
  })

describe('remote-logs', () => {
  it('AnyDesk trace', () =>
    assert.deepEqual(read(anydeskTrace(), ANYDESK(0, 60_000)), [
      {
        ...{ does: 'open', key: '', at: START, direction: 'incoming' },
        ...{ ip: '77.232.122.31', peer: '442226597', unattended: true },
      },
      { does: 'close', key: '', at: START + 60_000 },
    ]))

  it('AnyDesk trace: a request that nobody let in is no session', () =>
    assert.deepEqual(read(anydeskTrace(), trace(0, 'app.backend_session', 'Incoming session request: X (123456)')), []))

  it('AnyDesk trace: an address of long ago is not the one', () => {
    const lines = [
      trace(-3_600_000, 'anynet.any_socket', 'Logged in from 192.0.2.1:4026 on relay 872f8937.'),
      trace(0, 'app.service', 'Accept request from 123456789 (via relay).'),
      trace(0, 'app.session', 'Authenticated by local user.'),
    ]
    assert.deepEqual(
      read(anydeskTrace(), lines.join('\n')).map((it) => [it.peer, it.ip, it.unattended]),
      [['123456789', null, false]],
    )
  })

  const START_MINUTE = START - (START % 60_000)
  const { day, time } = local(START_MINUTE - START)
  const connections: [line: string, expected: unknown[] | null][] = [
    [
      `Incoming    ${day}, ${time.slice(0, 5)}    User                              547911884    547911884`,
      ['incoming', '547911884', false],
    ],
    [
      `Incoming    ${day}, ${time.slice(0, 5)}    Passwd                            547911884    a@ad`,
      ['incoming', '547911884', true],
    ],
    [
      `Outgoing    ${day}, ${time.slice(0, 5)}    Token                             547911884    547911884`,
      ['outgoing', '547911884', true],
    ],
    [`Incoming    ${day}, ${time.slice(0, 5)}    REJECTED                          547911884    547911884`, null],
    ['Incoming    once', null],
  ]
  for (const [line, expected] of connections)
    it(`AnyDesk list: ${line.slice(0, 70)}`, () => {
      const [step] = read(anydeskConnections(), line)
      assert.deepEqual(step ? [step.direction, step.peer, step.unattended] : null, expected)
      if (step) assert.equal(step.at, START_MINUTE)
    })

  it('TeamViewer list', () => {
    const line =
      '514162531\tJames Moriarty\t20-08-2025 09:58:25\t20-08-2025 10:14:27\tCogwork_Admin\tRemoteControl\t{7ca6431e-30f6-45e3-9ac6-0ef1e0cecb6a}\t'
    assert.deepEqual(read(teamviewerConnections('incoming'), line), [
      {
        ...{ does: 'whole', key: '', at: Date.UTC(2025, 7, 20, 9, 58, 25), endedAt: Date.UTC(2025, 7, 20, 10, 14, 27) },
        ...{ direction: 'incoming', peer: '514162531' },
      },
    ])
    assert.deepEqual(read(teamviewerConnections('incoming'), 'x\ty\n\n1234567\tz\tyesterday'), [])
  })

  it('TeamViewer log', () =>
    assert.equal(
      read(
        teamviewerLog(),
        '2025/08/20 10:58:36.813  2804       3076 S0   UDPv4: punch received a=192.168.69.213:55408: (*)',
      )[0]?.ip,
      '192.168.69.213',
    ))

  it('RustDesk', () => {
    const prefix = (ms: number) => `[${iso(ms).replace('T', ' ').slice(0, 19)}.123456 +00:00]`
    const lines = [
      `${prefix(0)} DEBUG [src/server/connection.rs:1210] #1001 Connection opened from 203.0.113.9:50412.`,
      `${prefix(0)} INFO [src/server/video_service.rs:9] Connection opened from the past`,
      `${prefix(9_000)} INFO [src/server/connection.rs:900] #1001 connection loop exited`,
    ]
    assert.deepEqual(
      read(rustdesk(), lines.join('\n')).map((it) => [it.does, it.key, it.at - START, it.ip]),
      [
        ['open', '1001', 123, '203.0.113.9'],
        ['close', '1001', 9_123, undefined],
      ],
    )
  })

  it('Chrome Remote Desktop', () => {
    const who = 'Ann@example.com/chromoting_ftl_0523e78a'
    const lines = [
      `${iso(0)} host chromoting[812]: Client connected: ${who}`,
      `${iso(10)} host chromoting[812]: Channel IP for client: ${who} ip='203.0.113.9:22205' host_ip='192.0.2.2:1' channel='video' connection='direct'`,
      `${iso(20)} host chromoting[812]: Channel IP for client: ${who} ip='unknown' host_ip='' channel='' connection='relay'`,
      `${iso(30)} host nginx[1]: Client connected: nobody`,
      `${iso(40)} host chromoting[812]: Client disconnected: ${who}`,
    ]
    assert.deepEqual(
      read(chromeRemoteDesktop(), lines.join('\n')).map((it) => [it.does, it.at - START, it.peer, it.ip]),
      [
        ['open', 0, 'ann@example.com', undefined],
        ['more', 10, undefined, '203.0.113.9'],
        ['close', 40, undefined, undefined],
      ],
    )
  })

  it('sshd, by both kinds of time stamp', () => {
    const bsd = `${at(0).toString().slice(4, 7)} ${String(at(0).getDate()).padStart(2)} ${local(0).time}`
    const lines = [
      `${bsd} host sshd[77]: Accepted publickey for ann from 203.0.113.9 port 51234 ssh2: ED25519 SHA256:x`,
      `${iso(1_000)} host sshd-session[78]: Accepted password for invalid from from 2001:db8::1 port 1 ssh2`,
      `${iso(2_000)} host sshd[79]: Failed password for ann from 203.0.113.9 port 51234 ssh2`,
      `${iso(3_000)} host sshd[77]: pam_unix(sshd:session): session closed for user ann`,
      `${iso(3_000)} host sudo[77]: pam_unix(sudo:session): session closed for user root`,
    ]
    assert.deepEqual(
      read(sshd(), lines.join('\n')).map((it) => [it.does, it.key, it.at - START, it.ip]),
      [
        ['open', '77', 0, '203.0.113.9'],
        ['open', '78', 1_000, '2001:db8::1'],
        ['close', '77', 3_000, undefined],
      ],
    )
  })

  it('xrdp', () => {
    const stamp = (ms: number) => `[${local(ms).day.replaceAll('-', '')}-${local(ms).time}]`
    const lines = [
      `${stamp(0)} [INFO ] ++ created session (access granted): username kym, ip ::ffff:192.168.0.100:27900 - socket: 12`,
      `${stamp(0)} [INFO ] starting Xorg session...`,
      `${stamp(9_000)} [INFO ] ++ terminated session:  username kym, display :10.0, session_pid 906, ip ::ffff:192.168.0.100:27900 - socket: 12`,
    ]
    assert.deepEqual(
      read(xrdp(), lines.join('\n')).map((it) => [it.does, it.at - START, it.key, it.ip]),
      [
        ['open', 0, 'kym 192.168.0.100', '192.168.0.100'],
        ['close', 9_000, 'kym 192.168.0.100', undefined],
      ],
    )
  })

  it('addresses', () =>
    assert.deepEqual(
      [
        '203.0.113.9:50',
        '[2001:db8::1]:50',
        '::ffff:192.0.2.1:279',
        'fe80::1%eth0',
        '2001:db8::1',
        'unknown',
        '',
        undefined,
      ].map(addressOf),
      ['203.0.113.9', '2001:db8::1', '192.0.2.1', 'fe80::1', '2001:db8::1', null, null, null],
    ))

  it('a month that lies ahead was last year', () => {
    const january = new Date(2026, 0, 2).getTime()
    assert.equal(syslogTime('Dec 31 23:59:59 h x: y', january), new Date(2025, 11, 31, 23, 59, 59).getTime())
    assert.equal(syslogTime('Foo  1 00:00:00 h x: y', january), null)
  })

  it('hostile lines cost no more than their length', () => {
    const readers = [
      anydeskTrace,
      anydeskConnections,
      rustdesk,
      chromeRemoteDesktop,
      sshd,
      xrdp,
      teamviewerLog,
      () => teamviewerConnections('incoming'),
    ]
    const lines = [
      'info 2026-01-01 00:00:00 ',
      'Incoming   ',
      '[2026-01-01 00:00:00 +00:00] ',
      `${iso(0)} h sshd[1]: Accepted x for `,
    ]
    for (const make of readers)
      for (const line of lines)
        for (const fill of [' ', 'a', 'app.x - ', '(', ' for from '])
          assert.equal(read(make(), line + fill.repeat(8_192 / fill.length)).length, 0)
  })
})

const PASSWD = 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n'
const laptop = (paths: Record<string, string> = {}) =>
  fakeHost({ '/etc/passwd': PASSWD, '/var/log/wtmp': '', ...paths })
const said = (host: FakeHost, polls: Observation[][]) =>
  polls.map((poll) =>
    poll.map((it) => {
      if (it.category === 'collection_gap') return `gap ${it.About} ${it.Reason}`
      if (it.category !== 'remote_session') return it.category
      const { Tool, Direction, PeerIp, PeerIdHash, StartedAt, EndedAt, Unattended } = it
      const known = ['AnyDesk 442226597', 'AnyDesk 547911884', 'TeamViewer 514162531'].find(
        (id) => host.hmac(id) === PeerIdHash,
      )
      const peer = known ?? PeerIdHash
      return [
        Tool,
        Direction,
        PeerIp,
        peer,
        StartedAt - START,
        EndedAt === null ? null : EndedAt - START,
        Unattended,
      ].join(' ')
    }),
  )

describe('remote-sessions', () => {
  const HOUR = -3_600_000

  it('tells a session when it begins and when it ends, with the same start', async () => {
    const host = laptop()
    const path = '/var/log/anydesk.trace'
    const polls = await watchPolls(remoteSessions, host, [
      () => put(host.tree, path, ANYDESK(1_000)),
      () => {},
      () => put(host.tree, path, ANYDESK(1_000, 70_000)),
      () => {},
    ])
    assert.deepEqual(said(host, polls), [
      [],
      ['AnyDesk incoming 77.232.122.31 AnyDesk 442226597 1000  true'],
      [],
      ['AnyDesk incoming 77.232.122.31 AnyDesk 442226597 1000 70000 true'],
      [],
    ])
    assert.doesNotMatch(JSON.stringify(polls), /442226597|Somebody/)
  })

  it('a clock that is ahead for a moment forgets no session that goes on', async () => {
    const host = laptop()
    const path = '/var/log/anydesk.trace'
    const polls = await watchPolls(remoteSessions, host, [
      () => put(host.tree, path, ANYDESK(1_000)),
      () => host.setClock(15 * 86_400_000),
      () => host.setClock(-15 * 86_400_000),
      () => put(host.tree, path, ANYDESK(1_000, 110_000)),
    ])
    assert.deepEqual(said(host, polls).slice(2), [
      [],
      [],
      ['AnyDesk incoming 77.232.122.31 AnyDesk 442226597 1000 110000 true'],
    ])
  })

  it('more sessions than it keeps: the ended ones go first, and those that go on are counted', async () => {
    const opened = (n: number) =>
      `${iso(-60_000 + n)} h sshd[${n}]: Accepted publickey for ann from 203.0.113.9 port 5 ssh2\n`
    const closed = (n: number) => `${iso(0)} h sshd[${n}]: pam_unix(sshd:session): session closed for user ann\n`
    const lines = (make: (n: number) => string, from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => make(from + n)).join('')
    const log = '/var/log/auth.log'
    const first = lines(opened, 1, 101) + lines(closed, 1, 51)
    const host = laptop({ [log]: first })
    const polls = await watchPolls(remoteSessions, host, [
      () => put(host.tree, log, first + lines(opened, 101, 171)),
      () => put(host.tree, log, first + lines(opened, 101, 191)),
      () => put(host.tree, log, first + lines(opened, 101, 191) + lines(closed, 181, 191)),
    ])
    const gaps = polls.map((poll) => poll.flatMap((it) => (it.category === 'collection_gap' ? [it.Count] : [])))
    assert.deepEqual(gaps, [[], [], [12], []])
    assert.equal(polls[3]!.length, 10, 'the youngest are still known')
  })

  it("one session in the service's trace, the user's and the list is one", async () => {
    const { day, time } = local(HOUR)
    const host = laptop({
      '/etc/anydesk/connection_trace.txt': `Incoming    ${day}, ${time.slice(0, 5)}    Token      442226597    442226597\n`,
      '/home/ann/.anydesk/ad.trace': ANYDESK(HOUR, HOUR + 60_000),
    })
    const polls = said(host, await watchPolls(remoteSessions, host, [() => {}]))
    assert.equal(polls[0]?.length, 1)
    assert.match(polls[0]?.[0] ?? '', /^AnyDesk incoming 77\.232\.122\.31 AnyDesk 442226597 -36\d+ -3540000 true$/)
    assert.deepEqual(polls[1], [])
  })

  it('a restart tells nothing twice, and goes on where it was', async () => {
    const host = laptop({ '/var/log/anydesk.trace': ANYDESK(HOUR) })
    const first = await watchPolls(remoteSessions, host)
    const again = await watchPolls(remoteSessions, host)
    put(host.tree, '/var/log/anydesk.trace', ANYDESK(HOUR, HOUR + 90_000))
    const ended = await watchPolls(remoteSessions, host)
    assert.deepEqual(
      [first, again, ended].map((polls) =>
        said(host, polls)
          .flat()
          .map((it) => it.split(' ').slice(-2)[0]),
      ),
      [[''], [], [String(HOUR + 90_000)]],
    )
  })

  it('old sessions, and those that lie ahead, are not told', async () => {
    const host = laptop({ '/var/log/anydesk.trace': ANYDESK(-8 * 86_400_000) + ANYDESK(3 * 86_400_000) })
    assert.deepEqual(said(host, await watchPolls(remoteSessions, host)), [[]])
  })

  it('TeamViewer: the list tells who, its log from where', async () => {
    const european = (ms: number) => iso(ms).replace(/^(\d+)-(\d+)-(\d+)T(.{8}).*$/, '$3-$2-$1 $4')
    const { day, time } = local(HOUR)
    const host = laptop({
      '/var/log/teamviewer15/TeamViewer15_Logfile.log': `${day.replaceAll('-', '/')} ${time}.813  2804  3076 S0   UDPv4: punch received a=203.0.113.9:55408: (*)\n`,
      '/var/log/teamviewer15/Connections_incoming.txt': `514162531\tX\t${european(HOUR)}\t${european(HOUR + 60_000)}\tann\tRemoteControl\t{1}\t\n`,
    })
    assert.deepEqual(said(host, await watchPolls(remoteSessions, host)), [
      [`TeamViewer incoming 203.0.113.9 TeamViewer 514162531 ${HOUR} ${HOUR + 60_000} `],
    ])
  })

  it('RustDesk: an attempt of a few seconds is no session', async () => {
    const line = (ms: number, key: number, text: string) =>
      `[${iso(ms).replace('T', ' ').slice(0, 23)} +00:00] DEBUG [src/server/connection.rs:1] #${key} ${text}\n`
    const host = laptop({
      '/root/.local/share/logs/RustDesk/server/rustdesk_rCURRENT.log':
        line(HOUR, 1, 'Connection opened from 203.0.113.9:1.') +
        line(HOUR + 3_000, 1, 'connection loop exited') +
        line(HOUR, 2, 'Connection opened from 203.0.113.10:1.'),
    })
    assert.deepEqual(said(host, await watchPolls(remoteSessions, host)), [
      [`RustDesk incoming 203.0.113.10  ${HOUR}  `],
    ])
  })

  it('without a text log, sshd comes from wtmp', async () => {
    const entry = (type: number, line: string, host: string, ms: number) => {
      const bytes = Buffer.alloc(384)
      bytes.writeInt16LE(type, 0)
      bytes.write(line, 8)
      bytes.write(host, 76)
      bytes.writeInt32LE(Math.floor((START + ms) / 1_000), 340)
      return bytes
    }
    const host = laptop()
    const began = entry(7, 'pts/0', '203.0.113.9', HOUR)
    put(host.tree, '/var/log/wtmp', Buffer.concat([entry(7, 'tty1', '', HOUR), began]))
    const polls = await watchPolls(remoteSessions, host, [
      () =>
        put(
          host.tree,
          '/var/log/wtmp',
          Buffer.concat([entry(7, 'tty1', '', HOUR), began, entry(8, 'pts/0', '', 0), began.subarray(0, 9)]),
        ),
    ])
    assert.deepEqual(said(host, polls), [
      [`sshd incoming 203.0.113.9  ${HOUR}  `],
      [`sshd incoming 203.0.113.9  ${HOUR} 0 `],
    ])
  })

  it('says what it cannot read', async () => {
    const host = fakeHost({
      '/etc/passwd': PASSWD,
      '/var/log/auth.log': 'x',
      '/opt/google/chrome-remote-desktop/x': '',
      '/home/ann/.anydesk/ad.trace': { link: '/etc/shadow' },
      '/etc/shadow': ANYDESK(HOUR),
    })
    host.readPart = async () => Promise.reject(Object.assign(new Error('EACCES: not ours'), { code: 'EACCES' }))
    const [first] = said(host, await watchPolls(remoteSessions, host))
    assert.deepEqual(first, ['gap /var/log/auth.log denied', 'gap Chrome Remote Desktop unsupported'])
  })
})
