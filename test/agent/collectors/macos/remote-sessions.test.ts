/**
 * Source  the samples of AnyDesk, TeamViewer and Chrome Remote Desktop as in fixtures/remote-logs.ts and the test of
 *         Linux; lines of `log stream --style ndjson` with the fields that log(1) and public output have, messages of
 *         OpenSSH and screensharingd. Nothing was recorded on a Mac of ours.
 */
import assert from 'node:assert/strict'
import { parseSignIn } from '../../../../agent/collectors/macos/kit/sign-ins.ts'
import { remoteSessions } from '../../../../agent/collectors/macos/remote-sessions.ts'
import type { LineFeed } from '../../../../agent/host/macos/calls.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { HOUR } from '../../../../wire/time.ts'
import { fakeHost, policy, START, watchPolls } from '../../fake-host.ts'
import { ANYDESK, iso } from '../../fixtures/remote-logs.ts'
import { fakeMac } from './fake-mac.ts'

const SSHD = '/usr/libexec/sshd-session'
const SCREEN = '/System/Library/CoreServices/RemoteManagement/screensharingd.bundle/Contents/MacOS/screensharingd'
const logged = (ms: number, processImagePath: string, eventMessage: string) =>
  JSON.stringify({
    ...{
      traceID: 1,
      eventMessage,
      eventType: 'logEvent',
      source: null,
      subsystem: '',
      processID: 77,
      processImagePath,
    },
    timestamp: `${new Date(START + ms).toISOString().replace('T', ' ').slice(0, 23)}000+0000`,
  })
const sessions = (found: Observation[]) =>
  found
    .filter((it): it is ObservationOf<'remote_session'> => it.category === 'remote_session')
    .map(
      (it) =>
        `${it.Tool} ${it.Direction} ${it.PeerIp} ${it.StartedAt - START} ${it.EndedAt === null ? null : it.EndedAt - START}`,
    )

describe('agent/collectors/macos/remote-sessions', () => {
  it('AnyDesk, TeamViewer, RustDesk and Chrome Remote Desktop, by their files', async () => {
    const host = fakeHost({
      '/Users/ann/.anydesk/anydesk.trace': ANYDESK(-HOUR, -HOUR + 60_000),
      '/Library/Logs/TeamViewer/Connections_incoming.txt':
        '1234567890\tLAPTOP\t02-11-2026 08:00:00\t02-11-2026 08:30:00\tann\tRemoteControl\t{abc}\r\n',
      '/var/log/org.chromium.chromoting.log': `${iso(-HOUR)} mac chromoting[7]: Client connected: ann@example.com/chromoting_ftl_1.\n`,
    })
    const [first] = await watchPolls(remoteSessions(fakeMac()), host, [], policy, 'macos')
    assert.deepEqual(sessions(first!), [
      'AnyDesk incoming 77.232.122.31 -3600000 -3540000',
      'TeamViewer incoming null -3600000 -1800000',
      'Chrome Remote Desktop incoming null -3600000 null',
    ])
  })

  it("sshd and Screen Sharing, by macOS' log; a child that ended is a gap, and is asked again", async () => {
    const answers: ReturnType<LineFeed['read']>[] = [
      {
        lines: [
          'Filtering the log data using "process == …"',
          logged(-5_000, SSHD, 'Accepted publickey for ann from 203.0.113.9 port 50123 ssh2: ED25519 SHA256:abc'),
          logged(
            -4_000,
            SCREEN,
            'Authentication: SUCCEEDED :: User Name: ann :: Viewer Address: 198.51.100.7 :: Type: DH',
          ),
        ],
        ...{ lost: 0, failure: null },
      },
      { lines: [logged(20_000, SSHD, 'Disconnected from user ann 203.0.113.9 port 50123')], lost: 3, failure: null },
      { lines: [], lost: 0, failure: Object.assign(new Error('EPERM: log: not permitted'), { code: 'EPERM' }) },
    ]
    let closed = 0
    const mac = fakeMac({
      signIns: () => ({
        read: () => answers.shift() ?? { lines: [], lost: 0, failure: null },
        close: () => void closed++,
      }),
    })
    const found = await watchPolls(remoteSessions(mac), fakeHost({}), [() => {}, () => {}], policy, 'macos')
    assert.deepEqual(found.map(sessions), [
      ['sshd incoming 203.0.113.9 -5000 null', 'Apple Screen Sharing incoming 198.51.100.7 -4000 null'],
      ['sshd incoming 203.0.113.9 -5000 20000'],
      [],
    ])
    const gaps = found
      .flat()
      .flatMap((it) => (it.category === 'collection_gap' ? [`${it.About} ${it.Reason} ${it.Count}`] : []))
    assert.deepEqual(gaps, ["macOS' log overflow 3", "macOS' log denied null"])
    assert.equal(closed, 1)
  })

  it('a known tool without a reader is a gap', async () => {
    const host = fakeHost({
      '/Applications/connectwisecontrol-0123456789abcdef.app/x': '',
      '/Applications/NoMachine.app/x': '',
    })
    const [first] = await watchPolls(remoteSessions(fakeMac()), host, [], policy, 'macos')
    assert.deepEqual(
      first!.map((it) => it.category === 'collection_gap' && [it.About, it.Reason]),
      [
        ['NoMachine', 'unsupported'],
        ['ScreenConnect', 'unsupported'],
      ],
    )
  })

  const accepted = 'Accepted password for ann from 203.0.113.9 port 5 ssh2'
  const none: [name: string, line: string][] = [
    ['another program that writes the words', logged(0, '/Users/ann/sshd', accepted)],
    [
      'a failed attempt',
      logged(0, SCREEN, 'Authentication: FAILED :: User Name: ann :: Viewer Address: 198.51.100.7 :: Type: DH'),
    ],
    ['no address', logged(0, SSHD, 'Accepted password for ann from host.example port 5 ssh2')],
    ['no time', logged(0, SSHD, accepted).replace(/"timestamp":"[^"]*"/, '"timestamp":"9999"')],
    ['cut', logged(0, SSHD, accepted).slice(0, 60)],
    ['no JSON', 'Timestamp'],
    ['a list', '{}'],
  ]
  for (const [name, line] of none) it(`is no sign-in: ${name}`, () => assert.equal(parseSignIn(line), null))
})
