import assert from 'node:assert/strict'
import { remoteSessions } from '../../../../agent/collectors/linux/remote-sessions.ts'
import type { Observation } from '../../../../wire/event.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { type FakeHost, fakeHost, put, START, watchPolls } from '../../fake-host.ts'
import { ANYDESK, GNOME, iso, local, NOMACHINE, TAILSCALE } from '../../fixtures/remote-logs.ts'

const PASSWD = 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n'
const laptop = (paths: Record<string, string> = {}) =>
  fakeHost({ '/etc/passwd': PASSWD, '/var/log/wtmp': '', ...paths })
const reported = (host: FakeHost, polls: Observation[][]) =>
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

describe('agent/collectors/linux/remote-sessions', () => {
  const HOUR_AGO = -HOUR
  /** In logs with whole seconds. */
  const at = (ms: number) => Math.floor((START + ms) / 1_000) * 1_000 - START

  it('reports a session when it begins and when it ends, with the same start', async () => {
    const host = laptop()
    const path = '/var/log/anydesk.trace'
    const polls = await watchPolls(remoteSessions, host, [
      () => put(host.tree, path, ANYDESK(1_000)),
      () => {},
      () => put(host.tree, path, ANYDESK(1_000, 70_000)),
      () => {},
    ])
    assert.deepEqual(reported(host, polls), [
      [],
      ['AnyDesk incoming 77.232.122.31 AnyDesk 442226597 1000  true'],
      [],
      ['AnyDesk incoming 77.232.122.31 AnyDesk 442226597 1000 70000 true'],
      [],
    ])
    assert.doesNotMatch(JSON.stringify(polls), /442226597|Somebody/)
  })

  it('a clock that is ahead for a moment drops no open session', async () => {
    const host = laptop()
    const path = '/var/log/anydesk.trace'
    const polls = await watchPolls(remoteSessions, host, [
      () => put(host.tree, path, ANYDESK(1_000)),
      () => host.setClock(15 * DAY),
      () => host.setClock(-15 * DAY),
      () => put(host.tree, path, ANYDESK(1_000, 110_000)),
    ])
    assert.deepEqual(reported(host, polls).slice(2), [
      [],
      [],
      ['AnyDesk incoming 77.232.122.31 AnyDesk 442226597 1000 110000 true'],
    ])
  })

  it('a session whose end was forged into the far future ends when its line is read', async () => {
    const opened = `${iso(-60_000)} h sshd[7]: Accepted publickey for ann from 203.0.113.9 port 5 ssh2\n`
    const closed = '9999-12-31T00:00:00+00:00 h sshd[7]: pam_unix(sshd:session): session closed for user ann\n'
    const host = laptop({ '/var/log/auth.log': opened })
    const polls = await watchPolls(remoteSessions, host, [() => put(host.tree, '/var/log/auth.log', opened + closed)])
    const ends = polls.map((poll) => poll.flatMap((it) => (it.category === 'remote_session' ? [it.EndedAt] : [])))
    assert.deepEqual(ends, [[null], [host.clock]])
  })

  it('beyond its limit, removes ended sessions first, and counts open ones', async () => {
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

  it("reports a session in the service's trace, the user's trace and the list once", async () => {
    const { day, time } = local(HOUR_AGO)
    const host = laptop({
      '/etc/anydesk/connection_trace.txt': `Incoming    ${day}, ${time.slice(0, 5)}    Token      442226597    442226597\n`,
      '/home/ann/.anydesk/ad.trace': ANYDESK(HOUR_AGO, HOUR_AGO + 60_000),
    })
    const polls = reported(host, await watchPolls(remoteSessions, host, [() => {}]))
    assert.equal(polls[0]?.length, 1)
    assert.match(polls[0]?.[0] ?? '', /^AnyDesk incoming 77\.232\.122\.31 AnyDesk 442226597 -36\d+ -3540000 true$/)
    assert.deepEqual(polls[1], [])
  })

  it('after a restart, reports nothing twice, and continues at its position', async () => {
    const host = laptop({ '/var/log/anydesk.trace': ANYDESK(HOUR_AGO) })
    const first = await watchPolls(remoteSessions, host)
    const again = await watchPolls(remoteSessions, host)
    put(host.tree, '/var/log/anydesk.trace', ANYDESK(HOUR_AGO, HOUR_AGO + 90_000))
    const ended = await watchPolls(remoteSessions, host)
    assert.deepEqual(
      [first, again, ended].map((polls) =>
        reported(host, polls)
          .flat()
          .map((it) => it.split(' ').slice(-2)[0]),
      ),
      [[''], [], [String(HOUR_AGO + 90_000)]],
    )
  })

  it('does not report old sessions, or sessions in the future', async () => {
    const host = laptop({ '/var/log/anydesk.trace': ANYDESK(-8 * DAY) + ANYDESK(3 * DAY) })
    assert.deepEqual(reported(host, await watchPolls(remoteSessions, host)), [[]])
  })

  it('TeamViewer: combines the peer from the list with the address from the log', async () => {
    const european = (ms: number) => iso(ms).replace(/^(\d+)-(\d+)-(\d+)T(.{8}).*$/, '$3-$2-$1 $4')
    const { day, time } = local(HOUR_AGO)
    const host = laptop({
      '/var/log/teamviewer15/TeamViewer15_Logfile.log': `${day.replaceAll('-', '/')} ${time}.813  2804  3076 S0   UDPv4: punch received a=203.0.113.9:55408: (*)\n`,
      '/var/log/teamviewer15/Connections_incoming.txt': `514162531\tX\t${european(HOUR_AGO)}\t${european(HOUR_AGO + 60_000)}\tann\tRemoteControl\t{1}\t\n`,
    })
    assert.deepEqual(reported(host, await watchPolls(remoteSessions, host)), [
      [`TeamViewer incoming 203.0.113.9 TeamViewer 514162531 ${HOUR_AGO} ${HOUR_AGO + 60_000} `],
    ])
  })

  it('RustDesk: an attempt of a few seconds is not a session', async () => {
    const line = (ms: number, key: number, text: string) =>
      `[${iso(ms).replace('T', ' ').slice(0, 23)} +00:00] DEBUG [src/server/connection.rs:1] #${key} ${text}\n`
    const host = laptop({
      '/root/.local/share/logs/RustDesk/server/rustdesk_rCURRENT.log':
        line(HOUR_AGO, 1, 'Connection opened from 203.0.113.9:1.') +
        line(HOUR_AGO + 3_000, 1, 'connection loop exited') +
        line(HOUR_AGO, 2, 'Connection opened from 203.0.113.10:1.'),
    })
    assert.deepEqual(reported(host, await watchPolls(remoteSessions, host)), [
      [`RustDesk incoming 203.0.113.10  ${HOUR_AGO}  `],
    ])
  })

  it('reads sshd sessions from wtmp without a text log', async () => {
    const entry = (type: number, line: string, host: string, ms: number) => {
      const bytes = Buffer.alloc(384)
      bytes.writeInt16LE(type, 0)
      bytes.write(line, 8)
      bytes.write(host, 76)
      bytes.writeInt32LE(Math.floor((START + ms) / 1_000), 340)
      return bytes
    }
    const host = laptop()
    const began = entry(7, 'pts/0', '203.0.113.9', HOUR_AGO)
    put(host.tree, '/var/log/wtmp', Buffer.concat([entry(7, 'tty1', '', HOUR_AGO), began]))
    const polls = await watchPolls(remoteSessions, host, [
      () =>
        put(
          host.tree,
          '/var/log/wtmp',
          Buffer.concat([entry(7, 'tty1', '', HOUR_AGO), began, entry(8, 'pts/0', '', 0), began.subarray(0, 9)]),
        ),
    ])
    assert.deepEqual(reported(host, polls), [
      [`sshd incoming 203.0.113.9  ${HOUR_AGO}  `],
      [`sshd incoming 203.0.113.9  ${HOUR_AGO} 0 `],
    ])
  })

  const installed = {
    '/home/ann/.config/systemd/user/gnome-session.target.wants/gnome-remote-desktop.service': '',
    '/var/lib/tailscale/x': '',
    '/opt/google/chrome-remote-desktop/x': '',
    '/usr/NX/bin/nxserver': '',
  }

  it('reads the sessions of several tools from one syslog, and NoMachine from its own log', async () => {
    const host = laptop({
      ...installed,
      '/usr/NX/var/log/nxserver.log': NOMACHINE(HOUR_AGO, HOUR_AGO + 60_000),
      '/var/log/syslog': `${GNOME(HOUR_AGO)}${TAILSCALE(HOUR_AGO, HOUR_AGO + 60_000)}${iso(HOUR_AGO)} h chromoting[1]: Client connected: ben@example.com/x\n`,
    })
    const who = (id: string) => host.hmac(id)
    const polls = await watchPolls(remoteSessions, host)
    assert.deepEqual(reported(host, polls), [
      [
        `NoMachine incoming 198.51.100.7  ${at(HOUR_AGO)} ${at(HOUR_AGO) + 60_000} `,
        `GNOME Remote Desktop incoming   ${HOUR_AGO}  `,
        `Tailscale SSH incoming 100.100.83.67 ${who('Tailscale SSH ann@example.com')} ${HOUR_AGO} ${HOUR_AGO + 60_000} `,
        `Chrome Remote Desktop incoming  ${who('Chrome Remote Desktop ben@example.com')} ${HOUR_AGO}  `,
      ],
    ])
    assert.doesNotMatch(JSON.stringify(polls), /example\.com|ann/)
  })

  it('a known tool that is installed and whose sessions are nowhere in text is a gap', async () => {
    const host = laptop({
      ...installed,
      '/opt/connectwisecontrol-0123456789abcdef/x': '',
      '/opt/screenconnectors/x': '',
      '/usr/local/mesh_services/meshagent/x': '',
    })
    const [first] = reported(host, await watchPolls(remoteSessions, host))
    assert.deepEqual(
      first,
      [
        'Chrome Remote Desktop',
        'Tailscale SSH',
        'GNOME Remote Desktop',
        'NoMachine',
        'MeshCentral',
        'ScreenConnect',
      ].map((it) => `gap ${it} unsupported`),
    )
  })

  it('reports what it cannot read', async () => {
    const host = fakeHost({
      '/etc/passwd': PASSWD,
      '/var/log/auth.log': 'x',
      '/opt/google/chrome-remote-desktop/x': '',
      '/home/ann/.anydesk/ad.trace': { link: '/etc/shadow' },
      '/etc/shadow': ANYDESK(HOUR_AGO),
    })
    host.readPart = async () => Promise.reject(Object.assign(new Error('EACCES: not ours'), { code: 'EACCES' }))
    const [first] = reported(host, await watchPolls(remoteSessions, host))
    assert.deepEqual(first, ['gap /var/log/auth.log denied', 'gap Chrome Remote Desktop unsupported'])
  })
})
