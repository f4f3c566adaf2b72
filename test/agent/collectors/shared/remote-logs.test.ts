import assert from 'node:assert/strict'
import {
  addressOf,
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  gnomeRemoteDesktop,
  nomachine,
  type Reader,
  rustdesk,
  splashtop,
  sshd,
  syslogTime,
  tailscaleSsh,
  teamviewerConnections,
  teamviewerLog,
  xrdp,
} from '../../../../agent/collectors/shared/remote-logs.ts'
import { HOUR } from '../../../../wire/time.ts'
import { START } from '../../fake-host.ts'
import { ANYDESK, at, GNOME, iso, local, NOMACHINE, TAILSCALE, trace } from '../../fixtures/remote-logs.ts'

const read = (reader: Reader, lines: string) =>
  lines.split(/\r?\n/).flatMap((line) => {
    const step = reader(line, START)
    return step === null ? [] : [step]
  })

describe('agent/collectors/shared/remote-logs', () => {
  it('AnyDesk trace', () =>
    assert.deepEqual(read(anydeskTrace(), ANYDESK(0, 60_000)), [
      {
        ...{ kind: 'open', key: '', at: START, direction: 'incoming' },
        ...{ ip: '77.232.122.31', peer: '442226597', unattended: true },
      },
      { kind: 'close', key: '', at: START + 60_000 },
    ]))

  const accepted: [text: string, unattended: boolean | null][] = [
    ['Authenticated by local user.', false],
    ['7: Authenticated by password.', true],
    ['Authenticated with permanent token.', true],
    ["Authenticated with correct passphrase of profile '_unattended_access'.", true],
    ['Authenticated by something that a later version has.', null],
  ]
  for (const [text, unattended] of accepted)
    it(`AnyDesk trace: ${text}`, () => {
      const lines = [
        trace(0, 'app.backend_session', 'Incoming session request: - (123456789)'),
        trace(4_000, 'app.session', text),
      ]
      assert.deepEqual(
        read(anydeskTrace(), lines.join('\n')).map((it) => [it.kind, it.peer, it.unattended]),
        [['open', '123456789', unattended]],
      )
    })

  it('AnyDesk: an alias instead of the number', () => {
    const lines = [
      trace(0, 'app.backend_session', 'Incoming session request: Ann (ann@ad)'),
      trace(4_000, 'app.session', 'Authenticated by local user.'),
    ]
    assert.deepEqual(
      read(anydeskTrace(), lines.join('\n')).map((it) => it.peer),
      ['ann@ad'],
    )
    const { day, time } = local(0)
    const list = ['ann@ad   442226597', '442226597   ann@ad', 'ann@ad   ann@ad', 'rubbish'].map(
      (ids) => `Incoming    ${day}, ${time.slice(0, 5)}    User    ${ids}`,
    )
    assert.deepEqual(
      read(anydeskConnections(), list.join('\n')).map((it) => it.peer),
      ['442226597', '442226597', 'ann@ad'],
    )
  })

  it('TeamViewer: the zone that the log names', () => {
    const log =
      'Start: 2026/11/02 11:00:00.000 (UTC+2:00)\n2026/11/02 11:00:01.500 1 2 G1 punch received a=198.51.100.7:5:\n'
    assert.deepEqual(read(teamviewerLog(), log), [
      { kind: 'update', key: 'punch', at: Date.UTC(2026, 10, 2, 9, 0, 1), ip: '198.51.100.7' },
    ])
  })

  it('xrdp 0.10', () => {
    const log = [
      '[2026-11-02T10:00:00.100+0100] [INFO ] Socket 8: AF_INET6 connection received from ::ffff:192.0.2.1 port 33445',
      '[2026-11-02T10:00:02.123+0100] [INFO ] [sesman_con] Session started successfully for user ann on display 10',
      '[2026-11-02T11:00:02.123+0100] [INFO ] Window manager (pid 907, display 10) finished normally in 3600 secs',
      '[2026-99-02T11:00:02.123+0100] [INFO ] Session started successfully for user ann on display 10',
    ]
    const began = Date.UTC(2026, 10, 2, 9, 0, 2, 123)
    assert.deepEqual(read(xrdp(), log.join('\n')), [
      { kind: 'open', key: 'display 10', at: began, direction: 'incoming', ip: '192.0.2.1' },
      { kind: 'close', key: 'display 10', at: began + HOUR },
    ])
  })

  it('xrdp between the two: one session, not two', () => {
    const { day, time } = local(0)
    const stamp = `[${day.replaceAll('-', '')}-${time}] [INFO ]`
    const log = [
      `${stamp} ++ created session (access granted): username ann, ip ::ffff:192.0.2.1:279 - socket: 12`,
      `${stamp} Session started successfully for user ann on display 10`,
    ]
    assert.equal(read(xrdp(), log.join('\n')).length, 1)
  })

  it('Splashtop', () => {
    const it = at(0)
    const month = it.toString().slice(4, 7)
    const day = String(it.getDate()).padStart(2, '0')
    const line = (text: string) => `<I> ${month}${day} ${local(0).time}.194 SM_03280[Network] [LAN-S][Server] ${text}`
    const log = [line('client connected from 198.51.100.134 (2), 288'), line('client disconnected'), line('idle'), 'x']
    assert.deepEqual(read(splashtop(), log.join('\n')), [
      { kind: 'open', key: '', at: START, direction: 'incoming', ip: '198.51.100.134' },
      { kind: 'close', key: '', at: START },
    ])
  })

  it('NoMachine, and its version 6', () => {
    const { day, time } = local(0)
    const old = [
      `    ${day} ${time} 832.494   201 NXSERVER User 'root' logged in from '172.17.0.1' using authentication method password.`,
      `    ${day} ${time} 832.494    14 NXSERVER WARNING! Process '/usr/NX/bin/nxexec' with pid '219/219' finished.`,
    ]
    assert.deepEqual(
      read(nomachine(), `${NOMACHINE(0, 60_000)}${old.join('\n')}`).map((it) => [
        it.kind,
        it.key,
        it.at - START,
        it.ip,
      ]),
      [
        ['open', '2629', 0, '198.51.100.7'],
        ['close', '2629', 60_000, undefined],
        ['open', '201', 0, '172.17.0.1'],
      ],
    )
  })

  it('NoMachine: a name that looks like the rest of the line', () => {
    const { day, time } = local(0)
    const name = "x' logged in from '192.0.2.1' using NX-password"
    const line = `7 7 ${day} ${time} 000.001 NXSERVER User '${name}' logged in from '198.51.100.7' using NX-password.`
    assert.deepEqual(
      read(nomachine(), line).map((it) => it.ip),
      ['198.51.100.7'],
    )
  })

  it('Tailscale SSH', () => {
    assert.deepEqual(read(tailscaleSsh(), TAILSCALE(0, 60_000)), [
      {
        ...{ kind: 'open', key: 'sess-20261102T090000-5b2acc170e', at: START, direction: 'incoming' },
        ...{ ip: '100.100.83.67', peer: 'ann@example.com' },
      },
      { kind: 'close', key: 'sess-20261102T090000-5b2acc170e', at: START + 60_000 },
    ])
    const line = (text: string) => `${iso(0)} h tailscaled[592]: ssh-session(sess-1): ${text}\n`
    const refused = line('handling new SSH connection from ben@example.com (100.64.1.2) to ssh-user "root"')
    assert.deepEqual(read(tailscaleSsh(), refused + line('access denied')), [])
    assert.deepEqual(
      read(tailscaleSsh(), line('access granted to Ben@example.com as ssh-user "root"')).map((it) => [it.ip, it.peer]),
      [[null, 'ben@example.com']],
    )
  })

  it('GNOME Remote Desktop: with and without the end, on systems that cut its name', () => {
    const begins = GNOME(0)
    const name = 'gnome-remote-desktop-daemon'
    const log = begins + begins + GNOME(HOUR, 2 * HOUR).replaceAll('gnome-remote-de', name) + GNOME(3 * HOUR)
    assert.deepEqual(
      read(gnomeRemoteDesktop(), log).map((it) => [it.kind, it.key, it.at - START]),
      [
        ['open', 'gnome 4158', 0],
        ['open', 'gnome 4158', HOUR],
        ['close', 'gnome 4158', 2 * HOUR],
        ['open', 'gnome 4158', 3 * HOUR],
      ],
    )
  })

  for (const text of [
    'Session closed by remote side: user_close',
    '3: Session stopped.',
    'The socket was closed remotely.',
    'The user has requested a connection quit.',
  ])
    it(`AnyDesk trace: ${text}`, () =>
      assert.deepEqual(read(anydeskTrace(), trace(9_000, 'app.backend_session', text)), [
        { kind: 'close', key: '', at: START + 9_000 },
      ]))

  it('AnyDesk trace: a rejected request is not a session', () =>
    assert.deepEqual(read(anydeskTrace(), trace(0, 'app.backend_session', 'Incoming session request: X (123456)')), []))

  it('AnyDesk trace: ignores an old address', () => {
    const lines = [
      trace(-HOUR, 'anynet.any_socket', 'Logged in from 192.0.2.1:4026 on relay 872f8937.'),
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
        ...{
          kind: 'complete',
          key: '',
          at: Date.UTC(2025, 7, 20, 9, 58, 25),
          endedAt: Date.UTC(2025, 7, 20, 10, 14, 27),
        },
        ...{ direction: 'incoming', peer: '514162531' },
      },
    ])
    assert.deepEqual(read(teamviewerConnections('incoming'), 'x\ty\n\n1234567\tz\tyesterday'), [])
    const endless = read(
      teamviewerConnections('incoming'),
      '514162532 \tA B\t20-08-2025 09:58:25\t\tann\tRemoteControl\t{7c}',
    )
    assert.deepEqual(endless, [
      { kind: 'complete', key: '', at: Date.UTC(2025, 7, 20, 9, 58, 25), direction: 'incoming', peer: '514162532' },
    ])
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
      read(rustdesk(), lines.join('\n')).map((it) => [it.kind, it.key, it.at - START, it.ip]),
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
      `${iso(35)} host chrome-remote-desktop-host[813]: Client connected: ben@example.com/chromoting_ftl_1`,
      `${iso(40)} host chromoting[812]: Client disconnected: ${who}`,
    ]
    assert.deepEqual(
      read(chromeRemoteDesktop(), lines.join('\n')).map((it) => [it.kind, it.at - START, it.peer, it.ip]),
      [
        ['open', 0, 'ann@example.com', undefined],
        ['update', 10, undefined, '203.0.113.9'],
        ['open', 35, 'ben@example.com', undefined],
        ['close', 40, undefined, undefined],
      ],
    )
  })

  it('sshd, with both kinds of timestamps', () => {
    const bsd = `${at(0).toString().slice(4, 7)} ${String(at(0).getDate()).padStart(2)} ${local(0).time}`
    const lines = [
      `${bsd} host sshd[77]: Accepted publickey for ann from 203.0.113.9 port 51234 ssh2: ED25519 SHA256:x`,
      `${iso(1_000)} host sshd-session[78]: Accepted password for invalid from from 2001:db8::1 port 1 ssh2`,
      `${iso(2_000)} host sshd[79]: Failed password for ann from 203.0.113.9 port 51234 ssh2`,
      `${iso(3_000)} host sshd[77]: pam_unix(sshd:session): session closed for user ann`,
      `${iso(2_500)} host sshd-auth[80]: Accepted password for ann from 203.0.113.9 port 1 ssh2`,
      `${iso(3_000)} host sudo[77]: pam_unix(sudo:session): session closed for user root`,
    ]
    assert.deepEqual(
      read(sshd(), lines.join('\n')).map((it) => [it.kind, it.key, it.at - START, it.ip]),
      [
        ['open', '77', 0, '203.0.113.9'],
        ['open', '78', 1_000, '2001:db8::1'],
        ['close', '77', 3_000, undefined],
        ['open', '80', 2_500, '203.0.113.9'],
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
      read(xrdp(), lines.join('\n')).map((it) => [it.kind, it.at - START, it.key, it.ip]),
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

  it('a month in the future was last year', () => {
    const january = new Date(2026, 0, 2).getTime()
    assert.equal(syslogTime('Dec 31 23:59:59 h x: y', january), new Date(2025, 11, 31, 23, 59, 59).getTime())
    assert.equal(syslogTime('Foo  1 00:00:00 h x: y', january), null)
    assert.equal(syslogTime('2026-11-02T49:00:00+00:00 h x: y', january), null)
  })

  // Of this length, a reader that needs quadratic time does not end before the timeout.
  it('parses hostile lines in linear time', () => {
    const readers = [
      anydeskTrace,
      anydeskConnections,
      rustdesk,
      chromeRemoteDesktop,
      sshd,
      xrdp,
      splashtop,
      nomachine,
      tailscaleSsh,
      gnomeRemoteDesktop,
      teamviewerLog,
      () => teamviewerConnections('incoming'),
    ]
    const lines = [
      'info 2026-01-01 00:00:00 ',
      'Incoming   ',
      '[2026-01-01 00:00:00 +00:00] ',
      `${iso(0)} h sshd[1]: Accepted x for `,
      "7 7 2026-01-01 00:00:00 1.1 NXSERVER User '",
      `${iso(0)} h tailscaled[1]: ssh-session(sess-1): access granted to `,
      `${iso(0)} h tailscaled[1]: ssh-session(sess-1): handling new SSH connection from `,
      `${iso(0)} h gnome-remote-de[1]: [RDP.`,
      '<I> Jan01 00:00:00.0 ',
    ]
    for (const make of readers)
      for (const line of lines)
        for (const fill of [' ', 'a', 'app.x - ', '(', ' for from ', "' logged in from '", ' tailscaled: '])
          assert.equal(read(make(), line + fill.repeat(262_144 / fill.length)).length, 0)
  })
})
